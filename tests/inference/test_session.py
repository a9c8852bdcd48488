from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

import idol_runtime.inference.session as runtime_onnx
from idol_runtime.errors import BundleError, ProviderError
from idol_runtime.inference.session import OnnxSession, cuda_problem, resolve_provider


@pytest.fixture
def model(tmp_path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["sum"])],
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "ab"],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n"])],
    )
    path = tmp_path / "add.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return path


def test_names_go_in_and_names_come_out(model: Path) -> None:
    one = np.ones(3, np.float32)
    np.testing.assert_array_equal(OnnxSession(model).run({"a": one, "b": one})["sum"], 2 * one)


def test_a_truncated_model_is_a_sentence(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:20])
    with pytest.raises(BundleError, match=r"add\.onnx: ONNX Runtime could not load it"):
        OnnxSession(model)


def test_auto_takes_cuda_only_where_it_works() -> None:
    assert resolve_provider("auto") == ("cpu" if cuda_problem() else "cuda")


def test_a_session_says_what_it_really_runs_on(model: Path) -> None:
    session = OnnxSession(model, provider="auto")
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
    assert session.ort.get_providers()[0] == wanted[session.provider]


@pytest.mark.skipif(cuda_problem() is None, reason="CUDA works here")
def test_cuda_asked_for_by_name_is_refused_with_the_reason_where_it_does_not_work(
    model: Path,
) -> None:
    with pytest.raises(ProviderError, match=r"usable CUDA device, but .*--provider cpu"):
        OnnxSession(model, provider="cuda")


def test_a_silent_fallback_to_the_cpu_is_an_error(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the driver were there but the session could not be made on the device.
    monkeypatch.setattr(runtime_onnx, "cuda_problem", lambda: None)
    real = ort.InferenceSession

    def fall_back(
        source: str, settings: ort.SessionOptions, providers: list[str]
    ) -> ort.InferenceSession:
        return real(source, settings, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", fall_back)
    with pytest.raises(ProviderError, match="but it runs on CPUExecutionProvider"):
        OnnxSession(model, provider="cuda")
