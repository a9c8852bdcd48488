"""The decoder graph against torch, on tiny random models of every family."""

import mmap
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from msgspec.structs import replace

from export.dialogue import CheckpointWeights, torch_from_gguf
from export.dialogue_parity import bundle_logits, torch_logits
from idol_runtime.dialogue.architecture import CHECKPOINT_FAMILIES
from idol_runtime.dialogue.config import MODEL_FILE
from idol_runtime.dialogue.decoder import LEAST_WIDTH, CpuRows, DecoderRows, open_rows
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.graph import build_decoder
from idol_runtime.dialogue.matrices import Weights, WeightSource
from idol_runtime.errors import ConfigError, InputError
from idol_runtime.inference.session import OnnxSession
from tests.dialogue.tiny_models import tiny_model, write_gguf

IDS = np.random.default_rng(3).integers(3, 260, 40).tolist()
EXACT = 5e-4


def built(source: WeightSource, folder: Path, weights: Weights, **options: Any) -> OnnxSession:
    build_decoder(source, folder, weights=weights, **options)
    return OnnxSession(folder / MODEL_FILE, threads=1)


@pytest.mark.parametrize("family", CHECKPOINT_FAMILIES)
@pytest.mark.parametrize("tied", [True, False])
def test_float_graph_gives_torchs_logits_at_every_decoded_position(
    family: str, tied: bool, tmp_path: Path
) -> None:
    model = tiny_model(family, tied=tied)
    source = CheckpointWeights(model)
    session = built(source, tmp_path, "fp32")
    found = bundle_logits(session, source.config, IDS[:25], IDS[25:])
    expected = torch_logits(model, IDS)[24:]
    assert np.abs(expected).max() > 1
    assert np.abs(found - expected).max() <= EXACT


@pytest.mark.parametrize("family", CHECKPOINT_FAMILIES)
def test_reading_a_prompt_in_chunks_gives_the_logits_of_reading_it_whole(
    family: str, tmp_path: Path
) -> None:
    source = CheckpointWeights(tiny_model(family))
    session = built(source, tmp_path, "fp32")
    rows, past = open_rows(session, source.config, 2, 64), 0
    whole = rows.read(0, IDS, 0).copy()
    for size in (7, 1, 20, 12):
        logits = rows.read(1, IDS[past : past + size], past)
        past += size
    assert past == len(IDS)
    assert np.abs(logits - whole).max() <= EXACT


