import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from export.adapter import export_adapter, main, merge
from export.dialogue import export_gguf
from idol_runtime.dialogue.adapted import open_adapter
from tests.dialogue.tiny_models import save_checkpoint, tiny_model, write_gguf
from tests.training.dialogue_scenes import smoke
from training.checkpoint import checkpoint_of, load_network
from training.dialogue.adapter import TunedModel
from training.ingest.card import DatasetCard
from training.ingest.shipping import Seen, write_seen
from training.train_dialogue import train
from training.trainer import GENERATOR

pytestmark = pytest.mark.slow
CHANGES = {"steps": 3, "save_every": 3, "learning_rate": 5e-2, "preference_weight": 0.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tuned on a tiny model, far enough to tell."""
    folder = tmp_path_factory.mktemp("run")
    base = save_checkpoint(tiny_model("qwen2", max_position_embeddings=4096), folder / "base")
    train(smoke(model=str(base), tokens=300, **CHANGES), folder / "run")
    return folder / "run"


def gguf(folder: Path) -> Path:
    return write_gguf(tiny_model("qwen2"), folder / "tiny.gguf", {"": "F32"})


def test_what_was_trained_is_what_the_bundle_says(run: Path, tmp_path: Path) -> None:
    base = gguf(tmp_path)
    assert export_adapter(run, base, tmp_path / "words") < 200_000
    parity = export_gguf(base, tmp_path / "b", weights="fp32", adapter=tmp_path / "words")
    assert parity is not None
    assert parity.max_logit_diff <= 5e-4
    merged, tuned = tiny_model("qwen2"), TunedModel(tiny_model("qwen2"), smoke().lora)
    load_network(checkpoint_of(run), GENERATOR, tuned.weights)
    merge(merged, tmp_path / "words")
    ids = torch.arange(3, 60)[None]
    with torch.no_grad():
        before, after = tiny_model("qwen2")(input_ids=ids).logits, merged(input_ids=ids).logits
        expected = tuned.module(input_ids=ids).logits
    torch.testing.assert_close(after, expected, atol=0.02, rtol=0.01)
    assert (after - before).abs().max() > 0.2


def test_an_adapter_knows_its_base_and_how_it_was_made(run: Path, tmp_path: Path) -> None:
    arguments = ["--run", str(run), "--base", str(gguf(tmp_path)), "--out", str(tmp_path / "a")]
    assert main(arguments) == 0
    opened = open_adapter(tmp_path / "a")
    assert len(opened.config.base_sha256) == 64
    assert opened.config.scale == 2
    card = opened.bundle.manifest.card
    assert (card["base"], card["steps"]) == ("base", 3)
    last = (run / "metrics.jsonl").read_text().splitlines()[-1]
    assert card["validation"] == json.loads(last)["validation/objective"]
    assert [each["licence"] for each in card["data"]] == ["Apache-2.0"]
    trained = load_file(checkpoint_of(run) / f"{GENERATOR}.safetensors")
    assert len(trained) == 2 * len(opened.changes)
    assert main(arguments) == 2


def test_weights_that_saw_other_data_stay_private(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    other.mkdir()
    for path in run.glob("*.json*"):
        (other / path.name).write_bytes(path.read_bytes())
    (other / "step_3").symlink_to(run / "step_3")
    card = DatasetCard(name="scraped", licence="CC-BY-NC-4.0", may_ship=False, kind="written")
    write_seen(other, Seen((card,), ()))
    with pytest.raises(SystemExit, match=r"scraped \(CC-BY-NC-4\.0\)"):
        export_adapter(other, None, tmp_path / "a")
    export_adapter(other, None, tmp_path / "a", private=True)
    assert open_adapter(tmp_path / "a").bundle.manifest.licence == "private"
