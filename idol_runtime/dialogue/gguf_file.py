"""A GGUF file: its metadata, and its tensors as they are stored or as numbers."""

import math
import mmap
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.blocks import TRANSCODABLE
from idol_runtime.dialogue.gguf_header import GgufDamageError, GgufHeader, GgufTensor
from idol_runtime.errors import InputError

Value = TypeVar("Value")

_FLOATS: Final = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}
READABLE: Final = frozenset(
    {*_FLOATS, *TRANSCODABLE, "Q2_K", "Q3_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S",
     "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"}
)  # fmt: skip
"""Block types whose weights can be read; those that are not transcodable are requantised."""
_OTHERS: Final[dict[bytes, str]] = {
    b"FUGG": "a GGUF file of a big-endian machine",
    b"lmgg": "a model in llama.cpp's older format GGML",
    b"fmgg": "a model in llama.cpp's older format GGMF",
    b"tjgg": "a model in llama.cpp's older format GGJT",
    b"PK\x03\x04": "a PyTorch checkpoint or another ZIP archive",
    b"vers": "a pointer of Git LFS instead of the file itself",
    b"<!DO": "a web page instead of the file itself",
    b"<!do": "a web page instead of the file itself",
    b"<htm": "a web page instead of the file itself",
}
"""What else is taken for a GGUF file, by its beginning."""


class GgufFile:
    """The metadata and raw tensors of a file."""

    def __init__(self, path: Path) -> None:
        """Opens a file and checks that all of it is there.

        Raises:
            InputError: no such file, not GGUF, truncated, damaged, one part of several, or with
                blocks of a type that cannot be read.
        """
        self.path = path
        self._data = _mapped(path)
        try:
            self._header = GgufHeader(self._data)
        except GgufDamageError as error:
            raise self._refusal(f"a whole GGUF file, found {error}") from None
        self.tensors = self._header.tensors
        if self.get("split.count", int, 1) > 1:
            raise self._refusal(
                "a model in one file, found one part of several; join them with llama.cpp's "
                "`gguf-split --merge` first"
            )
        unreadable = [tensor for tensor in self.tensors.values() if tensor.kind not in READABLE]
        if unreadable:
            raise self._refusal(
                f"weights in blocks that can be read, found {unreadable[0].kind} ("
                f"{unreadable[0].name}{f' and {len(unreadable) - 1} more' * (len(unreadable) > 1)}"
                "); choose another quantisation of the model, such as Q8_0, Q4_K_M or Q4_0"
            )
        import gguf  # half a second: only an import of a model pays for it

        self._gguf = gguf
        for tensor in self.tensors.values():
            self._check(tensor)

    def get(self, key: str, kind: type[Value], default: Value | None = None) -> Value:
        """A metadata value.

        Raises:
            InputError: it is missing and has no default, or is of another kind.
        """
        if key not in self._header and default is not None:
            return default
        try:
            value: Any = self._header.value(key) if key in self._header else None
        except GgufDamageError as error:
            raise self._refusal(f"readable metadata `{key}`, found {error}") from None
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._refusal(
                f"metadata `{key}` as {kind.__name__}, found "
                f"{'none' if value is None else type(value).__name__}; the file is not complete"
            )
        return value

    def items(self, key: str, kind: type[Value], default: list[Value] | None = None) -> list[Value]:
        """A list in the metadata, all of one kind.

        Raises:
            InputError: it is missing and has no default, or is of another kind.
        """
        values = self.get(key, list, default)
        if not all(isinstance(value, kind) for value in values):
            raise self._refusal(
                f"metadata `{key}` as a list of {kind.__name__}, found other values in it; the "
                "file is damaged"
            )
        return values

    def has(self, key: str) -> bool:
        return key in self._header

    def values(self, name: str, rows: Any = slice(None)) -> NDArray[np.float32]:
        tensor = self.tensors[name]
        raw = self.raw(name)
        if tensor.kind == "BF16":
            halves = raw.view("<u2").reshape(tensor.shape)[rows].astype(np.uint32)
            widened: NDArray[np.float32] = (halves << 16).view(np.float32)
            return widened
        if tensor.kind in _FLOATS:
            floats = raw.view(_FLOATS[tensor.kind]).reshape(tensor.shape)
            return np.asarray(floats[rows], np.float32)
        kind = self._gguf.GGMLQuantizationType[tensor.kind]
        dense = self._gguf.quants.dequantize(np.ascontiguousarray(raw[rows]), kind)
        return np.asarray(dense, np.float32)

    def raw(self, name: str, rows: Any = slice(None)) -> NDArray[np.uint8]:
        """[rows..., bytes of a row]"""
        tensor = self.tensors[name]
        count = self._bytes(tensor)
        start = self._header.start + tensor.offset
        flat = np.frombuffer(self._data, np.uint8, count, start)
        return np.ascontiguousarray(flat.reshape(*tensor.shape[:-1], -1)[rows])

    def _bytes(self, tensor: GgufTensor) -> int:
        block, size = self._block(tensor)
        return math.prod(tensor.shape) // block * size

    def _block(self, tensor: GgufTensor) -> tuple[int, int]:
        """Weights of a block, and its bytes."""
        if tensor.kind == "F64":
            return 1, 8
        kind = self._gguf.GGMLQuantizationType[tensor.kind]
        block, size = self._gguf.GGML_QUANT_SIZES[kind]
        return int(block), int(size)

    def _check(self, tensor: GgufTensor) -> None:
        block, _ = self._block(tensor)
        if 0 in tensor.shape or tensor.shape[-1] % block:
            raise self._refusal(
                f"rows of whole blocks of {block}, found a tensor {tensor.name} of shape "
                f"{tensor.shape}; the file is damaged, download it again"
            )
        end = self._header.start + tensor.offset + self._bytes(tensor)
        if end > len(self._data):
            raise self._refusal(
                f"a whole GGUF file, found one that is truncated or damaged: {tensor.name} ends at "
                f"byte {end} of {len(self._data)}; download it again"
            )

    def _refusal(self, sentence: str) -> InputError:
        return InputError(f"{self.path}: expected {sentence}.")


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            magic = file.read(16)
            if magic[:4] == b"GGUF":
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise InputError(f"{path}: expected a GGUF file, but {error.strerror}.") from None
    found = _OTHERS.get(magic[:4], repr(magic[:4]))
    if magic[8:10] == b'{"':
        found = "a safetensors file"
    raise InputError(
        f"{path}: expected a GGUF file, which starts with `GGUF`, found {found}; "
        "give a file that ends in .gguf."
    )
