"""Reads binary glTF 2.0 (GLB, and so VRM and VRMA): document, accessors, nodes.

The libraries that read glTF leave morph targets and animations out, or do not decode accessors.

Specification: Khronos glTF 2.0, sections 3.6 (accessors, sparse ones too) and 4 (GLB container).
"""

import json
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

_COMPONENTS: Final = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
AT_REST: Final = {"translation": (0, 0, 0), "rotation": (0, 0, 0, 1), "scale": (1, 1, 1)}
MOST_VALUES: Final = 10_000_000
"""No accessor holds more; damage asks for memory that nobody has."""
_JSON, _BINARY = b"JSON", b"BIN\0"

Floats = NDArray[np.float64]


class GltfError(ValueError):
    """Bytes that are not what glTF 2.0 asks for: what was expected and what was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Glb:
    document: dict[str, Any]
    binary: bytes

    @classmethod
    def parse(cls, content: bytes) -> "Glb":
        """The two chunks of a file.

        Raises:
            GltfError: the bytes are no glTF 2.0 binary.
        """
        if len(content) < 20 or content[:4] != b"glTF":
            raise GltfError(f"expected a binary glTF file, but it begins with {content[:4]!r}.")
        version, total = struct.unpack_from("<II", content, 4)
        if version != 2:
            raise GltfError(f"expected glTF version 2, found {version}.")
        if total > len(content):
            raise GltfError(f"expected {total} bytes, found {len(content)}: the file was cut.")
        chunks = _chunks(content[12:total])
        try:
            document = json.loads(chunks.get(_JSON, b""))
        except (ValueError, RecursionError):
            raise GltfError("expected a JSON chunk with the document, found none.") from None
        if not isinstance(document, dict):
            raise GltfError("expected the document to be a JSON object.")
        return cls(document, chunks.get(_BINARY, b""))

    def accessor(self, index: int) -> NDArray[Any]:
        """Values of an accessor [count, width] (or [count] for scalars), sparse ones filled in.

        Raises:
            GltfError: it points outside the file or has a type that glTF 2.0 does not know.
        """
        try:
            item = self.document["accessors"][index]
            dtype, width = np.dtype(_COMPONENTS[item["componentType"]]), _WIDTHS[item["type"]]
            count = item["count"]
            if not 0 <= count <= MOST_VALUES:
                raise GltfError(
                    f"accessor {index}: expected at most {MOST_VALUES} values, found {count}."
                )
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
            raise GltfError(f"accessor {index}: expected glTF 2.0, but {error!r}.") from None
        if item.get("normalized"):
            values = np.maximum(values / np.iinfo(dtype).max, -1.0)
        return values[:, 0] if width == 1 else values

    def parents_first(self) -> list[tuple[int, int]]:
        """Every node and its parent, -1 for a root.

        Raises:
            GltfError: the nodes do not form trees.
        """
        nodes = self.document.get("nodes", [])
        parent = {child: at for at, node in enumerate(nodes) for child in node.get("children", [])}
        order = [(node, -1) for node in range(len(nodes)) if node not in parent]
        for node, _ in order:
            order += [(child, node) for child in nodes[node].get("children", [])]
            if len(order) > len(nodes):
                raise GltfError("expected nodes to form trees, found one with two parents.")
        if len(order) < len(nodes):
            raise GltfError("expected nodes to form trees, found a circle.")
        return order

    def places(self) -> dict[int, Floats]:
        """World matrix [4, 4] of every node at rest; points are columns."""
        world: dict[int, Floats] = {}
        for node, parent in self.parents_first():
            own = rest_matrix(self.document["nodes"][node])
            world[node] = world[parent] @ own if parent >= 0 else own
        return world

    def _view(self, index: int) -> tuple[bytes, int]:
        """Bytes of a buffer view and their stride, 0 when tightly packed."""
        view = self.document["bufferViews"][index]
        start = view.get("byteOffset", 0)
        end = start + view["byteLength"]
        if view["buffer"] != 0 or start < 0 or end > len(self.binary):
            raise GltfError(
                f"buffer view {index}: expected it inside the file's {len(self.binary)} bytes, "
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
            raise GltfError(
                f"expected {count} rows of {row} bytes in buffer view {place['bufferView']}, "
                f"found {len(data) - offset} bytes."
            )
        return np.ndarray((count, width), dtype, data, offset, (step, dtype.itemsize))


def _chunks(content: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<I4s", content, at)
        if at + 8 + length > len(content):
            raise GltfError(f"expected a chunk of {length} bytes: the file was cut.")
        found.setdefault(kind, content[at + 8 : at + 8 + length])
        at += 8 + length
    return found


def rest_matrix(node: dict[str, Any]) -> Floats:
    """[4, 4] from a node's axes to its parent's."""
    if "matrix" in node:
        return np.array(node["matrix"], float).reshape(4, 4).T
    parts = (np.array(node.get(path, rest), float) for path, rest in AT_REST.items())
    return matrices(*parts)


def matrices(translation: Floats, rotation: Floats, scale: Floats) -> Floats:
    """[..., 4, 4] of translations [..., 3], quaternions (x, y, z, w) [..., 4], scales [..., 3]."""
    matrix = np.tile(np.eye(4), (*translation.shape[:-1], 1, 1))
    turn = Rotation.from_quat(rotation).as_matrix()
    matrix[..., :3, :3] = turn * scale[..., None, :]
    matrix[..., :3, 3] = translation
    return matrix
