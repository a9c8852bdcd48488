"""Runs a decoder graph over attention state that stays where it is.

Past and present of every layer are bound to the same memory once, so that a step writes one new
row in place, and nothing but two small buffers changes between steps.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.inference.session import OnnxSession

Logits: TypeAlias = NDArray[np.float32]


class DecoderMemory(Protocol):
    """Keys and values of one conversation, with room for `capacity` tokens."""

    @abstractmethod
    def copy_from(self, other: Self, tokens: int, /) -> None: ...

    @abstractmethod
    def run(self, ids: Sequence[int], past: int) -> Logits:
        """Reads `ids` at the positions from `past` on.

        Returns the logits of the last position, shape (vocab,), valid until the next run.
        """


def new_memory(session: OnnxSession, config: DecoderConfig, capacity: int) -> DecoderMemory:
    """Memory on the device the session runs on."""
    kind = CudaMemory if session.provider == "cuda" else CpuMemory
    return kind(session, config, capacity)


class CpuMemory(DecoderMemory):
    """One array for all layers. Pages that no token has reached yet take no memory."""

    def __init__(self, session: OnnxSession, config: DecoderConfig, capacity: int) -> None:
        shape = (config.layers, 2, config.kv_heads, capacity, config.head_dim)
        self._keys_values = np.zeros(shape, np.float32)
        self._session, self._config, self._capacity = session.ort, config, capacity
        self._mask = np.zeros((1, capacity), np.int64)
        self._next = np.zeros((1, 1), np.int64)
        self._logits = np.zeros((1, config.vocab), np.float32)
        self._decode = self._binding()
        self._bind(self._decode, self._next, self._mask)
        self._prefill = self._binding()

    def copy_from(self, other: Self, tokens: int) -> None:
        self._keys_values[..., :tokens, :] = other._keys_values[..., :tokens, :]

    def run(self, ids: Sequence[int], past: int) -> Logits:
        total = past + len(ids)
        self._mask[0, :total] = 1
        self._mask[0, total:] = 0
        if len(ids) == 1:
            self._next[0, 0] = ids[0]
            self._session.run_with_iobinding(self._decode)
        else:
            prompt = np.array([ids], np.int64)
            self._bind(self._prefill, prompt, self._mask[:, :total])
            self._session.run_with_iobinding(self._prefill)
        logits: Logits = self._logits[0]
        return logits

    def _binding(self) -> Any:
        binding = self._session.io_binding()
        config = self._config
        shape = [1, config.kv_heads, self._capacity, config.head_dim]
        for layer in range(config.layers):
            for index, part in enumerate(("key", "value")):
                place = self._keys_values[layer, index].ctypes.data
                past, present = f"past_key_values.{layer}.{part}", f"present.{layer}.{part}"
                binding.bind_input(past, "cpu", 0, np.float32, shape, place)
                binding.bind_output(present, "cpu", 0, np.float32, shape, place)
        logits = self._logits
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        return binding

    @staticmethod
    def _bind(binding: Any, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> None:
        for name, values in (("input_ids", ids), ("attention_mask", mask)):
            place = values.ctypes.data
            binding.bind_input(name, "cpu", 0, np.int64, values.shape, place)


class CudaMemory(DecoderMemory):
    """One device value for each layer's keys and values, float16.

    CUDA's attention kernel shares past and present when both are bound to the same value.
    Written after the documentation of ONNX Runtime 1.31; not measured on a device yet.
    """

    def __init__(self, session: OnnxSession, config: DecoderConfig, capacity: int) -> None:
        self._session = session.ort
        shape = [1, config.kv_heads, capacity, config.head_dim]
        self._values = {
            f"{layer}.{part}": ort.OrtValue.ortvalue_from_numpy(
                np.zeros(shape, np.float16), "cuda", 0
            )
            for layer in range(config.layers)
            for part in ("key", "value")
        }
        self._binding = self._session.io_binding()
        for name, value in self._values.items():
            self._binding.bind_ortvalue_input(f"past_key_values.{name}", value)
            self._binding.bind_ortvalue_output(f"present.{name}", value)

    def copy_from(self, other: Self, tokens: int) -> None:
        # ONNX Runtime has no copy of a part on the device: through the host, once for each reply.
        for name, value in self._values.items():
            mine = value.numpy()
            mine[:, :, :tokens] = other._values[name].numpy()[:, :, :tokens]
            value.update_inplace(mine)

    def run(self, ids: Sequence[int], past: int) -> Logits:
        mask = np.ones((1, past + len(ids)), np.int64)
        self._binding.bind_cpu_input("input_ids", np.array([ids], np.int64))
        self._binding.bind_cpu_input("attention_mask", mask)
        self._binding.bind_output("logits", "cpu")
        self._session.run_with_iobinding(self._binding)
        logits: Logits = self._binding.get_outputs()[-1].numpy()[0]
        return logits
