"""Which beat begins a bar and which an eight-count.

Chords and basses change at the beginning of a bar, the bass drum falls on its odd beats and the
snare on its even ones; larger parts of a song begin at the beginning of an eight.
"""

import numpy as np
from numpy.typing import NDArray

from idol_runtime.music.metronome import BEATS
from idol_runtime.music.onsets import FRAME_RATE_HZ, LAG, SPLIT_HZ, Onsets, centres_hz

BAR = 4
CHORDS = 1.5
"""The weight of a change of harmony against that of drums."""
OPENING_BAR, OPENING_EIGHT = 0.15, 0.7
"""How much it counts that a song is likely to begin with a bar and with an eight."""
LEAST_STRENGTH, LEAST_CHANGE = 0.1, 0.01
"""What drums and harmonies vary less than is taken for the same."""

_REACH = 3
_BASS, _TREBLE = 0, 2

Places = NDArray[np.float64]


def first_count(onsets: Onsets, beats: Places, begins: int) -> int:
    """The count in [0, 8) of the first beat, 0 being the one that begins an eight.

    Args:
        onsets: Of the whole recording.
        beats: [K], in frames, rising, K >= 2.
        begins: The frame of the first sound.
    """
    if len(beats) < 2 * BAR:
        return 0
    bass, treble = (_around(onsets.bands[:, band], beats) for band in (_BASS, _TREBLE))
    change = _changes(onsets, beats, reach=1)
    scores = [
        CHORDS * _mean(change, offset)
        + 0.5 * (_mean(bass, offset) + 0.5 * _mean(bass, offset + 2))
        - 0.5 * (_mean(treble, offset) + _mean(treble, offset + 2))
        + (OPENING_BAR if offset == 0 else 0.0)
        for offset in range(BAR)
    ]
    bar = int(np.argmax(scores))
    part = _changes(onsets, beats, reach=2 * BEATS)  # sees through a loop of four bars
    before = (beats[0] - begins) * (len(beats) - 1) / (beats[-1] - beats[0])
    opening = bar + BAR * round((-before - bar) / BAR)
    eights = {offset: _mean(part, offset, BEATS) for offset in (bar, bar + BAR)}
    eights[bar + (opening - bar) % BEATS] += OPENING_EIGHT
    return -max(eights, key=lambda offset: eights[offset]) % BEATS


def _around(curve: NDArray[np.float32], beats: Places) -> Places:
    """[K]: the summit of a curve around each beat, in standard deviations of all beats."""
    middle = np.round(beats).astype(int)[:, None] + np.arange(-_REACH, _REACH + 1)
    summits: Places = curve[middle.clip(0, len(curve) - 1)].max(axis=1).astype(np.float64)
    around = _standard(summits, LEAST_STRENGTH)
    around[beats < LAG + _REACH] = 0.0  # what sounded before the recording is not known
    return around


def _changes(onsets: Onsets, beats: Places, reach: int) -> Places:
    """[K]: how much the notes of `reach` beats differ from those before, in deviations."""
    tonal = slice(*np.searchsorted(centres_hz(), (0.0, 2 * SPLIT_HZ[1])).tolist())
    total = np.cumsum(np.pad(onsets.spectrum[:, tonal].astype(np.float64), ((1, 0), (0, 0))), 0)
    edges = np.round(beats).astype(int).clip(0, len(total) - 1)
    ends = np.concatenate([edges, [min(len(total) - 1, edges[-1] + FRAME_RATE_HZ)]])
    distance = np.zeros(len(beats))
    for beat in range(reach, len(beats) - reach + 1):
        first, middle, last = ends[[beat - reach, beat, beat + reach]]
        before = (total[middle] - total[first]) / max(1, middle - first)
        after = (total[last] - total[middle]) / max(1, last - middle)
        size = np.linalg.norm(before) * np.linalg.norm(after)
        distance[beat] = 1 - before @ after / size if size > 0 else 0.0
    return _standard(distance, LEAST_CHANGE)


def _standard(values: Places, least: float) -> Places:
    """In standard deviations, but differences far below `least` are none."""
    standard: Places = (values - values.mean()) / max(float(values.std()), least)
    return standard


def _mean(values: Places, offset: int, step: int = BAR) -> float:
    chosen = values[offset % step :: step]
    return float(chosen.mean()) if len(chosen) else 0.0
