"""Jerk compared with real motion of equal speed: how smoothly a body moves, or too smoothly.

Faster motion has more jerk, so a body that stands cannot be held against people who climb. Windows
of a second are compared with real windows of equal mean joint speed. Optical capture at 30
frames/s carries marker noise that a third derivative magnifies; a 6 Hz low-pass without phase
(Winter, "Biomechanics and Motor Control of Human Movement", 2009, section 3.4) takes it from both
sides. Joints in metres, relative to the hips, at 30 frames/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS

Array = NDArray[Any]

CUTOFF_HZ: Final = 6.0
WINDOW: Final = FPS
EDGES_M_S: Final = np.geomspace(0.01, 2.56, 17)
"""Two bins of speed to an octave."""
TELLING: Final = (
    "upperChest", "head", "leftLowerArm", "leftHand", "rightLowerArm", "rightHand",
    "leftLowerLeg", "leftFoot", "rightLowerLeg", "rightFoot",
)  # fmt: skip
"""Joints that tell a posture; the others follow from them within a centimetre or two."""
TELLING_AT: Final = [POSE_BONES.index(bone) for bone in TELLING]
_LEAST = 5
"""JerkWindows on either side without which a bin says nothing."""


def root_relative(joints: Array) -> Array:
    """[..., T, J, 3] less the hips, which are joint 0."""
    relative: Array = joints - joints[..., :1, :]
    return relative


def low_passed(joints: Array, cutoff_hz: float = CUTOFF_HZ) -> Array:
    """[T, J, 3] without what is faster than `cutoff_hz`; no phase, order 2 each way."""
    sections = butter(2, cutoff_hz, fs=FPS, output="sos")
    filtered: Array = sosfiltfilt(sections, joints, axis=0)
    return filtered


@dataclass(frozen=True, slots=True, eq=False)
class JerkWindows:
    """Seconds of motion, each as its mean joint speed and its mean jerk."""

    speed_m_s: Array
    """[N]"""
    jerk_m_s3: Array
    """[N]"""

    @classmethod
    def of(cls, takes: Sequence[Array], *, filtered: bool, window: int = WINDOW) -> Self:
        """From takes of joints [T, J, 3], cut end to end; shorter takes give none."""
        rows: list[tuple[float, float]] = []
        for take in takes:
            if len(take) < window:
                continue
            joints = root_relative(np.asarray(take, np.float64))
            joints = low_passed(joints) if filtered else joints
            speed = np.linalg.norm(np.diff(joints, axis=0), axis=2).mean(axis=1) * FPS
            jerk = np.linalg.norm(np.diff(joints, n=3, axis=0), axis=2).mean(axis=1) * FPS**3
            rows += [
                (
                    float(speed[at : at + window - 1].mean()),
                    float(jerk[at : at + window - 3].mean()),
                )
                for at in range(0, len(joints) - window + 1, window)
            ]
        found = np.array(rows).reshape(-1, 2)
        return cls(found[:, 0], found[:, 1])

    def part(self, chosen: Array) -> "JerkWindows":
        return JerkWindows(self.speed_m_s[chosen], self.jerk_m_s3[chosen])

    def curve(self) -> list[dict[str, float]]:
        """Per bin of speed that holds enough windows: its range, windows and jerk's quartiles."""
        found = []
        for low, high, inside in self.bins():
            if inside.sum() >= _LEAST:
                quarter, median, three = np.quantile(self.jerk_m_s3[inside], (0.25, 0.5, 0.75))
                found.append({
                    "from_m_s": low, "to_m_s": high, "windows": int(inside.sum()),
                    "jerk_median": float(median), "jerk_quarter": float(quarter),
                    "jerk_three_quarters": float(three),
                })  # fmt: skip
        return found

    def bins(self) -> list[tuple[float, float, Array]]:
        return [
            (float(low), float(high), (self.speed_m_s >= low) & (self.speed_m_s < high))
            for low, high in pairwise(EDGES_M_S)
        ]


def ratio_to_law(made: JerkWindows, real: JerkWindows) -> float:
    """Geometric mean of made jerk over the power law fitted to real windows, at each one's speed.

    Extrapolated where nobody real moves so slowly; `matched_ratio` is the score.
    """
    slope, level = np.polyfit(np.log(real.speed_m_s), np.log(real.jerk_m_s3), 1)
    moving = (made.speed_m_s > 1e-4) & (made.jerk_m_s3 > 0)
    expected = level + slope * np.log(made.speed_m_s[moving])
    return float(np.exp((np.log(made.jerk_m_s3[moving]) - expected).mean()))


def matched_ratio(made: JerkWindows, real: JerkWindows) -> dict[str, Any]:
    """Jerk of made windows over that of real ones of equal speed.

    In each bin of speed that both sides fill, the medians of jerk per speed are divided: dividing
    by the speed takes out what is left of its differences within half an octave. `ratio` is the
    geometric mean over the bins, weighted by the made windows in each.
    """
    ratios, weights, bins = [], [], []
    for (low, high, ours), (_, _, theirs) in zip(made.bins(), real.bins(), strict=True):
        if min(ours.sum(), theirs.sum()) < _LEAST:
            continue
        ratio = np.median(made.jerk_m_s3[ours] / made.speed_m_s[ours]) / np.median(
            real.jerk_m_s3[theirs] / real.speed_m_s[theirs]
        )
        ratios.append(float(np.log(ratio)))
        weights.append(int(ours.sum()))
        bins.append({"from_m_s": low, "to_m_s": high, "ratio": float(ratio),
                     "made_windows": weights[-1], "real_windows": int(theirs.sum())})  # fmt: skip
    if not ratios:
        return {"ratio": None, "share_compared": 0.0, "bins": []}
    middle = float(np.average(ratios, weights=weights))
    spread = float(np.sqrt(np.average(np.square(np.array(ratios) - middle), weights=weights)))
    return {
        "ratio": float(np.exp(middle)),
        "low": float(np.exp(middle - spread)),
        "high": float(np.exp(middle + spread)),
        "share_compared": sum(weights) / len(made.speed_m_s),
        "bins": bins,
    }
