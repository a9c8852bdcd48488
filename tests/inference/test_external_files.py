from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from idol_runtime.inference.external_files import external_files


def saved(path: Path, locations: list[str]) -> bytes:
    """A model whose tensors lie in the files of these names, beside one that holds its own."""
    inside = helper.make_tensor("inside", TensorProto.FLOAT, [300], [0.5] * 300)
    tensors = [inside]
    for number, location in enumerate(locations):
        tensor = TensorProto(name=f"t{number}", data_type=TensorProto.FLOAT, dims=[4])
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("offset", "0"), ("location", location), ("length", "16")):
            tensor.external_data.add(key=key, value=value)
        tensors.append(tensor)
    node = helper.make_node("Relu", ["x"], ["y"])
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])
    graph = helper.make_graph([node], "g", [value], [result], tensors)
    content: bytes = helper.make_model(graph).SerializeToString()
    path.write_bytes(content)
    return content


@given(st.lists(st.text(min_size=1, max_size=200).filter(str.isprintable), max_size=4))
def test_the_files_are_those_onnx_itself_finds(
    tmp_path_factory: pytest.TempPathFactory, locations: list[str]
) -> None:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    saved(path, locations)
    read = onnx.load(path, load_external_data=False)
    theirs = {
        entry.value
        for tensor in read.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert external_files(path) == theirs == set(locations)


def test_what_is_cut_short_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    content = saved(path, ["weights.bin"])
    for size in range(1, len(content), 7):
        path.write_bytes(content[:size])
        try:
            external_files(path)
        except ValueError:
            continue
        onnx.load(path, load_external_data=False)  # whole fields are a whole message


@given(st.binary(max_size=300))
def test_anything_at_all_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    path.write_bytes(content)
    try:
        found = external_files(path)
    except ValueError:
        return
    assert all(isinstance(each, str) for each in found)
