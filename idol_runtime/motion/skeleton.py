"""Forward kinematics of the reference body."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.skeleton import OFFSETS_M, PARENTS
from idol_runtime.motion.rotations import Array, multiply, rotate

REST_OFFSETS_M: Final[NDArray[np.float32]] = np.array(OFFSETS_M, np.float32)
"""(22, 3): `OFFSETS_M` to calculate with."""
REST_OFFSETS_M.flags.writeable = False


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
            positions.append(hips_m + REST_OFFSETS_M[index])
            world.append(rotations[..., index, :])
            continue
        positions.append(positions[parent] + rotate(world[parent], REST_OFFSETS_M[index]))
        world.append(multiply(world[parent], rotations[..., index, :]))
    return np.stack(positions, axis=-2), np.stack(world, axis=-2)
