"""Norm statistics of a clause, known exactly afterwards and predicted before.

The predictor is a linear map of low rank, fitted by `export/speech_statistics.py`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

FITTED = Path(__file__).with_name("statistics.npz")
_VOICED_ABOVE_HZ = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Over a clause, of every norm's input, all norms side by side."""

    mean: Floats
    variance: Floats


def clause_summary(features: Floats, pitch_hz: Floats, style: Floats) -> Floats:
    """What the statistics are predicted from: time averages, and the style.

    Args:
        features: [1, 512, 1, F].
        pitch_hz: [F].
        style: [1, 256].
    """
    rectified = np.where(features > 0, features, np.float32(0.1) * features)[0, :, 0]
    pitch = np.where(pitch_hz > _VOICED_ABOVE_HZ, pitch_hz, 0) / 100
    pitches = [(pitch > 0).mean(), pitch.mean(), (pitch**2).mean(), 1 / len(pitch)]
    return np.concatenate(
        [rectified.mean(1), (rectified**2).mean(1), style.ravel(), pitches], dtype=np.float32
    )


class StatisticsPredictor:
    """Predicts `Statistics` from a clause's summary."""

    def __init__(self, path: Path = FITTED) -> None:
        with np.load(path) as data:
            self._centre, self._scale = data["centre"], data["scale"]
            self._project, self._bias = data["project"], data["bias"]
            self._expand: NDArray[np.float32] = data["expand"].astype(np.float32)
            self._spread = data["spread"]

    def predict(self, summary: Floats) -> Statistics:
        standard = (summary - self._centre) / self._scale
        values = standard @ self._project @ self._expand + self._bias
        channels = len(self._spread)
        mean = values[:channels] * self._spread
        return Statistics(mean, np.exp(2 * values[channels:]))
