"""Runs a decoder graph over the attention state of many conversations, each a row of one block.

Past and present of every layer are bound to the same memory, so that a run writes its new
positions in place, and nothing but two small buffers changes between runs.
"""

import math
import mmap
from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.errors import ConfigError
from idol_runtime.inference.session import OnnxSession

Logits: TypeAlias = NDArray[np.float32]

LEAST_WIDTH: Final = 256
KEPT_BINDINGS: Final = 128
"""To bind all layers takes a tenth of a step."""


class DecoderRows(Protocol):
    """Keys and values of `count` conversations, each with room for `capacity` tokens.

    Logits are valid until the next run, and whoever asked for them may change them.
    """

    count: int
    capacity: int
    token_bytes: int
    """What one position of a row takes."""

    @abstractmethod
    def read(self, row: int, ids: Sequence[int], past: int) -> Logits:
        """Reads `ids` at the positions from `past` on; the last one's logits, shape (vocab,)."""

    @abstractmethod
    def step(self, first: int, tokens: Sequence[int], pasts: Sequence[int]) -> Logits:
        """Reads one token in each of the rows from `first` on; logits of shape (rows, vocab)."""

    @abstractmethod
    def copy(self, source: int, target: int, tokens: int) -> None:
        """Makes the first `tokens` positions of two rows the same."""

    @abstractmethod
    def swap(self, one: int, other: int, one_tokens: int, other_tokens: int) -> None:
        """Two rows change places, with so many positions of each."""

    @abstractmethod
    def free(self, row: int) -> None:
        """Gives the memory of a row back, where the system can."""


def open_rows(
    session: OnnxSession, config: DecoderConfig, count: int, capacity: int
) -> DecoderRows:
    """Memory on the device the session runs on."""
    kind = CudaRows if session.provider == "cuda" else CpuRows
    return kind(session, config, count, capacity)


