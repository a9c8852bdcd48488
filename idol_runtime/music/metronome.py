"""Music whose tempo is known and does not change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEATS = 8
"""The pose generator counts eight beats, two bars of four."""
DEFAULT_BPM = 120.0
DEFAULT_INTENSITY = 0.7


@dataclass(frozen=True, slots=True)
class Metronome:
    bpm: float
    """Beats a minute, above 0."""
    first_beat_s: float
    """Media time of the first beat of some bar."""
    intensity: float
    """In [0, 1]."""

    def row(self, time_s: float) -> NDArray[np.float32]:
        """[2]: the place in the eight-count in [0, 1) at a media time, and the intensity."""
        place = np.float32((time_s - self.first_beat_s) * self.bpm / 60 / BEATS % 1)
        return np.array([place if place < 1 else 0, self.intensity], np.float32)


def own_beat(first_beat_s: float) -> Metronome:
    """What somebody dances to who hears no music."""
    return Metronome(DEFAULT_BPM, first_beat_s, DEFAULT_INTENSITY)
