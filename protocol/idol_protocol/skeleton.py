"""The reference body that every pose is for: a VRM 1.0 humanoid, 1.6 m tall, in its T-pose.

Right-handed, Y up, metres; the character faces +Z and its left is +X. Rigs of any size take the
rotations as they are and scale the hips translation by the height of their own hips over
`OFFSETS_M[0][1]`.
"""

from typing import Final, TypeAlias

from .channels import POSE_BONES

Point: TypeAlias = tuple[float, float, float]

_BONES: Final[dict[str, tuple[str | None, Point]]] = {
    "hips": (None, (0.0, 0.885, 0.0)),
    "spine": ("hips", (0.0, 0.06, -0.004)),
    "chest": ("spine", (0.0, 0.095, -0.002)),
    "upperChest": ("chest", (0.0, 0.1, -0.004)),
    "neck": ("upperChest", (0.0, 0.15, -0.012)),
    "head": ("neck", (0.0, 0.075, 0.01)),
    "leftShoulder": ("upperChest", (0.024, 0.11, -0.004)),
    "leftUpperArm": ("leftShoulder", (0.08, -0.002, 0.0)),
    "leftLowerArm": ("leftUpperArm", (0.218, 0.0, 0.0)),
    "leftHand": ("leftLowerArm", (0.2, 0.0, 0.002)),
    "rightShoulder": ("upperChest", (-0.024, 0.11, -0.004)),
    "rightUpperArm": ("rightShoulder", (-0.08, -0.002, 0.0)),
    "rightLowerArm": ("rightUpperArm", (-0.218, 0.0, 0.0)),
    "rightHand": ("rightLowerArm", (-0.2, 0.0, 0.002)),
    "leftUpperLeg": ("hips", (0.074, -0.035, 0.0)),
    "leftLowerLeg": ("leftUpperLeg", (0.0, -0.384, 0.006)),
    "leftFoot": ("leftLowerLeg", (0.0, -0.378, -0.022)),
    "leftToes": ("leftFoot", (0.0, -0.062, 0.104)),
    "rightUpperLeg": ("hips", (-0.074, -0.035, 0.0)),
    "rightLowerLeg": ("rightUpperLeg", (0.0, -0.384, 0.006)),
    "rightFoot": ("rightLowerLeg", (0.0, -0.378, -0.022)),
    "rightToes": ("rightFoot", (0.0, -0.062, 0.104)),
}

PARENT_OF: Final[dict[str, str]] = {
    bone: parent for bone, (parent, _) in _BONES.items() if parent is not None
}
"""Each bone's parent by name; the hips have none."""

PARENTS: Final[tuple[int, ...]] = tuple(
    POSE_BONES.index(PARENT_OF[bone]) if bone in PARENT_OF else -1 for bone in POSE_BONES
)
"""Index of each bone's parent in `POSE_BONES`; -1 for the hips. A parent precedes its children."""

OFFSETS_M: Final[tuple[Point, ...]] = tuple(_BONES[bone][1] for bone in POSE_BONES)
"""Each bone's joint from its parent's joint, in `POSE_BONES` order; the hips from the floor."""
