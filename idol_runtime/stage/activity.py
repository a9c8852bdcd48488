"""What a character does, as weights that glide from one activity to the next."""

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, FACE_ACTIVITIES

BLEND_PER_FRAME = 0.2
"""How fast the weights follow a change: 90 % within a third of a second."""


class ActivityBlend:
    """Weights for the generators of one character; begins idle."""

    def __init__(self) -> None:
        self._weights: NDArray[np.float32] = np.eye(len(ACTIVITIES), dtype=np.float32)[0]
        self._singing = 0.0

    def body(self, activity: str) -> NDArray[np.float32]:
        """Shape (5,), in `ACTIVITIES` order; sums to 1. To be asked for once a frame.

        Args:
            activity: what is to be done from this frame on.
        """
        target = np.eye(len(ACTIVITIES), dtype=np.float32)[ACTIVITIES.index(activity)]
        self._weights = (1 - BLEND_PER_FRAME) * self._weights + BLEND_PER_FRAME * target
        return self._weights

    def face(self, *, is_heard: bool) -> NDArray[np.float32]:
        """Shape (4,), in `FACE_ACTIVITIES` order, after `body`: a face that dances sings or is at
        ease.
        """
        self._singing += BLEND_PER_FRAME * (float(is_heard) - self._singing)
        *face, dance = self._weights
        row = np.array(face, np.float32)
        row[FACE_ACTIVITIES.index("speak")] += dance * self._singing
        row[FACE_ACTIVITIES.index("idle")] += dance * (1 - self._singing)
        return row
