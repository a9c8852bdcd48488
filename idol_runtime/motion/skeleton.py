"""The reference body: a VRM 1.0 humanoid, 1.6 m tall, in its T-pose, and its forward kinematics.

Rigs of any size take the rotations as they are and scale the hips translation by the height of
their own hips over `REST_HIPS_M[1]`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_runtime.motion.rotations import Array, multiply, rotate

_BONES: Final[dict[str, tuple[str | None, tuple[float, float, float]]]] = {
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

PARENTS: Final[tuple[int, ...]] = tuple(
    -1 if (parent := _BONES[bone][0]) is None else POSE_BONES.index(parent) for bone in POSE_BONES
)
"""Index of each bone's parent in `POSE_BONES`; -1 for the hips. A parent precedes its children."""

OFFSETS_M: Final[NDArray[np.float32]] = np.array([_BONES[b][1] for b in POSE_BONES], np.float32)
"""(22, 3): each bone's joint from its parent's joint in the T-pose; the hips from the floor."""
OFFSETS_M.flags.writeable = False

REST_HIPS_M: Final[NDArray[np.float32]] = OFFSETS_M[0]


def forward_kinematics(rotations: Array, hips_m: Array) -> tuple[Array, Array]:
    """Where the joints are.

    Args:
        rotations: (..., 22, 4) local unit quaternions in `POSE_BONES` order.
        hips_m: (..., 3) translation of the hips from rest, metres.

    Returns:
        Joint positions (..., 22, 3) in metres, floor at y = 0, and world rotations (..., 22, 4).
    """
    positions: list[Array] = []
    world: list[Array] = []
    for index, parent in enumerate(PARENTS):
        if parent < 0:
            positions.append(hips_m + OFFSETS_M[index])
            world.append(rotations[..., index, :])
            continue
        positions.append(positions[parent] + rotate(world[parent], OFFSETS_M[index]))
        world.append(multiply(world[parent], rotations[..., index, :]))
    return np.stack(positions, axis=-2), np.stack(world, axis=-2)
