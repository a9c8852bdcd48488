"""Gemma's and Phi's decoders, and stretched positions, from GGUF files against transformers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.dialogue_parity import bundle_logits, torch_logits
from idol_runtime.dialogue.config import MODEL_FILE
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.graph import build_decoder
from idol_runtime.dialogue.matrices import Weights
from idol_runtime.errors import InputError
from idol_runtime.inference.session import OnnxSession
from tests.dialogue.tiny_models import tiny_model, write_gguf

IDS = np.random.default_rng(5).integers(3, 260, 40).tolist()
EXACT = 5e-4


def difference(model: Any, folder: Path) -> float:
    """The largest between the logits of a model and those of its GGUF file's graph."""
    source = GgufWeights(GgufFile(write_gguf(model, folder / "tiny.gguf", {"": "F32"})))
    build_decoder(source, folder, weights="fp32")
    session = OnnxSession(folder / MODEL_FILE, threads=1)
    found = bundle_logits(session, source.config, IDS[:25], IDS[25:])
    expected = torch_logits(model, IDS)[24:]
    assert np.abs(expected).max() > 1
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", ["gemma", "gemma2", "gemma3", "phi3"])
def test_a_gguf_file_gives_the_logits_of_the_model_it_was_made_from(
    family: str, tied: bool, tmp_path: Path
) -> None:
    assert difference(tiny_model(family, tied=tied), tmp_path) <= EXACT


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "phi3"])
def test_a_window_is_seen_to_its_last_position(family: str, tmp_path: Path) -> None:
    wide = tiny_model(family, sliding_window=64)
    narrow = tiny_model(family, sliding_window=8)
    assert np.abs(torch_logits(wide, IDS) - torch_logits(narrow, IDS)).max() > 0.1
    assert difference(narrow, tmp_path) <= EXACT


def test_caps_bend_what_they_should(tmp_path: Path) -> None:
    uncapped = tiny_model("gemma2")
    bent = torch_logits(uncapped, IDS)
    assert np.abs(bent).max() < 6
    uncapped.config.final_logit_softcapping = None
    assert np.abs(torch_logits(uncapped, IDS)).max() > 6


ROPES: dict[str, dict[str, Any]] = {
    "linear": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0},
    "yarn": {
        "rope_type": "yarn",
        "factor": 4.0,
        "rope_theta": 10_000.0,
        "original_max_position_embeddings": 128,
    },
}


@pytest.mark.parametrize("kind", ROPES)
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_stretched_positions_of_a_file_are_those_of_the_model(
    family: str, kind: str, tmp_path: Path
) -> None:
    model = tiny_model(family, rope_parameters=ROPES[kind])
    assert difference(model, tmp_path) <= EXACT


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_long_positions_and_a_part_of_each_head_rotated_are_those_of_phi(
    share: float, tmp_path: Path
) -> None:
    channels = int(32 * share)
    rng = np.random.default_rng(2)
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10_000.0,
        "partial_rotary_factor": share,
        "original_max_position_embeddings": 128,
        "short_factor": rng.uniform(1, 2, channels // 2).tolist(),
        "long_factor": rng.uniform(2, 9, channels // 2).tolist(),
    }
    model = tiny_model(
        "phi3",
        hidden_size=128,
        rope_parameters=rope,
        original_max_position_embeddings=128,
    )
    assert difference(model, tmp_path) <= EXACT


@pytest.mark.parametrize("family", ["gemma3", "phi3"])
def test_blocks_of_fused_and_scaled_matrices_stay_what_they_are(
    family: str, tmp_path: Path
) -> None:
    path = write_gguf(tiny_model(family), tmp_path / "tiny.gguf", {"": "Q8_0"})
    source = GgufWeights(GgufFile(path))
    choices: tuple[Weights, ...] = ("fp32", "exact")
    found = []
    for weights in choices:
        folder = tmp_path / weights
        folder.mkdir()
        build_decoder(source, folder, weights=weights, accuracy_level=1)
        session = OnnxSession(folder / MODEL_FILE, threads=1)
        found.append(bundle_logits(session, source.config, IDS[:25], IDS[25:]))
    assert np.abs(found[0] - found[1]).max() <= EXACT


def test_a_head_that_is_rotated_in_odd_pieces_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = write_gguf(
        tiny_model("phi3"),
        tmp_path / "tiny.gguf",
        {"": "F32"},
        changes={"phi3.rope.dimension_count": 10},
    )
    with pytest.raises(InputError, match="rotated channels in sixteens, at most 16, found 10"):
        GgufWeights(GgufFile(path))
