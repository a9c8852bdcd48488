"""Sound, faces and poses of a character, stamped on its media clock.

`pts_us` counts microseconds since the character's session began. All share this clock; nothing is
ever aligned by its time of arrival.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AUDIO_RATE_HZ = 24_000
"""Sample rate of every audio chunk."""
FPS = 30
"""Face and pose frames a second."""
FRAME_SAMPLES = AUDIO_RATE_HZ // FPS
"""Samples that last as long as a frame: a whole number, so sound and frames never drift apart."""


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    pts_us: int
    """Media time of the first sample."""
    samples: NDArray[np.int16]
    """Shape (n,), mono PCM16 at `AUDIO_RATE_HZ`; 20 to 40 ms a chunk."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    pts_us: int
    weights: NDArray[np.float32]
    """Shape (52,), in `ARKIT_BLENDSHAPES` order, each in [0, 1]."""
    head_eyes_deg: NDArray[np.float32]
    """Shape (7,), in `HEAD_EYE_CHANNELS` order, degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseFrame:
    pts_us: int
    rotations: NDArray[np.float32]
    """Shape (22, 4), in `POSE_BONES` order: local quaternions (x, y, z, w), identity in the T-pose.

    Neck and head already carry the head rotation of the face frame with the same `pts_us`.
    """
    hips_m: NDArray[np.float32]
    """Shape (3,): translation of the hips from their rest position, metres, Y up."""
