"""What a face is measured by: small functions of motion, in numpy alone.

Motion is [frames, C] at a constant rate; weights are in [0, 1], angles in degrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import periodogram

from training.evaluation.measures import Span, correlation, runs

Array = NDArray[Any]


def best_lag(made: Array, real: Array, *, reach: int = 6) -> float:
    """Frames by which `made` is late (positive) where it fits `real` best; nan when still.

    The integer lag with the highest r is refined by a parabola through its neighbours; a best lag
    at the end of the reach stays whole.
    """
    if len(real) < 4 * reach:
        return float("nan")
    middle = real[reach:-reach]
    scores = np.array(
        [
            correlation(made[reach + lag : len(made) - reach + lag], middle)
            for lag in range(-reach, reach + 1)
        ]
    )
    if np.isnan(scores).all():
        return float("nan")
    peak = int(np.nanargmax(scores))
    lag = float(peak - reach)
    if 0 < peak < len(scores) - 1:
        before, here, after = scores[peak - 1 : peak + 2]
        bend = before - 2 * here + after
        if bend < 0:
            lag += float(0.5 * (before - after) / bend)
    return lag


def derivative(motion: Array, order: int, fps: float) -> Array:
    """The `order`-th finite difference in units per second to that power, [frames - order, ...]."""
    return np.diff(motion, n=order, axis=0) * fps**order


def rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


@dataclass(frozen=True, slots=True)
class EventScore:
    recall: float
    precision: float

    @property
    def f1(self) -> float:
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both > 0 else 0.0


def closure_score(shut: Array, wanted: Array, taught_shut: Array, *, slack: int = 1) -> EventScore:
    """Does the mouth shut where it must, and only where it may?

    A wanted closure is found when a shutting of the mouth begins or ends around it, within `slack`
    frames, and no other wanted closure claimed that shutting: a mouth that never opens finds one.
    Wanted closures with no opening of the taught mouth between them are one. A shutting is right
    when the taught mouth is shut, within twice the slack, in most of its frames.

    Args:
        shut: [frames], whether the judged mouth is shut.
        wanted: [frames], whether a p, b or m asks for it.
        taught_shut: [frames], whether a right mouth is shut, for whatever reason.
        slack: frames of tolerance.
    """
    closings = runs(shut)
    targets = _merged(runs(wanted), taught_shut)
    free, found = list(closings), 0
    for start, end in targets:
        hit = next((c for c in free if c[0] < end + slack and c[1] > start - slack), None)
        if hit is not None:
            free.remove(hit)
            found += 1
    allowed = _widened(taught_shut, 2 * slack)
    right = sum(bool(allowed[a:b].mean() > 0.5) for a, b in closings)
    return EventScore(
        found / len(targets) if targets else float("nan"),
        right / len(closings) if closings else 0.0,
    )


def _merged(spans: list[Span], joined: Array) -> list[Span]:
    """Neighbours become one where `joined` holds from one to the next."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and joined[merged[-1][0] : end].all():
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _widened(flags: Array, by: int) -> Array:
    wide = flags.astype(bool).copy()
    for shift in range(1, by + 1):
        wide[shift:] |= flags[:-shift].astype(bool)
        wide[:-shift] |= flags[shift:].astype(bool)
    return wide


@dataclass(frozen=True, slots=True)
class Blinks:
    minutes: float
    lengths_s: NDArray[np.float64]
    """Time over half shut of every blink."""
    intervals_s: NDArray[np.float64]
    """From one blink's start to the next one's, not across takes."""

    @property
    def per_minute(self) -> float:
        return len(self.lengths_s) / self.minutes if self.minutes else float("nan")

    def summary(self) -> dict[str, float]:
        return {
            "minutes": self.minutes,
            "count": len(self.lengths_s),
            "per_minute": self.per_minute,
            "length_ms_median": _quantile(self.lengths_s, 0.5) * 1000,
            "length_ms_p90": _quantile(self.lengths_s, 0.9) * 1000,
            "interval_s_median": _quantile(self.intervals_s, 0.5),
            "interval_s_p10": _quantile(self.intervals_s, 0.1),
            "interval_s_p90": _quantile(self.intervals_s, 0.9),
        }


def blinks(lids: Sequence[Array], fps: float, *, longest_s: float = 0.5) -> Blinks:
    """Blinks of takes of one eyelid; an eye held shut for longer than `longest_s` is none."""
    lengths: list[float] = []
    intervals: list[float] = []
    frames = 0
    for lid in lids:
        frames += len(lid)
        short = [(a, b) for a, b in runs(lid > 0.5) if b - a <= longest_s * fps]
        lengths.extend([(b - a) / fps for a, b in short])
        intervals.extend(np.diff([a for a, _ in short]) / fps)
    return Blinks(frames / fps / 60, np.array(lengths), np.array(intervals))


def ks_distance(a: Array, b: Array) -> float:
    """Kolmogorov and Smirnov's: the largest gap between two empirical distributions, 0 to 1.

    1 when only one of them is empty, nan when both are.
    """
    if not len(a) or not len(b):
        return 1.0 if len(a) or len(b) else float("nan")
    at = np.sort(np.concatenate([a, b]))
    below_a = np.searchsorted(np.sort(a), at, side="right") / len(a)
    below_b = np.searchsorted(np.sort(b), at, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


def windows(curve: Array, length: int) -> Array:
    """The whole windows of a curve [frames, ...] that fit, side by side: [N, length, ...]."""
    count = len(curve) // length
    return curve[: count * length].reshape(count, length, *curve.shape[1:])


def spread(takes: Sequence[Array], length: int) -> float:
    """Mean standard deviation inside windows of `length` frames of takes [frames]."""
    parts = [windows(take, length).std(axis=1) for take in takes if len(take) >= length]
    return float(np.concatenate(parts).mean()) if parts else float("nan")


def spectrum(takes: Sequence[Array], length: int, fps: float) -> tuple[Array, Array]:
    """Frequencies in Hz and mean power density of takes [frames], in Hann windows without trend."""
    parts = [windows(take, length) for take in takes if len(take) >= length]
    if not parts:
        return np.fft.rfftfreq(length, 1 / fps), np.full(length // 2 + 1, np.nan)
    rows = np.concatenate(parts).astype(np.float64)
    hz, power = periodogram(rows, fps, window="hann", detrend="linear")
    return hz, power.mean(axis=0)


def band_share(hz: Array, power: Array, low_hz: float, high_hz: float) -> float:
    """Part of the power above 0 Hz that lies in [low, high); nan when there is none."""
    total = power[hz > 0].sum()
    inside = power[(hz >= low_hz) & (hz < high_hz) & (hz > 0)].sum()
    return float(inside / total) if total > 0 else float("nan")


def pairwise_distance(motions: Sequence[Array]) -> float:
    """Mean absolute difference over all pairs of motions of one shape; 0 for fewer than two."""
    pairs = [np.abs(a - b).mean() for index, a in enumerate(motions) for b in motions[index + 1 :]]
    return float(np.mean(pairs)) if pairs else 0.0


def _quantile(values: Array, at: float) -> float:
    return float(np.quantile(values, at)) if len(values) else float("nan")
