"""Weights in blocks: how a matrix is held in 4 or 8 bits, and how GGUF blocks get there unchanged.

A block of consecutive columns of one row shares a scale, and in some formats an offset:
`weight = (code - zero) * scale + offset`, with zero = 2 ** (bits - 1).
GGUF layouts: ggml-common.h and ggml-quants.c of ggml-org/llama.cpp.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idol_runtime.errors import InputError

Bytes: TypeAlias = NDArray[Any]
"""uint8, which shifts and masks keep but numpy's annotations lose."""

BLOCK = 32
"""Columns that share a scale where we choose."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Some rows of a matrix."""

    bits: int
    """4 or 8."""
    codes: Bytes
    """Shape (rows, blocks, columns of a block), each in [0, 2 ** bits)."""
    scales: NDArray[np.float32]
    """Shape (rows, blocks)."""
    offsets: NDArray[np.float32] | None = None
    """Shape (rows, blocks)."""

    @property
    def block(self) -> int:
        return int(self.codes.shape[2])

    def dense(self) -> NDArray[np.float32]:
        """Shape (rows, columns)."""
        zero = np.float32(1 << (self.bits - 1))
        values = (self.codes.astype(np.float32) - zero) * self.scales[..., None]
        if self.offsets is not None:
            values += self.offsets[..., None]
        return values.reshape(values.shape[0], -1)

    def widened(self) -> "Blocks":
        """The same weights with 8-bit codes."""
        if self.bits == 8:
            return self
        return Blocks(8, self.codes + np.uint8(128 - 8), self.scales, self.offsets)

    def packed(self) -> Bytes:
        """Shape (rows, blocks, bytes) as in MatMulNBits: of two 4-bit codes the low one first."""
        if self.bits == 8:
            return self.codes
        low_first: Bytes = self.codes[..., 0::2] | (self.codes[..., 1::2] << 4)
        return low_first


