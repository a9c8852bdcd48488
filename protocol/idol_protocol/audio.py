"""What the motion generators are fed of the voice: log-mel features, and how they are computed.

One motion frame has 4 hops of 40 bands; hop k covers samples [200 k - 400, 200 k + 200) of the
frame. Mel scale: O'Shaughnessy 1987 (2595 log10(1 + f / 700)), triangular bands.
"""

from typing import Final

import msgspec

from .frames import AUDIO_RATE_HZ, FPS

FFT_SIZE: Final = 1024
"""Zero-padded: the lowest bands are narrower than the bins of a 600-point transform."""


class AudioFeatures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How features are computed; the `audio` table of a motion bundle's manifest."""

    rate_hz: int = AUDIO_RATE_HZ
    fps: int = FPS
    window_samples: int = 600
    hop_samples: int = 200
    bands: int = 40
    low_hz: float = 80.0
    high_hz: float = 7600.0
    floor: float = 1e-7
    """Added to the band powers before the logarithm: full scale is about 0.1."""
    offset: float = 12.0
    scale: float = 4.0
    """Features are (ln(power + floor) + offset) / scale: about -1 in silence, 2 in loud speech."""

    @property
    def frame_samples(self) -> int:
        return self.rate_hz // self.fps

    @property
    def size(self) -> int:
        """Values of one frame."""
        return self.bands * (self.frame_samples // self.hop_samples)


LOG_MEL: Final = AudioFeatures()
"""What our own generators are trained with."""
