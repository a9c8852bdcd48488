"""Where a clip stands and which way it faces: recordings start anywhere in a studio."""

from typing import Final

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENTS
from training.humanoid.clip import Array, Clip
from training.humanoid.skeleton import forward_kinematics

_FEET: Final = tuple(
    POSE_BONES.index(f"{side}{bone}") for side in ("left", "right") for bone in ("Foot", "Toes")
)
_PLANTED_SHARE: Final = 0.1
"""At least this share of a clip has a foot on the floor."""


def facing_forward(clip: Clip) -> Clip:
    """Turned about the vertical to face +Z on average, and moved to stand over the origin then."""
    forward = clip.local[:, 0, :, 2].mean(0)
    yaw = Rotation.from_euler("y", -np.arctan2(forward[0], forward[2])).as_matrix()
    local = clip.local.copy()
    local[:, 0] = yaw @ local[:, 0]
    rest = np.array(OFFSETS_M[0])
    hips_m = (clip.hips_m + rest) @ yaw.T - rest
    hips_m = hips_m - hips_m.mean(0) * (1, 0, 1)
    return Clip(clip.name, clip.fps, local, hips_m, clip.known)


def on_floor(clip: Clip) -> Clip:
    """Raised or lowered as a whole so that feet stand as high as in the rest pose.

    The floor is what the lower foot keeps to for a tenth of the clip, so single frames that sink do
    not lift it, nor do jumps.
    """
    heights = _joints(clip)[:, _FEET, 1] - _rest_heights()[list(_FEET)]
    lift = -float(np.quantile(heights.min(1), _PLANTED_SHARE))
    hips_m = clip.hips_m + np.array([0.0, lift, 0.0])
    return Clip(clip.name, clip.fps, clip.local, hips_m, clip.known)


def _joints(clip: Clip) -> Array:
    local, hips_m = torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m)
    joints: Array = forward_kinematics(local, hips_m)[0].numpy()
    return joints


def _rest_heights() -> Array:
    heights: Array = np.zeros(len(POSE_BONES))
    for index, parent in enumerate(PARENTS):
        heights[index] = OFFSETS_M[index][1] + (heights[parent] if parent >= 0 else 0)
    return heights
