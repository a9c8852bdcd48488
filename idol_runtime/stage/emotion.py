"""What a character feels, as a curve on its media clock."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import EMOTIONS, LOWEST_EMOTIONS
from idol_runtime.motion.easing import minimum_jerk

LOWEST = np.array([LOWEST_EMOTIONS[name] for name in EMOTIONS], np.float32)

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """A move from what was felt to something else, which then wears off."""

    start_us: int
    rise_us: float
    fall_us: float
    before: Array
    target: Array


@dataclass(frozen=True, slots=True, eq=False)
class EmotionCurve:
    """Eases to a target, then back to the baseline; a pure function of media time."""

    baseline: Array
    """Shape (8,), in `EMOTIONS` order, within their ranges."""
    turn: _Turn | None = None

    def at(self, pts_us: int) -> Array:
        """Shape (8,), in `EMOTIONS` order; media times before the last turn are that moment."""
        turn = self.turn
        if turn is None or pts_us >= turn.start_us + turn.rise_us + turn.fall_us:
            return self.baseline
        since_us = max(0, pts_us - turn.start_us)
        if since_us < turn.rise_us:
            return _between(turn.before, turn.target, since_us / turn.rise_us)
        return _between(turn.target, self.baseline, (since_us - turn.rise_us) / turn.fall_us)

    def turned(
        self, pts_us: int, target: Mapping[str, float], *, rise_s: float, fall_s: float
    ) -> "EmotionCurve":
        """The curve that leaves this one at a media time.

        Args:
            pts_us: Where it begins, from the value of this curve there.
            target: Any of `EMOTIONS`, within their ranges; the others go to their baseline.
            rise_s: How long it takes to get there, above 0.
            fall_s: How long it takes from there back to the baseline, above 0.
        """
        levels = np.array([target.get(name, np.nan) for name in EMOTIONS], np.float32)
        levels = np.where(np.isnan(levels), self.baseline, levels)
        turn = _Turn(pts_us, rise_s * 1e6, fall_s * 1e6, self.at(pts_us), levels)
        return EmotionCurve(self.baseline, turn)


def _between(one: Array, other: Array, share: float) -> Array:
    way = np.float32(minimum_jerk(share))
    # Rounding may not carry a value out of its range.
    return np.clip(one + way * (other - one), LOWEST, np.float32(1))
