"""What the beginning of a GGUF file says: its metadata, and which tensors lie where.

Format: docs/gguf.md of ggml-org/ggml, versions 2 and 3, little-endian. Every count and length is
held against the bytes that are there before it is followed: damage costs neither memory nor time.
"""

import mmap
import struct
from dataclasses import dataclass
from typing import Any, Final

VERSIONS: Final = (2, 3)
MOST_DIMENSIONS: Final = 4
_SCALARS: Final[dict[int, str]] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_DEEPEST: Final = 4
"""Arrays of arrays; nobody writes deeper ones."""
KINDS: Final[dict[int, str]] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 4: "Q4_2", 5: "Q4_3", 6: "Q5_0", 7: "Q5_1",
    8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K",
    16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
    29: "IQ1_M", 30: "BF16", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0",
    35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4",
    41: "Q1_0",
}  # fmt: skip
"""ggml's types by their number, those among them that it has given up."""


class GgufDamageError(ValueError):
    """What is wrong with a header: the end of a sentence that begins with what was expected."""


class GgufTruncatedError(GgufDamageError):
    """The header goes on behind the last byte."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    name: str
    shape: tuple[int, ...]
    """Rows first; the file has columns first."""
    kind: str
    """In ggml's words; `type 99` where nobody here knows it."""
    offset: int
    """From the beginning of the tensors."""


class GgufHeader:
    """The header of a file that begins with `GGUF`."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        """Reads the whole header, but values only when they are asked for.

        Raises:
            GgufDamageError: another version, or counts and lengths that cannot be.
        """
        self._data, self._at = data, 4
        version = self._number("I")
        if version not in VERSIONS:
            if version & 0xFFFF == 0:
                raise GgufDamageError("one of a big-endian machine; choose a little-endian file")
            raise GgufDamageError(
                f"version {version}, where {' and '.join(map(str, VERSIONS))} are read; convert "
                "the model again with a llama.cpp of today"
            )
        tensors, values = self._number("Q"), self._number("Q")
        self._places: dict[str, int] = {}
        for _ in range(values):
            key = self._string()
            if key in self._places:
                raise GgufDamageError(f"the metadata key `{key}` twice; download it again")
            self._places[key] = self._at
            self._skip_value(self._number("I"))
        self.tensors: dict[str, GgufTensor] = {}
        for _ in range(tensors):
            tensor = self._tensor()
            if tensor.name in self.tensors:
                raise GgufDamageError(f"the tensor `{tensor.name}` twice; download it again")
            self.tensors[tensor.name] = tensor
        end = self._at
        alignment = self.value("general.alignment") if "general.alignment" in self else 32
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise GgufDamageError(
                f"tensors aligned to {alignment} bytes, which is no power of two; download it again"
            )
        self.start = -(-end // alignment) * alignment
        """Where the tensors begin."""

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def value(self, key: str) -> Any:
        """A number, a truth value, a text, or a list of one of these.

        Raises:
            GgufDamageError: a text that is none.
        """
        self._at = self._places[key]
        return self._value(self._number("I"))

    def _tensor(self) -> GgufTensor:
        name = self._string()
        dimensions = self._number("I")
        if not 0 < dimensions <= MOST_DIMENSIONS:
            raise GgufDamageError(
                f"a tensor `{name}` of {dimensions} dimensions; download it again"
            )
        shape = tuple(self._number("Q") for _ in range(dimensions))[::-1]
        number, offset = self._number("I"), self._number("Q")
        return GgufTensor(name, shape, KINDS.get(number, f"type {number}"), offset)

    def _skip_value(self, kind: int, depth: int = 0) -> None:
        if kind in _SCALARS:
            self._skip(struct.calcsize(f"<{_SCALARS[kind]}"))
        elif kind == _STRING:
            self._skip(self._number("Q"))
        elif kind == _ARRAY and depth < _DEEPEST:
            item, count = self._number("I"), self._number("Q")
            if item in _SCALARS:
                self._skip(count * struct.calcsize(f"<{_SCALARS[item]}"))
            else:
                self._check_room(count * 8)
                for _ in range(count):
                    self._skip_value(item, depth + 1)
        else:
            raise GgufDamageError(f"metadata of an unknown type {kind}; download it again")

    def _value(self, kind: int) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        item, count = self._number("I"), self._number("Q")
        if item in _SCALARS:
            form = f"<{count}{_SCALARS[item]}"
            return list(struct.unpack(form, self._take(struct.calcsize(form))))
        return [self._value(item) for _ in range(count)]

    def _number(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self._take(struct.calcsize(f"<{form}")))[0]

    def _string(self) -> str:
        raw = self._take(self._number("Q"))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise GgufDamageError("a text that is not UTF-8; download it again") from None

    def _take(self, size: int) -> bytes:
        self._skip(size)
        return self._data[self._at - size : self._at]

    def _skip(self, size: int) -> None:
        self._check_room(size)
        self._at += size

    def _check_room(self, size: int) -> None:
        if self._at + size > len(self._data):
            raise GgufTruncatedError("one that is truncated or damaged; download it again")
