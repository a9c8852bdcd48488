"""Where notes and drums begin: onset strength in three bands, and what sounds around them.

Spectral flux of a logarithmic filter bank after Böck and Widmer, "Maximum filter vibrato
suppression for onset detection" (DAFx 2013): a band grows only by what it exceeds its own
neighbourhood before, so a voice that wavers between bands is no onset.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ

FRAME_RATE_HZ = 100
HOP: Final = AUDIO_RATE_HZ // FRAME_RATE_HZ
WINDOW: Final = 1024
BANDS_AN_OCTAVE = 12
LOWEST_HZ, HIGHEST_HZ = 40.0, 11_000.0
SPLIT_HZ = (160.0, 1500.0)
"""Bass and bass drum lie below the first, snare and cymbals above the second."""
LAG = 2
"""Growth is measured over this many frames."""
RANGE_DB = 60.0
"""What is this far below the loudest of a recording counts as silence."""

_BLOCK = 4096

Curve = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """A recording at `FRAME_RATE_HZ`; frame i is centred on i / `FRAME_RATE_HZ` seconds."""

    strength: Curve
    """[T], 0 where nothing begins, about 1 at a clear onset."""
    bands: Curve
    """[T, 3], the same for bass, middle and treble."""
    spectrum: Curve
    """[T, bands], decibels above `RANGE_DB` below the loudest; for changes of harmony."""
    power: Curve
    """[T], mean square, full scale 1."""


def find_onsets(samples: NDArray[np.int16]) -> Onsets:
    """Onset strength of a recording, shape (n,) at `AUDIO_RATE_HZ`, n >= 1."""
    spectrum, power = _spectrum(samples)
    level = 10 * np.log10(spectrum + 1e-12)
    level = np.maximum(level - (level.max() - RANGE_DB), 0.0)
    if power.max() <= 1e-10:
        level[:] = 0.0
    growth = _growth(level)
    edges = np.searchsorted(centres_hz(), SPLIT_HZ)
    bands = np.stack([_evened(part.mean(axis=1)) for part in np.split(growth, edges, axis=1)], 1)
    strength = _evened(bands @ np.array([1.0, 0.8, 1.0], np.float32))
    return Onsets(strength, bands, level, power)


def _spectrum(samples: NDArray[np.int16]) -> tuple[Curve, Curve]:
    """[T, bands] power in each band, and [T] the whole power."""
    count = -(-len(samples) // HOP)
    reach = WINDOW // 2
    padded = np.pad(samples, (reach, reach + HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:count]
    shape = np.hanning(WINDOW).astype(np.float32) / np.float32(32768 * WINDOW / 4)
    filters = _filters()
    bands, power = [], []
    for start in range(0, count, _BLOCK):
        block = windows[start : start + _BLOCK].astype(np.float32)
        power.append((block / 32768.0).var(axis=1))
        bands.append((np.abs(np.fft.rfft(block * shape)) ** 2).astype(np.float32) @ filters)
    return np.concatenate(bands), np.concatenate(power).astype(np.float32)


def centres_hz() -> NDArray[np.float64]:
    """[bands]: the middles of the filter bank's bands, rising."""
    octaves = np.log2(HIGHEST_HZ / LOWEST_HZ)
    bands = np.arange(int(octaves * BANDS_AN_OCTAVE))
    centres: NDArray[np.float64] = LOWEST_HZ * 2 ** (bands / BANDS_AN_OCTAVE)
    # In the bass several bands would share one bin of the transform.
    bins = np.unique(np.round(centres * WINDOW / AUDIO_RATE_HZ).clip(1))
    hz: NDArray[np.float64] = bins * AUDIO_RATE_HZ / WINDOW
    return hz


def _filters() -> Curve:
    """[bins, bands], triangles that overlap by half."""
    centres = centres_hz()
    edges = np.concatenate([[centres[0] / 2], centres, [min(12_000.0, centres[-1] * 1.06)]])
    hz = np.arange(WINDOW // 2 + 1) * AUDIO_RATE_HZ / WINDOW
    rising = (hz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hz[:, None]) / (edges[2:] - edges[1:-1])
    triangles: Curve = np.minimum(rising, falling).clip(0).astype(np.float32)
    return triangles


def _growth(level: Curve) -> Curve:
    """[T, bands] decibels gained over the neighbourhood `LAG` frames before."""
    from scipy.ndimage import maximum_filter1d

    before = maximum_filter1d(level, 3, axis=1)
    growth = np.zeros_like(level)
    growth[LAG:] = np.maximum(level[LAG:] - before[:-LAG], 0.0)
    return growth


def _evened(curve: Curve) -> Curve:
    """Less its own surroundings and divided by its usual peaks, of the song and of 8 s around."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(curve, 1.0)
    above = np.maximum(smooth - gaussian_filter1d(smooth, 0.4 * FRAME_RATE_HZ), 0.0)
    usual = np.sqrt(gaussian_filter1d(above**2, 4.0 * FRAME_RATE_HZ))
    whole = np.sqrt(np.mean(above**2))
    evened: Curve = (above / (3.0 * np.maximum(usual, 0.5 * whole) + 1e-6)).astype(np.float32)
    return np.minimum(evened, 1.5)
