"""VRM animations (.vrma): glTF with the extension VRMC_vrm_animation 1.0.

The nodes at rest stand in a T-pose whatever their own axes are, so a bone's turn is its world
rotation against the one it rests with; the hips' path scales by the height of the hips at rest
(VRMC_vrm_animation-1.0 and its note on pose data compatibility).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M
from training.gltf import AT_REST, Glb, GltfError, matrices, rest_matrix
from training.humanoid.clip import Array, Clip
from training.motion_files.keyframes import Track, read_track
from training.motion_files.retarget import local_rotations
from training.motion_files.rig_motion import MotionFileError

_EXTENSION: Final = "VRMC_vrm_animation"
LONGEST_S: Final = 3600.0
_WIDTHS: Final = {"translation": 3, "rotation": 4, "scale": 3}


def read_vrma(path: Path, *, fps: int = 30) -> list[Clip]:
    """Every animation of the file, from 0 s to its last key.

    Raises:
        MotionFileError: another kind of file, a damaged one, or one without humanoid motion.
    """
    try:
        glb = Glb.parse(path.read_bytes())
        bones = _bones(glb.document)
        animations = glb.document.get("animations", [])
        if not animations:
            raise MotionFileError("expected an animation, found none; export the motion again.")
        clips = [_clip(glb, animation, bones, fps) for animation in animations]
    except GltfError as error:
        raise MotionFileError(
            f"{path}: {str(error).rstrip('.')}; the file is damaged or cut short."
        ) from None
    except MotionFileError as error:
        raise MotionFileError(f"{path}: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise MotionFileError(
            f"{path}: expected nodes, accessors and samplers that name each other, found "
            f"{error!r}; the file is damaged."
        ) from None
    names = [path.stem] if len(clips) == 1 else [f"{path.stem}_{at}" for at in range(len(clips))]
    return [
        Clip(name, fps, clip.local, clip.hips_m, clip.known)
        for name, clip in zip(names, clips, strict=True)
    ]


def _bones(document: Mapping[str, Any]) -> dict[str, int]:
    extension = document.get("extensions", {}).get(_EXTENSION)
    if extension is None:
        raise MotionFileError(
            f"expected the extension {_EXTENSION}, found "
            f"{', '.join(document.get('extensions', {})) or 'none'}; give a VRM animation."
        )
    listed = extension.get("humanoid", {}).get("humanBones", {})
    bones = {bone: int(listed[bone]["node"]) for bone in POSE_BONES if bone in listed}
    if "hips" not in bones:
        raise MotionFileError(
            f"expected a humanoid with hips, found the bones {', '.join(listed) or 'none'}; "
            "export the motion again."
        )
    return bones


def _clip(glb: Glb, animation: Mapping[str, Any], bones: Mapping[str, int], fps: int) -> Clip:
    tracks = _tracks(glb, animation)
    end_s = max((float(track.times_s[-1]) for track in tracks.values()), default=0.0)
    if not 0 <= end_s <= LONGEST_S:
        raise MotionFileError(
            f"expected at most {LONGEST_S:.0f} s of motion, found keys at {end_s:g} s; cut it into "
            "parts, or export it again."
        )
    times_s = np.arange(int(end_s * fps + 1e-3) + 1) / fps
    rest = glb.places()
    moved = _world(glb, tracks, times_s)
    world = {
        bone: _turn(moved[node]) @ np.swapaxes(_turn(rest[node]), -1, -2)
        for bone, node in bones.items()
    }
    rest_height = float(rest[bones["hips"]][1, 3])
    if rest_height < 1e-3:
        raise MotionFileError(
            f"expected hips that rest above the floor, found them at {rest_height:.3f} m; the "
            "file's rest pose is not a T-pose."
        )
    scale = OFFSETS_M[0][1] / rest_height
    hips_m = moved[bones["hips"]][:, :3, 3] * scale - np.array(OFFSETS_M[0])
    known = np.array([bone in bones for bone in POSE_BONES])
    return Clip("", fps, local_rotations(world), hips_m, known)


def _tracks(glb: Glb, animation: Mapping[str, Any]) -> dict[tuple[int, str], Track]:
    """(node, path) -> what moves it; weights of meshes are left out."""
    return {
        (int(target["node"]), target["path"]): read_track(
            glb, animation["samplers"][channel["sampler"]], _WIDTHS[target["path"]]
        )
        for channel in animation["channels"]
        if "node" in (target := channel["target"]) and target["path"] in _WIDTHS
    }


def _world(glb: Glb, tracks: Mapping[tuple[int, str], Track], times_s: Array) -> dict[int, Array]:
    """Node -> [T, 4, 4] from its axes to the world's."""
    world: dict[int, Array] = {}
    for node, parent in glb.parents_first():
        local = _local(glb.document["nodes"][node], node, tracks, times_s)
        world[node] = world[parent] @ local if parent >= 0 else local
    return world


def _local(
    item: dict[str, Any], node: int, tracks: Mapping[tuple[int, str], Track], times_s: Array
) -> Array:
    if not any((node, path) in tracks for path in AT_REST):
        return np.tile(rest_matrix(item), (len(times_s), 1, 1))
    return matrices(
        *(
            tracks[node, path].at(times_s)
            if (node, path) in tracks
            else np.tile(np.array(item.get(path, rest), float), (len(times_s), 1))
            for path, rest in AT_REST.items()
        )
    )


def _turn(matrix: Array) -> Array:
    """[..., 3, 3]: the rotation of matrices whose scale is even."""
    turn: Array = matrix[..., :3, :3] / np.linalg.norm(matrix[..., :3, :3], axis=-2, keepdims=True)
    return turn
