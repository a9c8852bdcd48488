"""Where a clip stands and which way it faces: recordings start anywhere in a studio."""

import numpy as np
from scipy.spatial.transform import Rotation

from idol_protocol.skeleton import OFFSETS_M
from training.humanoid.clip import Clip


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
