from pathlib import Path

import pytest

from export.dialogue import export_checkpoint, export_gguf, main
from idol_runtime.dialogue.messages import ChatMessage, GenerationDone, GenerationOptions
from idol_runtime.dialogue.model import DialogueModel
from idol_runtime.errors import InputError
from idol_runtime.inference.bundle import open_bundle
from tests.dialogue.tiny_models import save_checkpoint, tiny_model, write_gguf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "checkpoint"
    return save_checkpoint(tiny_model(request.param, tied=request.param == "llama"), folder)


def test_a_float_export_is_exact_and_its_card_says_so(checkpoint: Path, tmp_path: Path) -> None:
    parity = export_checkpoint(str(checkpoint), tmp_path / "b", weights="fp32")
    assert parity is not None
    assert parity.max_logit_diff <= 5e-4
    assert parity.mean_kl < 1e-8
    assert parity.top1_agreement == 1
    card = open_bundle(tmp_path / "b", "dialogue").manifest.card
    assert card["parity"]["max_logit_diff"] == parity.max_logit_diff


def test_an_int8_export_is_a_bundle_the_runtime_talks_with(
    checkpoint: Path, tmp_path: Path
) -> None:
    parity = export_checkpoint(str(checkpoint), tmp_path / "b", licence="Apache-2.0")
    assert parity is not None
    assert parity.mean_kl < 0.05
    assert open_bundle(tmp_path / "b", "dialogue").manifest.licence == "Apache-2.0"
    model = DialogueModel.open(tmp_path / "b", provider="cpu", threads=1)
    options = GenerationOptions(max_tokens=8, seed=0)
    items = list(model.generate([ChatMessage("user", "hello")], options))
    assert isinstance(items[-1], GenerationDone)


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_gguf_file_and_transformers_reading_of_it_agree(family: str, tmp_path: Path) -> None:
    kinds = {"token_embd": "Q8_0", "ffn": "Q4_1", "": "F16"}
    file = write_gguf(tiny_model(family), tmp_path / "tiny.gguf", kinds)
    parity = export_gguf(file, tmp_path / "b", weights="fp32")
    assert parity is not None
    assert parity.max_logit_diff <= 5e-4
    assert parity.top1_agreement == 1


def test_the_command_prints_the_parity(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "b"), "--weights", "fp32"]
    assert main(arguments) == 0
    assert "top-1 agreement 1.000" in capsys.readouterr().out


def test_the_command_tells_an_error_in_a_sentence(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/taken").touch()
    assert main(["--checkpoint", str(checkpoint), "--out", str(tmp_path / "b")]) == 2
    assert "free place" in capsys.readouterr().err


def test_another_architecture_is_refused_by_name() -> None:
    from transformers import GPT2Config

    from export.dialogue import decoder_config

    with pytest.raises(InputError, match="gpt2"):
        decoder_config(GPT2Config())
