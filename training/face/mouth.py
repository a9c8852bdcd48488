"""The teacher's mouth: phonemes in time -> coarticulated ARKit curves.

Dominance functions (Cohen & Massaro 1993, "Modeling coarticulation in synthetic visual speech"):
every segment pulls every channel towards its target with a weight that decays around it; the
curve is the weighted mean. Then what physics forbids is enforced: p, b, m shut the lips and f, v
bring the lower lip to the teeth, whatever the neighbours want. Jaw and lip amounts are separate
style axes (the JALI idea, Edwards et al. 2016).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from training.face.phonemes import Segment

Curve = NDArray[np.float64]

SHAPES: Final[dict[str, dict[str, float]]] = {
    "sil": {},
    "pbm": {"mouthPress": 0.32, "mouthRollLower": 0.18, "mouthRollUpper": 0.14, "jawOpen": 0.05},
    "fv": {"mouthRollLower": 0.36, "mouthUpperUp": 0.22, "jawOpen": 0.07, "mouthShrugLower": 0.2},
    "th": {"jawOpen": 0.14, "mouthLowerDown": 0.16, "mouthUpperUp": 0.1, "tongueOut": 0.16},
    "tdn": {"jawOpen": 0.12, "mouthLowerDown": 0.2, "mouthUpperUp": 0.1, "mouthStretch": 0.08},
    "l": {"jawOpen": 0.18, "mouthLowerDown": 0.18, "mouthUpperUp": 0.12, "tongueOut": 0.05},
    "kg": {"jawOpen": 0.17, "mouthLowerDown": 0.16, "mouthUpperUp": 0.1},
    "ch": {"jawOpen": 0.11, "mouthFunnel": 0.42, "mouthPucker": 0.16, "mouthLowerDown": 0.2,
           "mouthUpperUp": 0.16},
    "s": {"jawOpen": 0.06, "mouthStretch": 0.2, "mouthLowerDown": 0.24, "mouthUpperUp": 0.1},
    "r": {"jawOpen": 0.14, "mouthFunnel": 0.28, "mouthPucker": 0.22},
    "w": {"jawOpen": 0.09, "mouthPucker": 0.62, "mouthFunnel": 0.22},
    "h": {"jawOpen": 0.24, "mouthLowerDown": 0.14, "mouthUpperUp": 0.08},
    "aa": {"jawOpen": 0.6, "mouthLowerDown": 0.26, "mouthUpperUp": 0.18},
    "ae": {"jawOpen": 0.44, "mouthLowerDown": 0.3, "mouthUpperUp": 0.24, "mouthStretch": 0.18},
    "ee": {"jawOpen": 0.17, "mouthLowerDown": 0.26, "mouthUpperUp": 0.2, "mouthStretch": 0.34},
    "ih": {"jawOpen": 0.25, "mouthLowerDown": 0.24, "mouthUpperUp": 0.16, "mouthStretch": 0.2},
    "oh": {"jawOpen": 0.42, "mouthFunnel": 0.42, "mouthPucker": 0.16, "mouthLowerDown": 0.1},
    "uu": {"jawOpen": 0.17, "mouthPucker": 0.5, "mouthFunnel": 0.3},
    "er": {"jawOpen": 0.28, "mouthFunnel": 0.24, "mouthPucker": 0.1, "mouthLowerDown": 0.14},
    "ah": {"jawOpen": 0.34, "mouthLowerDown": 0.2, "mouthUpperUp": 0.12},
}  # fmt: skip
"""Targets per class; a channel that is not named rests at 0."""

CHANNELS: Final[tuple[str, ...]] = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthStretch", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPress", "mouthLowerDown",
    "mouthUpperUp", "tongueOut",
)  # fmt: skip
"""Symmetric channels; left and right are made from one curve."""

_VOWELS = ("aa", "ae", "ee", "ih", "oh", "uu", "er", "ah")
_ROUNDING = ("mouthFunnel", "mouthPucker")
_RATE = 120
"""Curves are made at this rate and sampled at the frames, so that closures keep their edges."""


@dataclass(frozen=True, slots=True)
class MouthStyle:
    jaw: float = 1.0
    lips: float = 1.0


def mouth_curves(
    spans: Sequence[Segment], loudness: Curve, frames: int, fps: float, style: MouthStyle
) -> dict[str, Curve]:
    """Channel -> curve [frames].

    Args:
        spans: the segments that have a shape; gaps are silence.
        loudness: [frames], 0 in silence and about 1 on loud vowels; moves the jaw by up to 45 %.
        frames: how many frames to make.
        fps: their rate; must divide 120.
        style: how much this speaker moves.
    """
    time_s = np.arange(frames * _RATE // round(fps)) / _RATE
    filled = _with_silence(spans, frames / fps)
    dominance = {channel: np.zeros_like(time_s) for channel in CHANNELS}
    weighted = {channel: np.zeros_like(time_s) for channel in CHANNELS}
    for name, start, end in filled:
        # A pull below e^-9 is nothing: 0.8 s around the segment is enough.
        near = slice(*np.searchsorted(time_s, (start - 0.8, end + 0.8)))
        for channel in CHANNELS:
            pull = _pull(time_s[near], name, channel, start, end)
            dominance[channel][near] += pull
            weighted[channel][near] += pull * SHAPES[name].get(channel, 0.0)
    curves = {name: weighted[name] / np.maximum(dominance[name], 1e-9) for name in CHANNELS}
    _scale(curves, time_s, loudness, fps, style)
    _enforce(curves, time_s, filled)
    step = _RATE // round(fps)
    return {
        name: np.clip(gaussian_filter1d(curve, 0.012 * _RATE)[::step], 0, 1)
        for name, curve in curves.items()
    }


def closures(spans: Sequence[Segment], frames: int, fps: float) -> Curve:
    """[frames], 1 where the lips must touch (p, b, m), else 0."""
    time_s = np.arange(frames) / fps
    shut = np.zeros(frames)
    for name, start, end in spans:
        if name == "pbm":
            shut = np.maximum(shut, _window(time_s, start, end) > 0.9)
    return shut


def opening(curves: dict[str, Curve]) -> Curve:
    """How far the lips are apart, in units of jawOpen: what a closure must bring near 0."""
    jaw = np.maximum(curves["jawOpen"] - curves["mouthClose"], 0)
    return jaw + 0.35 * (curves["mouthLowerDown"] + curves["mouthUpperUp"])


def _with_silence(spans: Sequence[Segment], length_s: float) -> list[Segment]:
    filled: list[Segment] = []
    clock = 0.0
    for span in [*spans, ("sil", length_s, length_s)]:
        if span[1] - clock > 0.06:
            filled.append(("sil", clock, span[1]))
        if span[2] > span[1]:
            filled.append(span)
        clock = max(clock, span[2])
    return filled


def _pull(time_s: Curve, name: str, channel: str, start: float, end: float) -> Curve:
    """Dominance of one segment: flat inside, exponential outside, slower ahead for rounding."""
    ahead_s, behind_s = (0.11, 0.07) if channel in _ROUNDING else (0.055, 0.06)
    strength = 1.0
    if name == "sil":
        # Silence rules its own time but does not shut a vowel early.
        ahead_s, behind_s = 0.04, 0.05
    elif channel == "jawOpen":
        strength = 1.7 if name in _VOWELS else 0.7
    elif SHAPES[name].get(channel, 0.0) == 0.0:
        strength = 0.55
    elif channel in _ROUNDING:
        strength = 1.6
    before = np.maximum(start + 0.015 - time_s, 0) / ahead_s
    after = np.maximum(time_s - end + 0.015, 0) / behind_s
    pull: Curve = strength * np.exp(-before - after)
    return pull


def _scale(
    curves: dict[str, Curve], time_s: Curve, loudness: Curve, fps: float, style: MouthStyle
) -> None:
    loud = np.interp(time_s, (np.arange(len(loudness)) + 0.5) / fps, loudness)
    curves["jawOpen"] *= style.jaw * (0.55 + 0.45 * np.clip(loud, 0, 1.3))
    # The voice's last phoneme often lasts into the pause: without sound the mouth closes.
    heard = maximum_filter1d(np.clip(loud / 0.3, 0, 1), round(0.2 * _RATE))
    heard = gaussian_filter1d(heard, 0.035 * _RATE)
    for channel in CHANNELS:
        curves[channel] *= heard
    for channel in CHANNELS[2:]:
        curves[channel] *= style.lips


def _enforce(curves: dict[str, Curve], time_s: Curve, filled: Sequence[Segment]) -> None:
    shut, teeth = np.zeros_like(time_s), np.zeros_like(time_s)
    for name, start, end in filled:
        near = slice(*np.searchsorted(time_s, (start - 0.2, end + 0.2)))
        if name == "pbm":
            shut[near] = np.maximum(shut[near], _window(time_s[near], start, end))
        elif name == "fv":
            teeth[near] = np.maximum(teeth[near], _window(time_s[near], start, end))
    ceiling = 1 - shut * (1 - np.minimum(1, 0.1 / np.maximum(curves["jawOpen"], 0.1)))
    curves["jawOpen"] *= ceiling
    curves["mouthClose"] = shut * curves["jawOpen"]
    for channel in ("mouthLowerDown", "mouthUpperUp", "mouthStretch", "tongueOut"):
        curves[channel] *= 1 - shut
    for channel in ("mouthFunnel",):
        curves[channel] *= 1 - 0.7 * shut
    for channel in ("mouthPress", "mouthRollLower", "mouthRollUpper"):
        curves[channel] = np.maximum(curves[channel], shut * SHAPES["pbm"][channel])
    curves["jawOpen"] *= 1 - teeth * (1 - np.minimum(1, 0.1 / np.maximum(curves["jawOpen"], 0.1)))
    curves["mouthRollLower"] = np.maximum(curves["mouthRollLower"], 0.36 * teeth)
    curves["mouthLowerDown"] *= 1 - teeth
    curves["mouthUpperUp"] = np.maximum(curves["mouthUpperUp"], 0.2 * teeth)


def _window(time_s: Curve, start: float, end: float) -> Curve:
    """1 over a closure of at least 70 ms (two frames at 30 fps), with flanks of 45 ms."""
    middle, half = (start + end) / 2, max((end - start) / 2, 0.035)
    return np.clip(1 - (np.abs(time_s - middle) - half) / 0.045, 0, 1)
