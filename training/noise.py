"""The noise that motion generators are trained with: the same law as at run time, whole clips.

`idol_runtime.motion.noise` draws it frame by frame with explicit state; a test compares the two
statistically. Channels: Ornstein-Uhlenbeck first, then held groups (log-normal holding times).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from idol_protocol.noise import HoldGroup, NoiseLaw


def draw_noise(
    law: NoiseLaw, frames: int, fps: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A stationary stream [frames, N]."""
    columns = [_wander(tau, frames, fps, rng) for tau in law.ou_seconds]
    for group in law.hold:
        columns.extend(_hold(group, frames, fps, rng))
    return np.stack(columns, axis=1).astype(np.float32)


def _wander(tau_s: float, frames: int, fps: float, rng: np.random.Generator) -> NDArray[np.float64]:
    keep = np.exp(-1 / (fps * tau_s))
    innovations = rng.standard_normal(frames) * np.sqrt(1 - keep**2)
    innovations[0] = rng.standard_normal()
    stream: NDArray[np.float64] = lfilter([1.0], [1.0, -keep], innovations)
    return stream


def _hold(
    group: HoldGroup, frames: int, fps: float, rng: np.random.Generator
) -> Sequence[NDArray[np.float64]]:
    count = int(frames / fps / group.median_s * 4) + 16
    times = group.median_s * np.exp(group.sigma * rng.standard_normal(count))
    changes = np.searchsorted(np.cumsum(times), np.arange(frames) / fps, side="right")
    return [rng.standard_normal(count + 1)[changes] for _ in range(group.channels)]
