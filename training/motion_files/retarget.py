"""Puts any humanoid's performance on our skeleton.

Limbs keep their world directions, the trunk its turns from rest, and the hips' path is scaled by
the length of the legs. A rest pose may be a T-pose, an A-pose or any other that stands; what a limb
is turned by in that pose is taken as the shortest arc from ours. Where the rest pose does not stand
(rigs whose bones all lie along one axis), the frame that stands best takes its place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENTS
from training.humanoid.clip import Array, Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files.rig_motion import MotionFileError, RigMotion, ancestors

LIMBS: Final[dict[str, str]] = {
    f"{side}{bone}": f"{side}{end}"
    for side in ("left", "right")
    for bone, end in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
        ("Foot", "Toes"),
    )
}
"""Bones with one clear direction, and the bone at their far end."""
_OFFSETS: Final[Array] = np.array(OFFSETS_M)
_UPPER_LEGS: Final = ("leftUpperLeg", "rightUpperLeg")
_STANDING: Final = 0.7
"""Least cosine between the vertical and the trunk, and the vertical and the legs."""
_SQUARE: Final = np.cos(np.radians(10))
"""A rig this close to an axis faces along it."""
_SUNK_M, _RAISED_M = 0.3, 1.0
"""A lowest joint outside of these says that the file's floor is not at 0."""


@dataclass(frozen=True, slots=True, eq=False)
class _Axes:
    """Rotations from a file's axes to ours."""

    rest: Array
    """[3, 3]"""
    world: Array
    """[3, 3]"""


def retarget(performance: RigMotion, bones: Mapping[str, int]) -> Clip:
    """The performance at its own frame rate.

    Args:
        performance: what the file holds.
        bones: bone of `POSE_BONES` -> joint; both legs down to the foot and both arms down to the
            lower arm are needed.

    Raises:
        MotionFileError: the legs have no length.
    """
    standing, axes = _stand(performance, bones)
    rest = {bone: axes.rest @ standing.rest[joint] for bone, joint in bones.items()}
    alignment = _alignments(rest)
    world = {
        bone: axes.world @ standing.turns[:, joint] @ (axes.rest.T @ alignment[bone])
        for bone, joint in bones.items()
    }
    local = local_rotations(world)
    middle = standing.places[:, [bones[bone] for bone in _UPPER_LEGS]].mean(1) @ axes.world.T
    hips_m = middle * _metres(rest) - local[:, 0] @ _middle_m() - _OFFSETS[0]
    known = np.array([bone in bones for bone in POSE_BONES])
    return Clip(performance.name, performance.fps, local, _on_this_floor(local, hips_m), known)


def with_twists_folded(performance: RigMotion, bones: Mapping[str, int]) -> RigMotion:
    """The performance of a rig that splits its limbs, with each limb's whole turn in one joint.

    Daz, Rigify and MakeHuman put further joints between an upper arm and its elbow, and so on,
    that carry the twist: the last of them is turned as the limb's far end is.
    """
    turns = performance.turns.copy()
    for bone, end in LIMBS.items():
        if bone not in bones or end not in bones or bone.endswith("Foot"):
            continue
        above = ancestors(performance.parents, bones[end])[1:]
        if bones[bone] in above:
            turns[:, bones[bone]] = performance.turns[:, above[0]]
    return replace(performance, turns=turns)


def local_rotations(world: Mapping[str, Array]) -> Array:
    """[T, 22, 3, 3] of the world rotations [T, 3, 3] of some bones, the hips among them.

    The others hold still against their parents.
    """
    whole: list[Array] = []
    local: list[Array] = []
    for bone, parent in zip(POSE_BONES, PARENTS, strict=True):
        above = whole[parent] if parent >= 0 else np.eye(3)
        whole.append(world.get(bone, above))
        local.append(np.swapaxes(above, -1, -2) @ whole[-1])
    return np.stack(local, axis=1)


def shortest_arc(start: Array, end: Array) -> Array:
    """[3, 3]: the least rotation that carries one direction [3] to another."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cosine = np.cross(start, end), float(start @ end)
    if cosine < -1 + 1e-9:
        across = np.cross(start, np.eye(3)[np.argmin(np.abs(start))])
        across /= np.linalg.norm(across)
        return 2 * np.outer(across, across) - np.eye(3)
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    arc: Array = np.eye(3) + skew + skew @ skew / (1 + cosine)
    return arc


def _alignments(rest: Mapping[str, Array]) -> dict[str, Array]:
    """Bone -> [3, 3] that carries our rest direction to the rig's; the trunk and head stand."""
    found = {bone: np.eye(3) for bone in rest}
    for bone, end in LIMBS.items():
        if bone not in rest or end not in rest:
            continue
        along = rest[end] - rest[bone]
        if np.linalg.norm(along) < 1e-9:
            continue
        ours = _OFFSETS[POSE_BONES.index(end)]
        found[bone] = shortest_arc(ours, along)
        if end.endswith("Hand"):
            found[end] = found[bone]
        flat = along * (1, 0, 1)
        if end.endswith("Toes") and flat[2] > 0.5 * np.linalg.norm(along):
            found[end] = shortest_arc(np.array([0.0, 0.0, 1.0]), flat)
    return found


