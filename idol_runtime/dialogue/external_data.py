"""Writes an ONNX model whose tensors go to disk one by one, so that no model must fit in memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnx
from numpy.typing import NDArray

ALIGNMENT = 4096
"""Tensors start on pages, so that ONNX Runtime maps them instead of copying."""

_TYPES = {
    np.dtype(np.float32): onnx.TensorProto.FLOAT,
    np.dtype(np.float16): onnx.TensorProto.FLOAT16,
    np.dtype(np.uint8): onnx.TensorProto.UINT8,
}


class TensorFile:
    """The file of tensor data next to an ONNX model. Use as a context."""

    def __init__(self, path: Path) -> None:
        self.location = path.name
        self.tensors: list[onnx.TensorProto] = []
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str, values: NDArray[Any]) -> str:
        return self.stream(name, values.dtype, values.shape, [values])

    def stream(
        self,
        name: str,
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        parts: Iterable[NDArray[Any]],
    ) -> str:
        """Writes `parts`, which follow one another in memory order, and returns the name."""
        self._file.seek(-(-self._file.tell() // ALIGNMENT) * ALIGNMENT)
        offset = self._file.tell()
        for part in parts:
            self._file.write(np.ascontiguousarray(part, dtype).data)
        length = self._file.tell() - offset
        if length != int(np.prod(shape)) * dtype.itemsize:
            raise ValueError(f"tensor {name}: {length} bytes written for shape {shape}")
        tensor = onnx.TensorProto(
            name=name,
            dims=shape,
            data_type=_TYPES[dtype],
            data_location=onnx.TensorProto.EXTERNAL,
        )
        entries = {"location": self.location, "offset": str(offset), "length": str(length)}
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)
        self.tensors.append(tensor)
        return name


def row_ranges(rows: int, columns: int, limit: int = 4_000_000) -> Iterator[slice]:
    """Ranges of whole rows of at most about `limit` values each."""
    step = max(1, limit // columns)
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))
