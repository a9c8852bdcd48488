"""Skinned, morphing meshes in a binary glTF 2.0 file (Khronos glTF-2.0 specification)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.avatar.geometry import Floats, Mesh
from export.avatar.skeleton import Bone
from idol_runtime.outputs.gltf import GltfWriter

_FLOAT, _U8, _U16, _U32 = 5126, 5121, 5123, 5125
_VERTICES, _INDICES = 34962, 34963
_STILL_M = 2e-5
"""A morph moves a vertex only when it moves it further than this."""


@dataclass(eq=False)
class AvatarWriter(GltfWriter):
    """A glTF file of meshes on a skeleton."""

    _zeros: dict[int, int] = field(default_factory=dict)

    def sparse(self, delta: Floats) -> int:
        """A VEC3 accessor that stores only the vertices a morph target moves."""
        moved = np.flatnonzero(np.abs(delta).max(axis=1) > _STILL_M)
        count = len(delta)
        if not len(moved):
            if count not in self._zeros:
                self._zeros[count] = self.append("accessors", _zeros(count))
            return self._zeros[count]
        values = np.round(delta[moved], 6).astype(np.float32)
        low, high = np.minimum(values.min(0), 0), np.maximum(values.max(0), 0)
        sparse = {
            "count": len(moved),
            "indices": {
                "bufferView": self.view(moved.astype(np.uint16).tobytes()),
                "componentType": _U16,
            },
            "values": {"bufferView": self.view(values.tobytes())},
        }
        bounds = {"min": low.tolist(), "max": high.tolist()}
        return self.append("accessors", _zeros(count) | bounds | {"sparse": sparse})

    def texture(self, name: str, png: bytes) -> int:
        image = {"name": name, "bufferView": self.view(png), "mimeType": "image/png"}
        sampler = {"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}
        if "samplers" not in self.document:
            self.append("samplers", sampler)
        return self.append("textures", {"source": self.append("images", image), "sampler": 0})

    def material(self, item: dict[str, Any]) -> int:
        return self.append("materials", item)

    def skeleton(self, bones: list[Bone]) -> dict[str, int]:
        """Node index of each bone; a bone's node holds its offset from its parent."""
        places = {bone.name: np.array(bone.place) for bone in bones}
        nodes: dict[str, int] = {}
        for bone in bones:
            offset = places[bone.name] - (places[bone.parent] if bone.parent else 0)
            nodes[bone.name] = self.node(
                {"name": bone.name, "translation": [round(float(c), 6) for c in offset]}
            )
            if bone.parent:
                parent = self.document["nodes"][nodes[bone.parent]]
                parent.setdefault("children", []).append(nodes[bone.name])
        return nodes

    def skin(self, bones: list[Bone], nodes: dict[str, int]) -> int:
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(bones), 1, 1))
        inverse[:, 3, :3] = -np.array([bone.place for bone in bones])  # column-major
        accessor = self.accessor(inverse.reshape(-1, 16), _FLOAT, "MAT4")
        joints = [nodes[bone.name] for bone in bones]
        return self.append(
            "skins", {"joints": joints, "inverseBindMatrices": accessor, "skeleton": joints[0]}
        )

    def primitive(
        self, mesh: Mesh, material: int, bones: list[Bone], morph_names: tuple[str, ...]
    ) -> dict[str, Any]:
        joints, weights = four_joints(mesh, bones)
        normals = mesh.shaded().astype(np.float32)
        attributes = {
            "POSITION": self.accessor(
                mesh.positions.astype(np.float32), _FLOAT, "VEC3", target=_VERTICES, bounds=True
            ),
            "NORMAL": self.accessor(normals, _FLOAT, "VEC3", target=_VERTICES),
            "TEXCOORD_0": self.accessor(
                mesh.uvs.astype(np.float32), _FLOAT, "VEC2", target=_VERTICES
            ),
            "JOINTS_0": self.accessor(joints, _U8, "VEC4", target=_VERTICES),
            "WEIGHTS_0": self.accessor(weights, _FLOAT, "VEC4", target=_VERTICES),
        }
        indices = self.accessor(
            mesh.triangles.astype(np.uint16).ravel(), _U16, "SCALAR", target=_INDICES
        )
        item: dict[str, Any] = {"attributes": attributes, "indices": indices, "material": material}
        if morph_names:
            still = np.zeros((mesh.count, 3))
            item["targets"] = [
                {"POSITION": self.sparse(mesh.morphs.get(name, still))} for name in morph_names
            ]
        return item

    def mesh(
        self, name: str, primitives: list[dict[str, Any]], skin: int, morph_names: tuple[str, ...]
    ) -> int:
        """Node index of a new skinned mesh."""
        item: dict[str, Any] = {"name": name, "primitives": primitives}
        if morph_names:
            item |= {
                "extras": {"targetNames": list(morph_names)},
                "weights": [0] * len(morph_names),
            }
        return self.node({"name": name, "mesh": self.append("meshes", item), "skin": skin})


def _zeros(count: int) -> dict[str, Any]:
    return {
        "componentType": _FLOAT, "count": count, "type": "VEC3", "min": [0, 0, 0], "max": [0, 0, 0],
    }  # fmt: skip


def four_joints(mesh: Mesh, bones: list[Bone]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The four heaviest bones of each vertex (n, 4) and their weights, which sum to 1."""
    index = {bone.name: number for number, bone in enumerate(bones)}
    table = np.zeros((mesh.count, len(bones)))
    for name, weight in mesh.weights.items():
        table[:, index[name]] += weight
    joints = np.argsort(-table, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(table, joints, axis=1)
    weights = weights / weights.sum(axis=1, keepdims=True)
    weights[weights < 0.004] = 0
    weights = weights / weights.sum(axis=1, keepdims=True)
    joints[weights == 0] = 0
    return joints.astype(np.uint8), weights.astype(np.float32)
