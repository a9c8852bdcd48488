import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from idol_runtime.dialogue.blocks import TRANSCODABLE, quantize, transcode

# Where each format keeps its float16 scales: random bytes there would be NaN or infinite.
HALVES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}


def random_rows(kind: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]][1]
    raw = rng.integers(0, 256, (3, 4, size), dtype=np.uint8)
    for at in HALVES[kind]:
        halves = rng.standard_normal((3, 4, 1)).astype(np.float16)
        raw[..., at : at + 2] = halves.view(np.uint8)
    return raw.reshape(3, -1)


def test_every_transcodable_kind_is_tested() -> None:
    assert HALVES.keys() == TRANSCODABLE


@pytest.mark.parametrize("kind", sorted(TRANSCODABLE))
@given(seed=st.integers(0, 2**32 - 1))
def test_transcoded_blocks_are_the_weights_gguf_says_they_are(kind: str, seed: int) -> None:
    raw = random_rows(kind, seed)
    expected = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType[kind])
    blocks = transcode(kind, raw)
    assert blocks.codes.dtype == np.uint8
    assert blocks.codes.max() < 1 << blocks.bits
    # float32 rounds (code - zero) * scale + offset unlike code * scale + minimum.
    np.testing.assert_allclose(
        blocks.dense(), expected, rtol=1e-6, atol=1e-5 * np.abs(expected).max()
    )
    np.testing.assert_array_equal(blocks.widened().dense(), blocks.dense())


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1"])
def test_packed_nibbles_come_low_one_first(kind: str) -> None:
    blocks = transcode(kind, random_rows(kind, 0))
    packed = blocks.packed()
    assert packed.shape == (3, 4, 16)
    np.testing.assert_array_equal(packed & 15, blocks.codes[..., 0::2])
    np.testing.assert_array_equal(packed >> 4, blocks.codes[..., 1::2])


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 70)),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_int8_blocks_are_off_by_at_most_half_a_step(rows: np.ndarray) -> None:
    blocks = quantize(rows)
    columns = rows.shape[1]
    errors = np.abs(blocks.dense()[:, :columns] - rows)
    steps = np.repeat(blocks.scales, 32, axis=1)[:, :columns]
    assert (errors <= 0.5 * steps * 1.001 + 1e-30).all()
    assert (blocks.dense()[:, columns:] == 0).all()