def _stand(performance: RigMotion, bones: Mapping[str, int]) -> tuple[RigMotion, _Axes]:
    """The performance with a rest pose that stands, and the way from its axes to ours."""
    places = performance.places
    trunk, legs = _directions(performance.rest[None], bones)
    up = _nearest_axis(trunk[0])
    upward = _directions(places, bones)[0].mean(0)
    if min(trunk[0] @ up, -legs[0] @ up) > _STANDING:
        vertical = max((np.eye(3)[1], up), key=lambda axis: float(upward @ axis))
        rest = _axes(performance.rest, bones, up)
        world = rest if vertical @ up > _SQUARE else shortest_arc(vertical, np.eye(3)[1])
        if up[1] > _SQUARE:
            world = rest
        return performance, _Axes(rest, world)
    vertical = np.eye(3)[2] if upward[2] > max(0.8, upward[1]) else np.eye(3)[1]
    trunk, legs = _directions(places, bones)
    best = int(np.argmax(np.minimum(trunk @ vertical, -legs @ vertical)))
    turns = performance.turns @ np.swapaxes(performance.turns[best], -1, -2)
    axes = _axes(places[best], bones, vertical)
    return replace(performance, rest=places[best], turns=turns), _Axes(axes, axes)


def _directions(places: Array, bones: Mapping[str, int]) -> tuple[Array, Array]:
    """Unit [T, 3] from the legs to the arms, and down along the legs."""

    def middle(part: str) -> Array:
        mean: Array = (places[:, bones[f"left{part}"]] + places[:, bones[f"right{part}"]]) / 2
        return mean

    trunk, legs = middle("UpperArm") - middle("UpperLeg"), middle("Foot") - middle("UpperLeg")
    return _unit(trunk), _unit(legs)


def _axes(places: Array, bones: Mapping[str, int], up: Array) -> Array:
    """[3, 3] from the file's axes to ours, for a body that stands along `up`."""
    left = places[bones["leftUpperLeg"]] - places[bones["rightUpperLeg"]]
    left = _unit(left - (left @ up) * up)
    if np.abs(left).max() > _SQUARE:
        left = _nearest_axis(left)
    return np.stack([left, up, np.cross(left, up)])


def _metres(rest: Mapping[str, Array]) -> float:
    """Metres per unit of the file."""

    def length(places: Mapping[str, Array]) -> float:
        pairs = [(f"{side}{bone}", LIMBS[f"{side}{bone}"]) for side in ("left", "right")
                 for bone in ("UpperLeg", "LowerLeg")]  # fmt: skip
        return sum(float(np.linalg.norm(places[end] - places[bone])) for bone, end in pairs) / 2

    ours = dict(zip(POSE_BONES, _our_rest(), strict=True))
    theirs = length(rest)
    if theirs < 1e-9:
        raise MotionFileError(
            "expected legs with a length, found all their joints in one place; export the motion "
            "with its skeleton."
        )
    return length(ours) / theirs


def _our_rest() -> Array:
    places: Array = np.zeros((len(POSE_BONES), 3))
    for index, parent in enumerate(PARENTS):
        places[index] = _OFFSETS[index] + (places[parent] if parent >= 0 else 0)
    return places


def _middle_m() -> Array:
    """[3]: between the upper legs, from the hips."""
    middle: Array = _OFFSETS[[POSE_BONES.index(bone) for bone in _UPPER_LEGS]].mean(0)
    return middle


def _on_this_floor(local: Array, hips_m: Array) -> Array:
    """Moves a recording whose floor is far from 0, such as one whose hips start at 0."""
    joints, _ = forward_kinematics(torch.from_numpy(local), torch.from_numpy(hips_m))
    lowest = float(joints[..., 1].min())
    if -_SUNK_M < lowest < _RAISED_M:
        return hips_m
    ground = _our_rest()[:, 1].min()
    return hips_m + np.array([0.0, ground - lowest, 0.0])


def _nearest_axis(direction: Array) -> Array:
    axis = np.zeros(3)
    largest = np.argmax(np.abs(direction))
    axis[largest] = np.sign(direction[largest])
    return axis


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return unit