class CpuRows(DecoderRows):
    """One block for all layers. Pages that no token has reached yet take no memory."""

    def __init__(
        self, session: OnnxSession, config: DecoderConfig, count: int, capacity: int
    ) -> None:
        self.count, self.capacity = count, capacity
        self._session, self._config = session.ort, config
        shape = (config.layers, 2, count, config.kv_heads, capacity, config.head_dim)
        self.token_bytes = math.prod(shape) // (count * capacity) * 4
        self._pages = _untouched(math.prod(shape) * 4)
        self._block = np.frombuffer(self._pages, np.float32).reshape(shape)
        # The graph asks a mask for nothing but its width and the sum of each row.
        self._mask = np.zeros(count * capacity, np.int64)
        self._read_mask = np.zeros((1, capacity), np.int64)
        self._next = np.zeros((count, 1), np.int64)
        self._logits = np.zeros((count, config.vocab), np.float32)
        self._step_binding = lru_cache(KEPT_BINDINGS)(self._bind_step)
        self._read_binding = lru_cache(KEPT_BINDINGS)(self._bind_rows)

    def read(self, row: int, ids: Sequence[int], past: int) -> Logits:
        if len(ids) == 1:
            logits: Logits = self.step(row, ids, [past])[0]
            return logits
        total = past + len(ids)
        prompt = np.array([ids], np.int64)
        self._read_mask[0, 0] = total
        binding = self._read_binding(row, 1)
        _bind_input(binding, "input_ids", prompt)
        _bind_input(binding, "attention_mask", self._read_mask[:, :total])
        self._session.run_with_iobinding(binding)
        read: Logits = self._logits[row]
        return read

    def step(self, first: int, tokens: Sequence[int], pasts: Sequence[int]) -> Logits:
        count = len(tokens)
        rows = slice(first, first + count)
        width = self._width(max(pasts) + 1)
        self._next[rows, 0] = tokens
        lengths = self._mask_of(count, width)
        lengths[:] = 0
        lengths[:, 0] = pasts
        lengths[:, 0] += 1
        self._session.run_with_iobinding(self._step_binding(first, count, width))
        logits: Logits = self._logits[rows]
        return logits

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._block[:, :, target, :, :tokens] = self._block[:, :, source, :, :tokens]

    def swap(self, one: int, other: int, one_tokens: int, other_tokens: int) -> None:
        for layer in self._block:
            kept = layer[:, one, :, :one_tokens].copy()
            layer[:, one, :, :other_tokens] = layer[:, other, :, :other_tokens]
            layer[:, other, :, :one_tokens] = kept

    def free(self, row: int) -> None:
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        page, size = mmap.PAGESIZE, self._block[0, 0, row].nbytes
        for part in range(self._config.layers * 2):
            start = (part * self.count + row) * size
            whole = -(-start // page) * page
            if (length := (start + size) // page * page - whole) > 0:
                self._pages.madvise(mmap.MADV_DONTNEED, whole, length)

    def _width(self, tokens: int) -> int:
        """Of a mask for so many tokens: the narrower, the less room attention asks for."""
        return min(max(LEAST_WIDTH, 1 << (tokens - 1).bit_length()), self.capacity)

    def _mask_of(self, count: int, width: int) -> NDArray[np.int64]:
        mask: NDArray[np.int64] = self._mask[: count * width].reshape(count, width)
        return mask

    def _bind_step(self, first: int, count: int, width: int) -> Any:
        binding = self._bind_rows(first, count)
        _bind_input(binding, "input_ids", self._next[first : first + count])
        _bind_input(binding, "attention_mask", self._mask_of(count, width))
        return binding

    def _bind_rows(self, first: int, count: int) -> Any:
        binding, config = self._session.io_binding(), self._config
        rows = slice(first, first + count)
        for layer in range(config.layers):
            for index, part in enumerate(("key", "value")):
                values = self._block[layer, index, rows]
                at = (np.float32, values.shape, values.ctypes.data)
                binding.bind_input(f"past_key_values.{layer}.{part}", "cpu", 0, *at)
                binding.bind_output(f"present.{layer}.{part}", "cpu", 0, *at)
        logits = self._logits[rows]
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        return binding


def _bind_input(binding: Any, name: str, values: NDArray[np.int64]) -> None:
    binding.bind_input(name, "cpu", 0, np.int64, values.shape, values.ctypes.data)


def _untouched(size: int) -> mmap.mmap:
    """Memory of zeros that takes none until it is written to, page by page."""
    if not hasattr(mmap, "MAP_ANONYMOUS"):
        return mmap.mmap(-1, size)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        pages = mmap.mmap(-1, size, flags=flags)
    except OSError:
        raise ConfigError(
            f"Expected room for {size / 1e9:.1f} GB of conversations at most, of which the system "
            "promises less; set `context_tokens` or `replies` in idol.toml lower."
        ) from None
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        # In huge pages the state of a short reply takes the memory of the longest one.
        pages.madvise(mmap.MADV_NOHUGEPAGE)
    return pages


class CudaRows(DecoderRows):
    """Rows that are read one after the other, each made when it is first used.

    Written after the documentation of ONNX Runtime 1.31; not measured on a device yet.
    """

    def __init__(
        self, session: OnnxSession, config: DecoderConfig, count: int, capacity: int
    ) -> None:
        self.count, self.capacity = count, capacity
        self.token_bytes = config.layers * 2 * config.kv_heads * config.head_dim * 2
        self._session, self._config = session, config
        self._rows: dict[int, CudaMemory] = {}

    def read(self, row: int, ids: Sequence[int], past: int) -> Logits:
        return self._at(row).run(ids, past)

    def step(self, first: int, tokens: Sequence[int], pasts: Sequence[int]) -> Logits:
        each = zip(tokens, pasts, strict=True)
        return np.stack(
            [self._at(row).run([token], past) for row, (token, past) in enumerate(each, first)]
        )

    def copy(self, source: int, target: int, tokens: int) -> None:
        self._at(target).copy_from(self._at(source), tokens)

    def swap(self, one: int, other: int, one_tokens: int, other_tokens: int) -> None:
        rows = self._rows
        rows[one], rows[other] = self._at(other), self._at(one)

    def free(self, row: int) -> None:
        self._rows.pop(row, None)

    def _at(self, row: int) -> "CudaMemory":
        if row not in self._rows:
            self._rows[row] = CudaMemory(self._session, self._config, self.capacity)
        return self._rows[row]


class CudaMemory:
    """One device value for each layer's keys and values, float16.

    CUDA's attention kernel shares past and present when both are bound to the same value.
    """

    def __init__(self, session: OnnxSession, config: DecoderConfig, capacity: int) -> None:
        self._session = session.ort
        shape = [1, config.kv_heads, capacity, config.head_dim]
        self.values = {
            f"{layer}.{part}": ort.OrtValue.ortvalue_from_numpy(
                np.zeros(shape, np.float16), "cuda", 0
            )
            for layer in range(config.layers)
            for part in ("key", "value")
        }
        self._binding = self._session.io_binding()
        for name, value in self.values.items():
            self._binding.bind_ortvalue_input(f"past_key_values.{name}", value)
            self._binding.bind_ortvalue_output(f"present.{name}", value)

    def copy_from(self, other: "CudaMemory", tokens: int) -> None:
        # ONNX Runtime has no copy of a part on the device: through the host, once for each reply.
        for name, value in self.values.items():
            mine = value.numpy()
            mine[:, :, :tokens] = other.values[name].numpy()[:, :, :tokens]
            value.update_inplace(mine)

    def run(self, ids: Sequence[int], past: int) -> Logits:
        mask = np.ones((1, past + len(ids)), np.int64)
        self._binding.bind_cpu_input("input_ids", np.array([ids], np.int64))
        self._binding.bind_cpu_input("attention_mask", mask)
        self._binding.bind_output("logits", "cpu")
        self._session.run_with_iobinding(self._binding)
        logits: Logits = self._binding.get_outputs()[-1].numpy()[0].copy()
        return logits
