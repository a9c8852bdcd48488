"""Bones of the avatar in the T-pose: their places, parents, and what swings on springs.

Rest rotations are identity, as VRM 1.0 asks of its normalised humanoid.
"""

from dataclasses import dataclass

import numpy as np

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENT_OF, PARENTS

FINGERS = {
    # root relative to the wrist, lengths of the three phalanges, radius; metres
    "Index": ((0.084, 0.002, 0.026), (0.032, 0.021, 0.017), 0.0068),
    "Middle": ((0.087, 0.003, 0.008), (0.035, 0.023, 0.018), 0.0070),
    "Ring": ((0.084, 0.002, -0.010), (0.032, 0.021, 0.017), 0.0067),
    "Little": ((0.077, 0.000, -0.026), (0.025, 0.017, 0.015), 0.0060),
}
THUMB = ((0.026, -0.006, 0.024), (0.034, 0.027, 0.022), 0.0080)
THUMB_WAY = (0.74, -0.10, 0.66)
_PHALANGES = ("Proximal", "Intermediate", "Distal")
_THUMB_BONES = ("Metacarpal", "Proximal", "Distal")


@dataclass(frozen=True, slots=True)
class Bone:
    name: str
    parent: str | None
    place: tuple[float, float, float]
    """World position in the T-pose, metres."""


@dataclass(frozen=True, slots=True)
class Spring:
    """A chain of bones that swings; the last one is only an end point."""

    name: str
    bones: tuple[str, ...]
    stiffness: float
    gravity: float
    drag: float
    radius_m: float
    colliders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collider:
    """A capsule fixed to a bone, in the bone's coordinates, that springs do not enter."""

    name: str
    bone: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius_m: float


COLLIDERS = [
    Collider("headBall", "head", (0.0, 0.115, -0.005), (0.0, 0.075, 0.005), 0.088),
    Collider("torso", "chest", (0.0, -0.06, 0.0), (0.0, 0.15, 0.0), 0.100),
    Collider("leftThigh", "leftUpperLeg", (0.0, -0.03, 0.0), (0.0, -0.25, 0.0), 0.075),
    Collider("rightThigh", "rightUpperLeg", (0.0, -0.03, 0.0), (0.0, -0.25, 0.0), 0.075),
    Collider("leftArm", "leftUpperArm", (0.0, 0.0, 0.0), (0.18, 0.0, 0.0), 0.050),
    Collider("rightArm", "rightUpperArm", (0.0, 0.0, 0.0), (-0.18, 0.0, 0.0), 0.050),
]


def point(place: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(c) for c in place)
    return x, y, z


def _finger_bones(left_hand: tuple[float, float, float]) -> list[Bone]:
    wrist = np.array(left_hand)
    bones = []
    for finger, (root, lengths, _) in FINGERS.items():
        bones += _chain(wrist + root, np.array([1.0, 0, 0]), lengths, f"left{finger}", _PHALANGES)
    root, lengths, _ = THUMB
    return bones + _chain(wrist + root, np.array(THUMB_WAY), lengths, "leftThumb", _THUMB_BONES)


def _chain(
    root: np.ndarray, way: np.ndarray, lengths: tuple[float, ...], stem: str, parts: tuple[str, ...]
) -> list[Bone]:
    offsets = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    names = [stem + part for part in parts]
    return [
        Bone(name, parent, point(root + way * at))
        for name, parent, at in zip(names, ["leftHand", *names], offsets, strict=False)
    ]


def _mirror(bone: Bone) -> Bone:
    def other(name: str) -> str:
        return name.replace("left", "right")

    x, y, z = bone.place
    return Bone(other(bone.name), other(bone.parent) if bone.parent else None, (-x, y, z))


def humanoid_bones() -> list[Bone]:
    """Parents before children: the 22 `POSE_BONES` and 30 bones of the fingers."""
    body: list[Bone] = []
    for name, parent, offset in zip(POSE_BONES, PARENTS, OFFSETS_M, strict=True):
        above = body[parent].place if parent >= 0 else (0.0, 0.0, 0.0)
        x, y, z = (round(a + b, 6) for a, b in zip(above, offset, strict=True))
        body.append(Bone(name, PARENT_OF.get(name), (x, y, z)))
    fingers = _finger_bones(body[POSE_BONES.index("leftHand")].place)
    return body + fingers + [_mirror(bone) for bone in fingers]