def quantize(rows: NDArray[np.float32]) -> Blocks:
    """8-bit codes with one scale for `BLOCK` columns: the error is at most scale / 2.

    Columns are padded with zeros to whole blocks; MatMulNBits ignores them.

    Raises:
        InputError: a weight is infinite or not a number.
    """
    if not np.isfinite(rows).all():
        raise InputError(
            "Expected weights that are numbers, found some that are infinite or none; the file is "
            "damaged, download it again."
        )
    count, columns = rows.shape
    blocks = -(-columns // BLOCK)
    if columns % BLOCK:
        rows = np.pad(rows, ((0, 0), (0, blocks * BLOCK - columns)))
    split = rows.reshape(count, blocks, BLOCK)
    scales = np.abs(split).max(axis=2) / np.float32(127)
    divisors = np.where(scales > 0, scales, 1)[..., None]
    return Blocks(8, (np.rint(split / divisors) + 128).astype(np.uint8), scales.astype(np.float32))


def _halves(raw: Bytes, start: int) -> NDArray[np.float32]:
    return raw[..., start : start + 2].copy().view(np.float16)[..., 0].astype(np.float32)


def _nibbles(packed: Bytes) -> Bytes:
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def _fifth_bits(raw: Bytes) -> Bytes:
    return np.unpackbits(raw, axis=-1, bitorder="little")


def _q4_0(raw: Bytes) -> Blocks:
    return Blocks(4, _nibbles(raw[..., 2:]), _halves(raw, 0))


def _q4_1(raw: Bytes) -> Blocks:
    scales = _halves(raw, 0)
    return Blocks(4, _nibbles(raw[..., 4:]), scales, _halves(raw, 2) + 8 * scales)


def _q5_0(raw: Bytes) -> Blocks:
    codes = _nibbles(raw[..., 6:]) | (_fifth_bits(raw[..., 2:6]) << 4)
    return Blocks(8, codes + np.uint8(128 - 16), _halves(raw, 0))


def _q5_1(raw: Bytes) -> Blocks:
    codes = _nibbles(raw[..., 8:]) | (_fifth_bits(raw[..., 4:8]) << 4)
    return Blocks(8, codes + np.uint8(128), _halves(raw, 0), _halves(raw, 2))


def _q8_0(raw: Bytes) -> Blocks:
    return Blocks(8, raw[..., 2:] + np.uint8(128), _halves(raw, 0))


def _six_bit_scales(
    raw: Bytes,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scales and minimums of 8 sub-blocks from the 12 bytes K-quants keep them in."""
    first, second, third = raw[..., 0:4], raw[..., 4:8], raw[..., 8:12]
    scales = np.concatenate([first & 63, (third & 15) | ((first >> 2) & 48)], axis=-1)
    minimums = np.concatenate([second & 63, (third >> 4) | ((second >> 2) & 48)], axis=-1)
    return scales.astype(np.float32), minimums.astype(np.float32)


def _k_blocks(raw: Bytes, codes: Bytes, bits: int) -> Blocks:
    """Q4_K and Q5_K: `codes` has shape (rows, super-blocks, 8, 32)."""
    scales, minimums = _six_bit_scales(raw[..., 4:16])
    scales *= _halves(raw, 0)[..., None]
    offsets = -_halves(raw, 2)[..., None] * minimums
    rows = codes.shape[0]
    if bits == 4:
        offsets = offsets + 8 * scales
    return Blocks(
        bits, codes.reshape(rows, -1, 32), scales.reshape(rows, -1), offsets.reshape(rows, -1)
    )


def _q4_k(raw: Bytes) -> Blocks:
    pairs = raw[..., 16:].reshape(*raw.shape[:2], 4, 32)
    codes = np.stack([pairs & 15, pairs >> 4], axis=3).reshape(*raw.shape[:2], 8, 32)
    return _k_blocks(raw, codes, 4)


def _q5_k(raw: Bytes) -> Blocks:
    pairs = raw[..., 48:].reshape(*raw.shape[:2], 4, 32)
    codes = np.stack([pairs & 15, pairs >> 4], axis=3).reshape(*raw.shape[:2], 8, 32)
    shifts = np.arange(8, dtype=np.uint8)[:, None]
    codes = codes | (((raw[..., None, 16:48] >> shifts) & 1) << 4)
    return _k_blocks(raw, codes + np.uint8(128), 8)


def _q6_k(raw: Bytes) -> Blocks:
    """Sub-blocks of 16 columns with signed 8-bit scales."""
    lead = raw.shape[:2]
    low = raw[..., :128].reshape(*lead, 2, 1, 64)
    low = (low >> np.array([0, 4], np.uint8)[:, None]) & 15
    high = raw[..., 128:192].reshape(*lead, 2, 1, 32)
    high = (high >> np.array([0, 2, 4, 6], np.uint8)[:, None]) & 3
    codes = low.reshape(*lead, 16, 16) | (high.reshape(*lead, 16, 16) << 4)
    scales = raw[..., 192:208].copy().view(np.int8).astype(np.float32)
    scales = scales * _halves(raw, 208)[..., None]
    rows = raw.shape[0]
    codes = codes + np.uint8(128 - 32)
    return Blocks(8, codes.reshape(rows, -1, 16), scales.reshape(rows, -1))


_READERS: dict[str, tuple[int, Callable[[Bytes], Blocks]]] = {
    "Q4_0": (18, _q4_0),
    "Q4_1": (20, _q4_1),
    "Q5_0": (22, _q5_0),
    "Q5_1": (24, _q5_1),
    "Q8_0": (34, _q8_0),
    "Q4_K": (144, _q4_k),
    "Q5_K": (176, _q5_k),
    "Q6_K": (210, _q6_k),
}

TRANSCODABLE = frozenset(_READERS)
"""GGUF block types whose weights MatMulNBits can hold without any change."""


def transcode(kind: str, raw: Bytes) -> Blocks:
    """GGUF's bytes, shape (rows, bytes of a row), as the very same weights."""
    size, read = _READERS[kind]
    return read(np.ascontiguousarray(raw).reshape(raw.shape[0], -1, size))
