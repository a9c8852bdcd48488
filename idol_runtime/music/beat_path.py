"""The most probable beats under an onset curve, whatever the tempo and however it wanders.

After Krebs, Böck and Widmer, "An efficient state-space model for joint tempo and meter tracking"
(ISMIR 2015): the tempo may change at beats only, so a path through time and tempo costs one step a
frame. In place of a trained network a matched filter over the whole beat tells how well a tempo
fits: beats are strong, what lies halfway is weaker, the quarters between are weaker still.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.music.onsets import FRAME_RATE_HZ

SLOWEST_BPM, FASTEST_BPM = 55, 215
LIKELY_BPM = 125.0
"""A little above the tempo to which people tap most readily: slow ones collect more evidence."""
LIKELY_OCTAVES = 0.75
PRIOR = 0.22
"""Score a second that a tempo costs which is `LIKELY_OCTAVES` from the likely one."""
HALF, QUARTER = 0.3, 0.1
"""Onset strength expected halfway between beats and at the quarters, that of a beat being 1."""
SWUNG = 0.36
"""What lies halfway may come as late as this share of a beat before the next one."""
CHANGE = 20.0
"""Score that a change of tempo costs, for each unit of its logarithm."""
STIFFNESS = 20.0
"""How much an uneven tempo weighs against being off an onset, when beats are evened out."""

INTERVALS: Final = np.arange(
    60 * FRAME_RATE_HZ // FASTEST_BPM + 1, 60 * FRAME_RATE_HZ // SLOWEST_BPM + 1
)
"""Lengths of a beat in frames."""

BARE = 0.1
"""Onset strength where nothing began."""

_PEAK_REACH = 3
"""A beat is moved to the summit of its onset from at most this many frames away."""
_OUTLIER = 2.0
"""Onsets this many frames off an even tempo count half."""

Curve = NDArray[np.float32]
Places = NDArray[np.float64]


def beat_path(strength: Curve) -> tuple[NDArray[np.int64], float]:
    """Beats in frames and the path's score: about 1 a second where the beat is clear.

    Chance finds a score of about 2 in any sound.

    Args:
        strength: [T], about 1 at a clear onset, 0 elsewhere.

    Returns:
        [K] rising, K >= 1; a path begins and ends where the evidence does.
    """
    fits = _fits(strength)
    count, tempi = fits.shape
    cost = (CHANGE * np.abs(np.log(INTERVALS[:, None] / INTERVALS[None, :]))).astype(np.float32)
    columns, longest = np.arange(tempi), int(INTERVALS[-1])
    # Row t + longest: the best score before an interval that begins at frame t, and the interval
    # before it; -1 where a path had better begin there.
    entry: Curve = np.zeros((count + longest, tempi), np.float32)
    came_from: NDArray[np.int8] = np.full((count, tempi), -1, np.int8)
    best, end = -np.inf, (0, 0)
    for frame in range(count):
        score = fits[frame] + entry[frame - INTERVALS + longest, columns]
        through = score - cost
        source = through.argmax(axis=1)
        value = through[columns, source]
        entry[frame + longest] = np.maximum(value, 0.0)
        came_from[frame] = np.where(value > 0.0, source, -1)
        if (top := int(score.argmax())) >= 0 and score[top] > best:
            best, end = float(score[top]), (frame, top)
    beats = _walk_back(came_from, *end)
    # A path opens with an interval; whether a beat began it is not part of its score.
    is_bare = strength[max(0, beats[0] - _PEAK_REACH) :][: 2 * _PEAK_REACH].max() < BARE
    return beats[int(is_bare and len(beats) > 1) :], best


def even_out(strength: Curve, beats: NDArray[np.int64]) -> Places:
    """Beats in frames, between frames where their onsets are, without the jitter of a hand.

    Args:
        strength: [T].
        beats: [K], frames, rising.

    Returns:
        [K], rising: minimises distance to the onsets, weighted by their strength, and changes of
        tempo; single onsets that are off are given less weight.
    """
    from scipy.linalg import solveh_banded

    summits = [_summit(strength, int(beat)) for beat in beats]
    at, weight = np.array([place for place, _ in summits]), np.array([w for _, w in summits])
    if len(at) < 3:
        return at
    bands = STIFFNESS * _second_differences(len(at))
    weight = np.minimum(weight, 1.0) + 1e-3
    trust = weight
    even = at
    for _ in range(3):
        even = solveh_banded(bands + np.stack([0 * trust, 0 * trust, trust]), trust * at)
        trust = weight / (1 + ((at - even) / _OUTLIER) ** 2) + 1e-3
    return even


def phase_of(strength: Curve, interval: float) -> float:
    """The frame of the first beat of a steady tempo, in [0, interval)."""
    phases = np.arange(int(interval))
    frames = np.arange(len(strength))
    means = [
        np.interp(np.arange(phase, len(strength), interval), frames, strength).mean()
        for phase in phases
        if phase < len(strength)
    ]
    return float(np.argmax(means))


def _fits(strength: Curve) -> Curve:
    """[T, tempi]: score of a beat at a frame that ends an interval."""
    padded = np.pad(strength, (int(INTERVALS[-1]) + 1, 0))

    def back(frames: float) -> Curve:
        whole, share = divmod(frames, 1.0)
        last = len(padded) - int(whole)
        near = padded[last - len(strength) : last]
        far = padded[last - len(strength) - 1 : last - 1]
        return near * np.float32(1 - share) + far * np.float32(share)

    constant = 0.5 * (1 + HALF**2 + 2 * QUARTER**2)
    fits = np.empty((len(strength), len(INTERVALS)), np.float32)
    for column, interval in enumerate(INTERVALS.tolist()):
        half = np.maximum(back(0.5 * interval), back(SWUNG * interval))
        quarters = back(0.25 * interval) + back(0.75 * interval)
        octaves = np.log2(60 * FRAME_RATE_HZ / interval / LIKELY_BPM) / LIKELY_OCTAVES
        prior = PRIOR * octaves**2 * interval / FRAME_RATE_HZ
        fits[:, column] = strength + HALF * half + QUARTER * quarters - (constant + prior)
    return fits


def _walk_back(came_from: NDArray[np.int8], frame: int, column: int) -> NDArray[np.int64]:
    beats = [frame]
    while column >= 0 and (frame := frame - int(INTERVALS[column])) >= 0:
        beats.append(frame)
        column = int(came_from[frame, column])
    return np.array(beats[::-1])


def _summit(strength: Curve, beat: int) -> tuple[float, float]:
    """Where between frames the onset around a beat peaks, and how strong it is there."""
    first, last = max(1, beat - _PEAK_REACH), min(len(strength) - 1, beat + _PEAK_REACH + 1)
    if first >= last:
        return float(beat), 0.0
    top = first + int(np.argmax(strength[first:last]))
    before, here, after = (float(value) for value in strength[top - 1 : top + 2])
    bend = before - 2 * here + after
    if before > here or after > here or bend > -1e-6:
        return float(beat), here
    return top + 0.5 * (before - after) / bend, here


def _second_differences(count: int) -> Places:
    """[3, count]: the upper bands of D'D, D being second differences, as `solveh_banded` reads."""
    bands = np.zeros((3, count))
    bands[2, :-2] += 1
    bands[2, 1:-1] += 4
    bands[2, 2:] += 1
    bands[1, 1:-1] -= 2
    bands[1, 2:] -= 2
    bands[0, 2:] += 1
    return bands