def test_a_copied_prefix_continues_as_if_it_had_been_read(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    session = built(source, tmp_path, "fp32")
    rows = open_rows(session, source.config, 2, 64)
    whole = rows.read(0, IDS, 0).copy()
    rows.copy(0, 1, 30)
    assert np.abs(rows.read(1, IDS[30:], 30) - whole).max() <= EXACT


LENGTHS = (5, 21, 1, 12)


@pytest.fixture
def ragged(tmp_path: Path) -> DecoderRows:
    """Rows 1 to 4 of six hold so many tokens."""
    source = CheckpointWeights(tiny_model("qwen3"))
    rows = open_rows(built(source, tmp_path, "fp32"), source.config, 6, 64)
    for row, size in enumerate(LENGTHS, 1):
        rows.read(row, IDS[:size], 0)
    return rows


def alone(rows: DecoderRows, size: int) -> np.ndarray:
    """The logits after the first `size` tokens and one more, read in row 0 by itself."""
    return rows.read(0, IDS[: size + 1], 0).copy()


def test_rows_of_all_lengths_step_together_as_each_alone(ragged: DecoderRows) -> None:
    logits = ragged.step(1, [IDS[size] for size in LENGTHS], LENGTHS).copy()
    for size, found in zip(LENGTHS, logits, strict=True):
        assert np.abs(found - alone(ragged, size)).max() <= EXACT


def test_a_row_that_is_only_taken_along_keeps_what_it_holds(ragged: DecoderRows) -> None:
    ragged.step(1, [IDS[5], 0, 0, IDS[12]], LENGTHS)
    logits = ragged.step(2, [IDS[21], IDS[1]], LENGTHS[1:3]).copy()
    assert np.abs(logits[0] - alone(ragged, 21)).max() <= EXACT
    assert np.abs(logits[1] - alone(ragged, 1)).max() <= EXACT


def test_rows_change_places_whole(ragged: DecoderRows) -> None:
    ragged.swap(2, 4, 21, 12)
    logits = ragged.step(2, [IDS[12], IDS[1], IDS[21]], (12, 1, 21)).copy()
    for size, found in zip((12, 1, 21), logits, strict=True):
        assert np.abs(found - alone(ragged, size)).max() <= EXACT


def test_a_row_steps_on_past_the_width_of_a_mask(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    rows = open_rows(built(source, tmp_path, "fp32"), source.config, 2, 512)
    ids = np.random.default_rng(4).integers(3, 260, 2 * LEAST_WIDTH).tolist()
    before, after = LEAST_WIDTH - 3, LEAST_WIDTH + 3
    rows.read(0, ids[:before], 0)
    for past in range(before, after):
        logits = rows.step(0, ids[past : past + 1], [past]).copy()
    assert np.abs(logits[0] - rows.read(1, ids[:after], 0)).max() <= EXACT


def test_more_room_than_there_is_is_refused_in_a_sentence(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    session = built(source, tmp_path, "fp32")
    with pytest.raises(ConfigError, match="GB of conversations"):
        open_rows(session, source.config, 1 << 36, 512)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tells memory by /proc")
def test_rows_take_memory_as_they_are_read_and_give_it_back(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    session = built(source, tmp_path, "fp32")
    rows, positions = CpuRows(session, source.config, 64, 8192), 4096
    block = rows.token_bytes * positions

    def taken() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

    before = taken()
    for row in range(1, 9):
        rows.copy(0, row, positions)
    grown = taken() - before
    for row in range(9):
        rows.free(row)
    assert 8 * block <= grown <= 11 * block
    assert taken() - before < 2 * block


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "linear", "factor": 4.0, "rope_theta": 10_000.0},
        {
            "rope_type": "llama3",
            "rope_theta": 10_000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    ],
    ids=lambda rope: rope["rope_type"],
)
def test_stretched_rotary_positions_match_torch(rope: dict[str, Any], tmp_path: Path) -> None:
    model = tiny_model("llama", rope_parameters=rope)
    source = CheckpointWeights(model)
    session = built(source, tmp_path, "fp32")
    found = bundle_logits(session, source.config, IDS[:30], IDS[30:])
    assert np.abs(found - torch_logits(model, IDS)[29:]).max() <= EXACT


def test_an_unknown_rotary_scaling_is_refused_in_a_sentence(tmp_path: Path) -> None:
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10_000.0}
    with pytest.raises(InputError, match=r"expected.*found `dynamic`|found `dynamic`"):
        CheckpointWeights(tiny_model("llama", rope_parameters=rope))


MIXES = {
    "q4_1": {"token_embd": "Q8_0", "": "Q4_1"},
    "mixed": {"token_embd": "Q8_0", "attn_v": "Q5_0", "ffn_down": "F16", "": "Q4_0"},
    "floats": {"": "F32"},
    "q5_1": {"token_embd": "Q8_0", "output": "Q4_1", "": "Q5_1"},
}


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_exact_blocks_of_a_gguf_file_give_the_logits_of_its_dequantised_weights(
    family: str, mix: str, tmp_path: Path
) -> None:
    tied = mix != "q5_1"
    path = write_gguf(tiny_model(family, tied=tied), tmp_path / "tiny.gguf", MIXES[mix])
    source = GgufWeights(GgufFile(path))
    session = built(source, tmp_path, "exact", accuracy_level=1)
    expected = torch_logits(torch_from_gguf(path), IDS)[24:]
    found = bundle_logits(session, source.config, IDS[:25], IDS[25:])
    assert np.abs(found - expected).max() <= EXACT


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("family", CHECKPOINT_FAMILIES)
def test_a_gguf_file_has_the_weights_and_the_logits_of_the_model_it_was_made_from(
    family: str, tied: bool, tmp_path: Path
) -> None:
    model = tiny_model(family, tied=tied)
    source = GgufWeights(GgufFile(write_gguf(model, tmp_path / "tiny.gguf", {"": "F32"})))
    config = replace(source.config, rms_eps=model.config.rms_norm_eps)  # a float32 in the file
    assert config == CheckpointWeights(model).config
    for name in source.shapes:
        np.testing.assert_array_equal(source.dense(name), model.state_dict()[name].numpy())
    session = built(source, tmp_path, "exact", accuracy_level=1)
    found = bundle_logits(session, source.config, IDS[:25], IDS[25:])
    assert np.abs(found - torch_logits(model, IDS)[24:]).max() <= EXACT


def test_layers_without_positions_are_not_rotated(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("smollm3"))
    assert source.config.unrotated == (3,)
    build_decoder(source, tmp_path, weights="fp32")
    graph = onnx.load(tmp_path / MODEL_FILE, load_external_data=False).graph
    rotary = [
        next(each.i for each in node.attribute if each.name == "do_rotary")
        for node in graph.node
        if node.op_type == "GroupQueryAttention"
    ]
    assert rotary == [1, 1, 1, 0, 1]


def test_an_embedding_with_offsets_falls_to_int8_and_the_builder_says_so(tmp_path: Path) -> None:
    path = write_gguf(tiny_model("llama"), tmp_path / "tiny.gguf", {"": "Q4_1"})
    stored = build_decoder(GgufWeights(GgufFile(path)), tmp_path, weights="exact")
    assert stored["Q4_1 as 8-bit blocks of 32, converted"] == 1
    assert stored["Q4_1 as 4-bit blocks of 32, unchanged"] == 14


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_int8_blocks_stay_close_to_the_floats(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    source = CheckpointWeights(model)
    session = built(source, tmp_path, "int8")
    expected = torch_logits(model, IDS)[24:]
    found = bundle_logits(session, source.config, IDS[:25], IDS[25:])
    assert 0 < np.abs(found - expected).max() < 0.15 * np.abs(expected).max()


def test_the_builder_says_which_matrices_it_kept_and_which_it_converted(tmp_path: Path) -> None:
    path = write_gguf(tiny_model("llama"), tmp_path / "tiny.gguf", MIXES["q4_1"])
    source = GgufWeights(GgufFile(path))
    assert build_decoder(source, tmp_path, weights="exact") == {
        "Q8_0 as 8-bit blocks of 32, unchanged": 1,
        "Q4_1 as 4-bit blocks of 32, unchanged": 14,
    }
    assert build_decoder(source, tmp_path, weights="int8") == {
        "Q8_0 as 8-bit blocks of 32, unchanged": 1,
        "Q4_1 as 8-bit blocks of 32, converted": 14,
    }


def test_a_tensor_the_decoder_would_ignore_is_refused(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    source.shapes["model.layers.0.self_attn.q_norm.weight"] = (16,)
    with pytest.raises(InputError, match="q_norm"):
        build_decoder(source, tmp_path, weights="fp32")


def test_a_missing_tensor_is_refused(tmp_path: Path) -> None:
    source = CheckpointWeights(tiny_model("llama"))
    del source.shapes["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(InputError, match="up_proj"):
        build_decoder(source, tmp_path, weights="fp32")
