"""Weights of a base with low-rank changes: an adapter is a small file beside the model it is for.

The changes are added while the base is converted, so a tuned model is as fast as its base.
"""

import json
import math
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.blocks import Blocks
from idol_runtime.dialogue.matrices import WeightSource
from idol_runtime.errors import BundleError, InputError
from idol_runtime.inference.bundle import Bundle, open_bundle

ADAPTER_KIND: Final = "adapter"
ADAPTER_FILE: Final = "adapter.safetensors"
_TYPES: Final[dict[str, np.dtype[Any]]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_MOST_HEADER_BYTES: Final = 10_000_000
_DOWN, _UP = "lora_A.weight", "lora_B.weight"


class AdapterConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `config` table of an adapter's manifest."""

    base_sha256: str
    """Of the GGUF file that it was made for; empty fits any file of these shapes."""
    rank: int
    scale: float
    """A matrix becomes `W + scale * B @ A`."""


class LowRankAdapter:
    """Low-rank changes, by the matrices' names in `architecture`."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises BundleError where the file is not what its manifest says."""
        self.bundle = bundle
        self.config = _config(bundle)
        tensors = read_safetensors(bundle.path(ADAPTER_FILE))
        self.changes = {
            name.removesuffix(_DOWN) + "weight": (down, self._up(name, tensors))
            for name, down in tensors.items()
            if name.endswith(_DOWN)
        }
        """Each is A of shape (rank, columns) and B of shape (rows, rank)."""

    def _up(self, name: str, tensors: dict[str, NDArray[Any]]) -> NDArray[Any]:
        up = tensors.get(name.removesuffix(_DOWN) + _UP)
        if up is None or up.ndim != 2 or up.shape[1] != tensors[name].shape[0]:
            raise BundleError(
                f"{self.bundle.folder}: expected a {_UP} that fits beside each {_DOWN}, found none "
                f"for {name}; export the adapter again."
            )
        return up


def open_adapter(folder: Path) -> LowRankAdapter:
    """Reads and verifies an adapter.

    Raises:
        BundleError: it is not whole, or no adapter.
    """
    return LowRankAdapter(open_bundle(folder, ADAPTER_KIND))


class AdaptedWeights:
    """A `WeightSource` over another one with changes."""

    def __init__(self, source: WeightSource, adapter: LowRankAdapter) -> None:
        """Raises InputError where the adapter was made for a model of other shapes."""
        self.source, self.adapter = source, adapter
        self.config, self.shapes = source.config, source.shapes
        for name, (down, up) in adapter.changes.items():
            found = source.shapes.get(name)
            if found != (up.shape[0], down.shape[1]):
                raise InputError(
                    f"{adapter.bundle.folder}: expected a model whose {name} has the shape "
                    f"{(up.shape[0], down.shape[1])}, found {found or 'none'}; the adapter was "
                    "made for another model."
                )

    def kind(self, name: str) -> str:
        return "F32" if name in self.adapter.changes else self.source.kind(name)

    def dense(self, name: str, rows: slice = slice(None)) -> NDArray[np.float32]:
        weights = self.source.dense(name, rows)
        if name not in self.adapter.changes:
            return weights
        down, up = self.adapter.changes[name]
        change = up[rows].astype(np.float32) @ down.astype(np.float32)
        return weights + np.float32(self.adapter.config.scale) * change

    def blocks(self, name: str, rows: slice = slice(None)) -> Blocks:
        if name in self.adapter.changes:
            raise ValueError(f"{name}: an adapted matrix has no blocks")
        return self.source.blocks(name, rows)


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file; float16 and float32 only.

    Raises:
        BundleError: it is not whole, or holds anything else.
    """
    content = path.read_bytes()
    try:
        size = int.from_bytes(content[:8], "little")
        if not 0 < size <= min(_MOST_HEADER_BYTES, len(content) - 8):
            raise ValueError("its header does not fit in")
        header: dict[str, Any] = json.loads(content[8 : 8 + size])
        header.pop("__metadata__", None)
        return {name: _tensor(content[8 + size :], each) for name, each in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{path}: expected a safetensors file, but {error}; export the adapter again."
        ) from None


def _tensor(data: bytes, told: dict[str, Any]) -> NDArray[Any]:
    dtype, (start, end) = _TYPES[told["dtype"]], told["data_offsets"]
    shape = tuple(told["shape"])
    if not 0 <= start <= end <= len(data) or min(shape, default=0) < 0:
        raise ValueError("a tensor lies outside of it")
    if math.prod(shape) * dtype.itemsize != end - start:
        raise ValueError("a tensor has another size than its shape")
    return np.frombuffer(data[start:end], dtype).reshape(shape)


def _config(bundle: Bundle) -> AdapterConfig:
    try:
        return msgspec.convert(bundle.manifest.config, AdapterConfig)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{bundle.folder}: expected an adapter's configuration, but {error}; export it again."
        ) from None
