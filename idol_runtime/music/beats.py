"""The beats of a recording, and the eight-counts that a dance is made of."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from idol_runtime.errors import InputError
from idol_runtime.music.bars import BAR, first_count
from idol_runtime.music.beat_path import beat_path, even_out, phase_of
from idol_runtime.music.metronome import BEATS
from idol_runtime.music.onsets import FRAME_RATE_HZ, RANGE_DB, Onsets, find_onsets

CERTAIN = 0.45
"""Where a beat is believed. Songs, made and real, reach 0.6 and more; speech and noise 0.1."""
CLEAR_SCORE = 0.8
"""Score a second of a song with a clear beat, see `beat_path`."""
LUCK = 2.0
"""Score that chance finds in any sound, however short."""
GENTLE_BPM = 90.0
GENTLE = 0.5
"""Without a beat a body sways at this tempo and with this share of the intensity."""
LOWEST_BPM, HIGHEST_BPM = 20.0, 400.0
"""What may be asked for."""
INTENSITY_HZ: Final = 10
SMOOTHING_S = 0.8

_STEP: Final = FRAME_RATE_HZ // INTENSITY_HZ

Curve = NDArray[np.float32]
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BeatGrid:
    """What a dancer counts: every beat in an eight, and how strong the music is."""

    times_s: Times
    """[K], rising, K >= 2; beyond them the beats go on at the tempo of the last four."""
    first_count: int
    """The count of the first of them in [0, 8); 0 begins an eight, 4 its second bar."""
    confidence: float
    """In [0, 1]; below `CERTAIN` a recording has no clear beat."""
    intensity: Curve
    """[n], in [0, 1], at `INTENSITY_HZ` from `start_s` on; its ends are held."""
    start_s: float = 0.0

    @classmethod
    def steady(cls, bpm: float, first_downbeat_s: float, intensity: float = 1.0) -> Self:
        """Music whose tempo is known, without a recording.

        Args:
            bpm: Beats a minute, above 0.
            first_downbeat_s: When some eight begins.
            intensity: In [0, 1].
        """
        times_s = first_downbeat_s + np.arange(2) * 60 / bpm
        return cls(times_s, 0, 1.0, np.array([intensity], np.float32))

    @property
    def bpm(self) -> float:
        """The usual tempo in beats a minute."""
        return float(60 / np.median(np.diff(self.times_s)))

    def starting_at(self, time_s: float) -> Self:
        """The same music when its recording begins at `time_s`."""
        return replace(self, times_s=self.times_s + time_s, start_s=self.start_s + time_s)

    def counts(self, times_s: Times) -> Times:
        """[T]: beats since an eight began, at any times; a whole multiple of 8 begins one."""
        first, last = self.times_s[0], self.times_s[-1]
        opening_s, closing_s = self._ends_s()
        inside = np.interp(times_s, self.times_s, np.arange(len(self.times_s)))
        before = np.minimum(times_s - first, 0.0) / opening_s
        after = np.maximum(times_s - last, 0.0) / closing_s
        counts: Times = self.first_count + inside + before + after
        return counts

    def rows(self, times_s: Times) -> Curve:
        """[T, 2]: the place in the eight-count in [0, 1), and the intensity in [0, 1]."""
        place = (self.counts(times_s) / BEATS % 1).astype(np.float32)
        place[place >= 1] = 0.0  # just below 1 is 1 as float32
        at = (times_s - self.start_s) * INTENSITY_HZ
        strength = np.interp(at, np.arange(len(self.intensity)), self.intensity)
        return np.stack([place, strength.astype(np.float32)], axis=1)

    def row(self, time_s: float) -> Curve:
        """[2], see `rows`."""
        row: Curve = self.rows(np.array([time_s], np.float64))[0]
        return row

    def _ends_s(self) -> tuple[float, float]:
        """Lengths of a beat before the first and after the last."""
        reach = min(BAR, len(self.times_s) - 1)
        opening, closing = self.times_s[: reach + 1], self.times_s[-1 - reach :]
        return float(np.ptp(opening)) / reach, float(np.ptp(closing)) / reach

    def beats_between(self, start_s: float, end_s: float) -> tuple[Times, NDArray[np.int64]]:
        """Times and counts in [0, 8) of all beats from `start_s` to before `end_s`."""
        reach = 1 + np.abs(self.counts(np.array([start_s, end_s])) - self.first_count).max()
        numbers = np.arange(-int(reach), int(reach) + 1)
        times_s = self.times_of(numbers)
        inside = (times_s >= start_s) & (times_s < end_s)
        return times_s[inside], ((numbers + self.first_count) % BEATS)[inside]

    def times_of(self, numbers: NDArray[np.int64]) -> Times:
        """When beats are that are numbered from the first; the ends go on at their own pace."""
        last = len(self.times_s) - 1
        opening_s, closing_s = self._ends_s()
        before, after = np.minimum(numbers, 0), np.maximum(numbers - last, 0)
        inside = self.times_s[numbers.clip(0, last)]
        times_s: Times = inside + before * opening_s + after * closing_s
        return times_s


def find_beats(
    samples: NDArray[np.int16], *, bpm: float | None = None, first_beat_s: float | None = None
) -> BeatGrid:
    """The beats of a recording; the same recording gives the same beats.

    Where no beat is clear (see `BeatGrid.confidence`) the grid is steady at `GENTLE_BPM` and its
    intensity is lowered, so that a body sways. One eight-count runs through a whole recording: a
    song in three, or one with a bar too few, gets out of step with it.

    Args:
        samples: Shape (n,), n >= 1, mono at `AUDIO_RATE_HZ`.
        bpm: The tempo where it is known; it is then held throughout.
        first_beat_s: When some eight begins, where that is known.

    Raises:
        InputError: a tempo that no music has.
    """
    if bpm is not None and not LOWEST_BPM <= bpm <= HIGHEST_BPM:
        raise InputError(
            f"expected a tempo from {LOWEST_BPM:g} to {HIGHEST_BPM:g} beats a minute, "
            f"found {bpm:g}; give the tempo of the beats that one would tap."
        )
    onsets = find_onsets(samples)
    grid = _tracked(onsets) if bpm is None else _held(onsets, bpm)
    return grid if first_beat_s is None else _anchored(grid, first_beat_s)


def _tracked(onsets: Onsets) -> BeatGrid:
    sounding, intensity = _intensity(onsets.power)
    beats, score = beat_path(onsets.strength)
    sounding_s = max(1, int(sounding.sum())) / FRAME_RATE_HZ
    confidence = float(np.clip((score - LUCK) / sounding_s / CLEAR_SCORE, 0.0, 1.0))
    if len(beats) < BAR:
        confidence = 0.0
    begins = int(np.argmax(sounding))
    if confidence < CERTAIN:
        swaying = BeatGrid.steady(GENTLE_BPM, begins / FRAME_RATE_HZ)
        return replace(swaying, confidence=confidence, intensity=GENTLE * intensity)
    even = even_out(onsets.strength, beats)
    count = first_count(onsets, even, begins)
    return BeatGrid(even / FRAME_RATE_HZ, count, confidence, intensity)


def _held(onsets: Onsets, bpm: float) -> BeatGrid:
    """A tempo that is known: only where its beats fall has to be found."""
    interval = 60 * FRAME_RATE_HZ / bpm
    first = phase_of(onsets.strength, interval)
    count = max(2, int((len(onsets.strength) - first) / interval) + 1)
    beats: Times = first + np.arange(count, dtype=np.float64) * interval
    sounding, intensity = _intensity(onsets.power)
    first = first_count(onsets, beats, int(np.argmax(sounding)))
    return BeatGrid(beats / FRAME_RATE_HZ, first, 1.0, intensity)


def _anchored(grid: BeatGrid, first_beat_s: float) -> BeatGrid:
    """Moves the beats by at most half of one, so that an eight begins at this time."""
    count = float(grid.counts(np.array([first_beat_s]))[0])
    nearest = round(count) - grid.first_count
    beat_s = float(grid.times_of(np.array([nearest]))[0])
    return replace(
        grid, times_s=grid.times_s + (first_beat_s - beat_s), first_count=-nearest % BEATS
    )


def _intensity(power: Curve) -> tuple[NDArray[np.bool_], Curve]:
    """[T] where there is sound, and the loudness at `INTENSITY_HZ`, 1 where a song is loud."""
    from scipy.ndimage import gaussian_filter1d

    floor = max(float(power.max()) * 10 ** (-RANGE_DB / 10), 1e-10)
    sounding = power > floor
    if not sounding.any():
        return sounding, np.zeros(1, np.float32)
    # Perceived loudness grows about with the square root of the amplitude (Stevens 1957).
    loud = gaussian_filter1d(power, SMOOTHING_S * FRAME_RATE_HZ) ** 0.25
    usual = float(np.quantile(loud[sounding], 0.95))
    first, last = np.flatnonzero(sounding)[[0, -1]]
    loud[:first] = 0.0
    loud[last + 1 :] = 0.0
    curve: Curve = np.minimum(loud[::_STEP] / usual, 1.0).astype(np.float32)
    # Held ends are silence: there is no music before the recording and none after it.
    curve[0] = 0.0 if first > 0 else curve[0]
    return sounding, np.append(curve, np.float32(0.0))
