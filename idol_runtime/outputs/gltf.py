"""Writes a binary glTF 2.0 file (Khronos glTF-2.0 specification)."""

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class GltfWriter:
    """Collects buffers and objects; `glb()` is the file."""

    document: dict[str, Any] = field(
        default_factory=lambda: {"asset": {"version": "2.0", "generator": "idol_runtime"}}
    )
    _chunks: list[bytes] = field(default_factory=list)

    def append(self, kind: str, item: dict[str, Any]) -> int:
        """Index of a new object of a kind: `nodes`, `accessors`, ..."""
        items = self.document.setdefault(kind, [])
        items.append(item)
        return len(items) - 1

    def view(self, data: bytes, target: int | None = None) -> int:
        """Index of a new buffer view."""
        offset = sum(map(len, self._chunks))
        self._chunks.append(data + b"\0" * (-len(data) % 4))
        item = {"buffer": 0, "byteOffset": offset, "byteLength": len(data)}
        return self.append("bufferViews", item | ({"target": target} if target else {}))

    def accessor(
        self, values: NDArray[Any], component: int, kind: str, *, target: int | None = None,
        bounds: bool = False, normalized: bool = False,
    ) -> int:  # fmt: skip
        values = np.ascontiguousarray(values)
        item: dict[str, Any] = {
            "bufferView": self.view(values.tobytes(), target),
            "componentType": component,
            "count": len(values),
            "type": kind,
        }
        if bounds:
            item |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        if normalized:
            item["normalized"] = True
        return self.append("accessors", item)

    def node(self, item: dict[str, Any]) -> int:
        return self.append("nodes", item)

    def glb(self) -> bytes:
        binary = b"".join(self._chunks)
        self.document["buffers"] = [{"byteLength": len(binary)}]
        text = json.dumps(self.document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(binary)
        return (
            struct.pack("<4sII", b"glTF", 2, total)
            + struct.pack("<I4s", len(text), b"JSON")
            + text
            + struct.pack("<I4s", len(binary), b"BIN\0")
            + binary
        )
