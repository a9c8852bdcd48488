"""Poses as a VRM animation (.vrma), which every VRM 1.0 character can play whatever its size.

glTF 2.0 with the extension VRMC_vrm_animation 1.0: nodes at rest in the T-pose, one rotation track
a bone and the hips' translation. Metres, Y up, facing +Z.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import PoseFrame
from idol_protocol.skeleton import PARENTS
from idol_runtime.errors import InputError
from idol_runtime.motion.skeleton import REST_OFFSETS_M
from idol_runtime.outputs.gltf import GltfWriter

_FLOAT = 5126
_EXTENSION = "VRMC_vrm_animation"


def write_vrma(path: Path, frames: Sequence[PoseFrame], fps: float) -> None:
    """Writes poses, one key a frame, the first at 0 s.

    Raises:
        InputError: there is no frame to write.
    """
    if not frames:
        raise InputError(f"{path}: expected at least one pose, found none; perform something.")
    writer = GltfWriter()
    nodes = _nodes(writer)
    writer.document |= {
        "scene": 0,
        "scenes": [{"nodes": [nodes[0]]}],
        "animations": [_animation(writer, nodes, frames, fps)],
        "extensionsUsed": [_EXTENSION],
        "extensions": {
            _EXTENSION: {
                "specVersion": "1.0",
                "humanoid": {
                    "humanBones": {
                        bone: {"node": node} for bone, node in zip(POSE_BONES, nodes, strict=True)
                    }
                },
            }
        },
    }
    path.write_bytes(writer.glb())


def _nodes(writer: GltfWriter) -> list[int]:
    nodes = [
        writer.node({"name": bone, "translation": [round(float(c), 6) for c in offset]})
        for bone, offset in zip(POSE_BONES, REST_OFFSETS_M, strict=True)
    ]
    for child, parent in enumerate(PARENTS):
        if parent >= 0:
            item = writer.document["nodes"][nodes[parent]]
            item.setdefault("children", []).append(nodes[child])
    return nodes


def _animation(
    writer: GltfWriter, nodes: list[int], frames: Sequence[PoseFrame], fps: float
) -> dict[str, object]:
    times_s = (np.arange(len(frames)) / fps).astype(np.float32)
    clock = writer.accessor(times_s[:, None], _FLOAT, "SCALAR", bounds=True)
    places_m = np.stack([frame.hips_m + REST_OFFSETS_M[0] for frame in frames]).astype(np.float32)
    turns = _continuous(np.stack([frame.rotations for frame in frames]))
    tracks = [(nodes[0], "translation", writer.accessor(places_m, _FLOAT, "VEC3"))]
    tracks += [
        (node, "rotation", writer.accessor(turns[:, bone], _FLOAT, "VEC4"))
        for bone, node in enumerate(nodes)
    ]
    return {
        "name": "pose",
        "samplers": [
            {"input": clock, "output": values, "interpolation": "LINEAR"} for _, _, values in tracks
        ],
        "channels": [
            {"sampler": at, "target": {"node": node, "path": path}}
            for at, (node, path, _) in enumerate(tracks)
        ],
    }


def _continuous(rotations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit quaternions [T, 22, 4] without jumps to their negatives: some readers follow those."""
    turns = rotations / np.linalg.norm(rotations, axis=-1, keepdims=True)
    flips = np.sum(turns[1:] * turns[:-1], axis=-1) < 0
    turns[1:] *= np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)[..., None]
    smooth: NDArray[np.float32] = turns.astype(np.float32)
    return smooth
