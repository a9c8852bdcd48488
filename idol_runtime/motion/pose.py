"""The pose generator as the runtime uses it."""

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_runtime.motion.rotations import from_yaw_pitch_roll, multiply

NECK_SHARE = 0.4
"""How much of the head's rotation the neck takes; the head takes the rest."""

_NECK = POSE_BONES.index("neck")
_HEAD = POSE_BONES.index("head")


def with_head(rotations: NDArray[np.float32], head_deg: NDArray[np.float32]) -> NDArray[np.float32]:
    """Puts the face's head rotation into the neck and the head of a pose.

    Args:
        rotations: [..., 22, 4], local quaternions in `POSE_BONES` order.
        head_deg: [..., 3], yaw, pitch and roll in degrees.
    """
    turned = rotations.copy()
    for bone, share in ((_NECK, NECK_SHARE), (_HEAD, 1 - NECK_SHARE)):
        turn = from_yaw_pitch_roll(head_deg * np.float32(share))
        turned[..., bone, :] = multiply(turn, rotations[..., bone, :])
    return turned.astype(np.float32)
