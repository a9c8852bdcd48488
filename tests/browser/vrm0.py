"""Our avatar as hosts bring theirs: a VRM 0.x file, of another size, with the presets alone."""

import json
import struct
from typing import Any

import numpy as np

from export.avatar.vrm import PRESETS
from idol_protocol.channels import ARKIT_BLENDSHAPES

FLIP = np.array([-1.0, 1.0, -1.0], np.float32)
"""VRM 0.x figures look the other way."""
OLD_PRESETS = {
    "aa": "a", "ih": "i", "ou": "u", "ee": "e", "oh": "o", "blink": "blink", "happy": "joy",
    "blinkLeft": "blink_l", "blinkRight": "blink_r", "angry": "angry", "sad": "sorrow",
    "relaxed": "fun", "neutral": "neutral",
}  # fmt: skip
OLD_BONES = {"ThumbMetacarpal": "ThumbProximal", "ThumbProximal": "ThumbIntermediate"}


def as_vrm0(glb: bytes, size: float) -> bytes:
    """A VRM 1.0 file of `export.avatar` as VRM 0.x, `size` times as tall, without ARKit names."""
    length = struct.unpack_from("<I", glb, 12)[0]
    document = json.loads(glb[20 : 20 + length])
    binary = bytearray(glb[20 + length + 8 :])
    vrm = document["extensions"].pop("VRMC_vrm")
    del document["extensions"]["VRMC_springBone"]
    for node in document["nodes"]:
        if "translation" in node:
            node["translation"] = (np.array(node["translation"]) * FLIP * size).tolist()
    for mesh in document["meshes"]:
        for part in mesh["primitives"]:
            _turn(document, binary, part["attributes"]["POSITION"], size)
            _turn(document, binary, part["attributes"]["NORMAL"], 1.0)
    for target in {t["POSITION"] for m in document["meshes"] for p in m["primitives"] for t in p.get("targets", [])}:  # fmt: skip  # noqa: E501
        _turn_sparse(document, binary, target, size)
    for skin in document["skins"]:
        matrices = _view(document, binary, skin["inverseBindMatrices"], 16)
        matrices[:, 12:15] *= FLIP * size
    for material in document["materials"]:
        material.pop("extensions", None)
    document["extensionsUsed"] = ["VRM"]
    document["extensions"] = {"VRM": _old(vrm, document)}
    return _glb(document, bytes(binary))


def _old(vrm: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    face = next(k for k, mesh in enumerate(document["meshes"]) if mesh["name"] == "face")
    groups = [
        {
            "name": new,
            "presetName": old,
            "binds": [
                {"mesh": face, "index": ARKIT_BLENDSHAPES.index(name), "weight": 100 * weight}
                for name, weight in PRESETS[new].items()
            ],
        }
        for new, old in OLD_PRESETS.items()
    ]
    bones = [
        {"bone": _old_bone(name), "node": bone["node"], "useDefaultValues": True}
        for name, bone in vrm["humanoid"]["humanBones"].items()
        if name != "upperChest"  # as many figures that hosts bring
    ]
    return {
        "specVersion": "0.0",
        "meta": {"title": "Old", "version": "1", "author": "us", "licenseName": "Other"},
        "humanoid": {"humanBones": bones},
        "blendShapeMaster": {"blendShapeGroups": groups},
        "secondaryAnimation": {"boneGroups": [], "colliderGroups": []},
        "materialProperties": [
            {"name": each["name"], "shader": "VRM_USE_GLTFSHADER"} for each in document["materials"]
        ],
    }


def _old_bone(name: str) -> str:
    for side in ("left", "right"):
        if name.startswith(side):
            return side + OLD_BONES.get(name.removeprefix(side), name.removeprefix(side))
    return name


def _view(document: dict[str, Any], binary: bytearray, accessor: int, width: int) -> Any:
    """Numbers (n, width) of an accessor, in place."""
    about = document["accessors"][accessor]
    view = document["bufferViews"][about["bufferView"]]
    start = view.get("byteOffset", 0) + about.get("byteOffset", 0)
    count = about["count"] * width
    return np.frombuffer(binary, "<f4", count, start).reshape(-1, width)


def _turn(document: dict[str, Any], binary: bytearray, accessor: int, size: float) -> None:
    values = _view(document, binary, accessor, 3)
    values *= FLIP * size
    about = document["accessors"][accessor]
    if "min" in about:
        about |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}


def _turn_sparse(document: dict[str, Any], binary: bytearray, accessor: int, size: float) -> None:
    about = document["accessors"][accessor]
    if (sparse := about.get("sparse")) is None:
        return
    view = document["bufferViews"][sparse["values"]["bufferView"]]
    start = view.get("byteOffset", 0) + sparse["values"].get("byteOffset", 0)
    values = np.frombuffer(binary, "<f4", sparse["count"] * 3, start).reshape(-1, 3)
    values *= FLIP * size
    low, high = np.minimum(values.min(0), 0), np.maximum(values.max(0), 0)
    about |= {"min": low.tolist(), "max": high.tolist()}


def _glb(document: dict[str, Any], binary: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
