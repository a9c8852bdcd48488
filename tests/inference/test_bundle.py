import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import open_bundle, write_manifest


def model(external: str | None = None) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=external)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.onnx").write_bytes(model().SerializeToString())
    (tmp_path / "vocab.json").write_text("{}")
    write_manifest(tmp_path, kind="face", name="f", licence="Apache-2.0", config={"fps": 30})
    return tmp_path


def test_a_bundle_is_read_back_as_it_was_written(folder: Path) -> None:
    bundle = open_bundle(folder, "face")
    assert bundle.manifest.config == {"fps": 30}
    assert bundle.path("m.onnx") == folder / "m.onnx"


def test_a_file_the_manifest_does_not_name_is_refused(folder: Path) -> None:
    (folder / "extra.bin").write_bytes(b"1")
    with pytest.raises(BundleError, match=r"extra\.bin"):
        open_bundle(folder, "face").path("extra.bin")


def test_a_truncated_file_is_named_with_both_sizes(folder: Path) -> None:
    data = (folder / "m.onnx").read_bytes()
    (folder / "m.onnx").write_bytes(data[:-7])
    with pytest.raises(BundleError, match=rf"m\.onnx: expected {len(data)} bytes, found"):
        open_bundle(folder, "face")


def test_an_altered_file_of_the_same_size_is_found_by_its_hash(folder: Path) -> None:
    data = bytearray((folder / "vocab.json").read_bytes())
    data[0] ^= 1
    (folder / "vocab.json").write_bytes(bytes(data))
    with pytest.raises(BundleError, match=r"vocab\.json: expected sha256"):
        open_bundle(folder, "face")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    with pytest.raises(BundleError, match=r"vocab\.json"):
        open_bundle(folder, "face")


def test_a_bundle_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match="expected a pose bundle, found kind `face`"):
        open_bundle(folder, "pose")


def test_a_folder_without_a_manifest_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="idol models pull"):
        open_bundle(tmp_path, "face")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b"])
def test_a_manifest_that_names_a_file_outside_is_refused(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": "0" * 64, "size": 1}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="leaves the bundle"):
        open_bundle(folder, "face")


@pytest.mark.parametrize("location", ["../weights.bin", "/elsewhere/weights.bin"])
def test_a_model_whose_weights_lie_outside_is_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "m.onnx").write_bytes(model(external=location).SerializeToString())
    write_manifest(tmp_path, kind="face", name="f", licence="x", config={})
    with pytest.raises(BundleError, match="outside the bundle"):
        open_bundle(tmp_path, "face")


def test_a_manifest_with_an_unknown_key_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | {"pickle": "model.pkl"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="pickle"):
        open_bundle(folder, "face")


def test_a_manifest_of_another_format_says_so(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | {"format": 99}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="format 1, found 99"):
        open_bundle(folder, "face")


def test_the_test_model_is_valid() -> None:
    onnx.checker.check_model(model())
