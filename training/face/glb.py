"""Reads binary glTF 2.0 (GLB, and so VRM): the document, its accessors, its pictures.

Specification: Khronos glTF 2.0, sections 3.6 (accessors, sparse ones too) and 4 (GLB container).
"""

import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.image import imread
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

_COMPONENTS: Final = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_JSON, _BINARY = b"JSON", b"BIN\0"


@dataclass(frozen=True, eq=False)
class Glb:
    document: dict[str, Any]
    binary: bytes

    @classmethod
    def open(cls, path: Path) -> "Glb":
        """Reads a file.

        Raises:
            SystemExit: the file is missing or is no glTF 2.0 binary.
        """
        try:
            return cls.parse(path.read_bytes())
        except FileNotFoundError:
            raise SystemExit(
                f"{path}: expected a GLB or VRM file, found none; "
                "`python -m export.avatar --out avatar.vrm` writes ours."
            ) from None
        except ValueError as error:
            raise SystemExit(f"{path}: {error}") from None

    @classmethod
    def parse(cls, content: bytes) -> "Glb":
        """The same for bytes.

        Raises:
            ValueError: the bytes are no glTF 2.0 binary.
        """
        if len(content) < 20 or content[:4] != b"glTF":
            raise ValueError(f"Expected a binary glTF file, but it begins with {content[:4]!r}.")
        version, total = struct.unpack_from("<II", content, 4)
        if version != 2:
            raise ValueError(f"Expected glTF version 2, found {version}.")
        if total > len(content):
            raise ValueError(f"Expected {total} bytes, found {len(content)}: the file was cut.")
        chunks = _chunks(content[12:total])
        try:
            document = json.loads(chunks.get(_JSON, b""))
        except ValueError:
            raise ValueError("Expected a JSON chunk with the document, found none.") from None
        if not isinstance(document, dict):
            raise ValueError("Expected the document to be a JSON object.")
        return cls(document, chunks.get(_BINARY, b""))

    def accessor(self, index: int) -> NDArray[Any]:
        """Values of an accessor [count, width] (or [count] for scalars), sparse ones filled in.

        Raises:
            ValueError: it points outside the file or has a type that glTF 2.0 does not know.
        """
        try:
            item = self.document["accessors"][index]
            dtype, width = np.dtype(_COMPONENTS[item["componentType"]]), _WIDTHS[item["type"]]
            count = item["count"]
            if "bufferView" in item:
                values = self._read(item, dtype, count, width).copy()
            else:
                values = np.zeros((count, width), dtype)
            if sparse := item.get("sparse"):
                at = sparse["indices"]
                kind = np.dtype(_COMPONENTS[at["componentType"]])
                places = self._read(at, kind, sparse["count"], 1)[:, 0]
                values[places] = self._read(sparse["values"], dtype, sparse["count"], width)
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"Accessor {index}: expected glTF 2.0, but {error!r}.") from None
        if item.get("normalized"):
            values = np.maximum(values / np.float32(np.iinfo(dtype).max), -1).astype(np.float32)
        return values[:, 0] if width == 1 else values

    def picture(self, index: int) -> NDArray[np.float32]:
        """An embedded picture [height, width, 4], RGBA in [0, 1]."""
        image = self.document["images"][index]
        if "bufferView" not in image:
            raise ValueError(f"Image {index}: expected it inside the file, found a link.")
        kind = "jpg" if image.get("mimeType") == "image/jpeg" else "png"
        pixels = np.asarray(imread(io.BytesIO(self._view(image["bufferView"])[0]), format=kind))
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / 255
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        rgba = np.ones((*pixels.shape[:2], 4), np.float32)
        rgba[..., : pixels.shape[2]] = pixels
        return rgba

    def places(self) -> list[NDArray[Any]]:
        """World matrix [4, 4] of every node; points are columns."""
        nodes = self.document.get("nodes", [])
        parent = {child: at for at, node in enumerate(nodes) for child in node.get("children", [])}
        own = [_matrix(node) for node in nodes]

        def world(at: int, depth: int = 0) -> NDArray[Any]:
            if depth > len(nodes):
                raise ValueError("Expected nodes to form trees, found a circle.")
            above = world(parent[at], depth + 1) if at in parent else np.eye(4)
            placed: NDArray[Any] = above @ own[at]
            return placed

        return [world(at) for at in range(len(nodes))]

    def _view(self, index: int) -> tuple[bytes, int]:
        """Bytes of a buffer view and their stride, 0 when tightly packed."""
        view = self.document["bufferViews"][index]
        start = view.get("byteOffset", 0)
        end = start + view["byteLength"]
        if view["buffer"] != 0 or start < 0 or end > len(self.binary):
            raise ValueError(
                f"Buffer view {index}: expected it inside the file's {len(self.binary)} bytes, "
                f"found buffer {view['buffer']}, bytes {start} to {end}."
            )
        return self.binary[start:end], view.get("byteStride", 0)

    def _read(
        self, place: dict[str, Any], dtype: np.dtype[Any], count: int, width: int
    ) -> NDArray[Any]:
        data, stride = self._view(place["bufferView"])
        offset, row = place.get("byteOffset", 0), dtype.itemsize * width
        step = stride or row
        if count and (offset < 0 or offset + step * (count - 1) + row > len(data)):
            raise ValueError(
                f"Expected {count} rows of {row} bytes in buffer view {place['bufferView']}, "
                f"found {len(data) - offset} bytes."
            )
        return np.ndarray((count, width), dtype, data, offset, (step, dtype.itemsize))


def _chunks(content: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<I4s", content, at)
        if at + 8 + length > len(content):
            raise ValueError(f"Expected a chunk of {length} bytes: the file was cut.")
        found.setdefault(kind, content[at + 8 : at + 8 + length])
        at += 8 + length
    return found


def _matrix(node: dict[str, Any]) -> NDArray[Any]:
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    matrix = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
