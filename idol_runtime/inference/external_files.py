"""Where an ONNX file says that its tensors' data are, read without loading the file.

https://protobuf.dev/programming-guides/encoding; field numbers of onnx.proto.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_GRAPH: Final = 7
"""Of the model."""
_INITIALIZER: Final = 5
"""Of the graph, a tensor."""
_EXTERNAL_DATA: Final = 13
"""Of the tensor, an entry."""
_KEY, _VALUE = 1, 2
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def external_files(model: Path) -> set[str]:
    """The names of the files that hold data of the graph's initializers.

    Raises:
        ValueError: this is no protobuf message.
    """
    with model.open("rb") as file:
        if model.stat().st_size == 0:
            return set()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            view = memoryview(content)
            try:
                return set(_locations(view))
            finally:
                view.release()


def _locations(model: memoryview) -> Iterator[str]:
    for graph in _parts(model, 0, len(model), _GRAPH):
        for tensor in _parts(model, *graph, _INITIALIZER):
            for entry in _parts(model, *tensor, _EXTERNAL_DATA):
                keys = [bytes(model[slice(*each)]) for each in _parts(model, *entry, _KEY)]
                if keys == [b"location"]:
                    for value in _parts(model, *entry, _VALUE):
                        yield bytes(model[slice(*value)]).decode("utf-8")


def _parts(message: memoryview, at: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Where the values of a field of bytes begin and end, in the message from `at` to `end`."""
    while at < end:
        tag, at = _varint(message, at, end)
        kind = tag & 7
        size = 0
        if kind == _VARINT:
            _, at = _varint(message, at, end)
        elif kind == _BYTES:
            size, at = _varint(message, at, end)
            if tag >> 3 == wanted and at + size <= end:
                yield at, at + size
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError(f"expected a protobuf field, found type {kind} at byte {at}")
        at += size
    if at != end:
        raise ValueError("expected a whole protobuf message, found one that is cut short")


def _varint(message: memoryview, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("expected a whole protobuf number, found one that is cut short")
