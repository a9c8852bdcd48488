"""The beat that a character dances to."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from idol_runtime.timeline import FPS

LINGER_FRAMES = 60
"""How long a beat that is taken away is counted on: until the dance has come to rest."""


class Beats(Protocol):
    """The music a character dances to."""

    def row(self, time_s: float) -> NDArray[np.float32]:
        """[2]: the place in the eight-count in [0, 1), and the intensity in [0, 1]."""
        ...


class BeatTrack:
    """The music as the body takes it; `advance` moves on from frame to frame."""

    def __init__(self) -> None:
        self._last: Beats | None = None
        self._end = 0

    def row(self, beats: Beats | None, frame: int) -> NDArray[np.float32]:
        """Shape (2,), see `Beats.row`; zeros where there is no music."""
        if beats is None and frame <= self._end:
            beats = self._last
        return np.zeros(2, np.float32) if beats is None else beats.row(frame / FPS)

    def advance(self, beats: Beats | None, frame: int) -> None:
        """This frame was shown."""
        if beats is not None:
            self._last, self._end = beats, frame + LINGER_FRAMES
