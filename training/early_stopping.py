"""Ends a run when its validation number has stopped falling."""

import math
from collections.abc import Mapping
from typing import Any


class EarlyStopping:
    """Watches a number of which lower is better.

    Args:
        patience: validations in a row without an improvement after which to stop; 0 never stops.
        least_gain: an improvement must be larger than this.
    """

    def __init__(self, patience: int, least_gain: float = 0.0) -> None:
        if patience < 0 or least_gain < 0:
            raise ValueError(
                "Expected a patience and a least gain of 0 or more, "
                f"found {patience} and {least_gain}."
            )
        self.patience, self.least_gain = patience, least_gain
        self.best = math.inf
        self.best_step: int | None = None
        """Step whose weights are to be kept; none before the first finite number."""
        self.waited = 0

    def observe(self, step: int, value: float) -> bool:
        """Takes one validation number; True when it is the best so far, so the weights are kept.

        A number that is not finite is never the best.
        """
        if math.isfinite(value) and value < self.best - self.least_gain:
            self.best, self.best_step, self.waited = value, step, 0
            return True
        self.waited += 1
        return False

    @property
    def should_stop(self) -> bool:
        return 0 < self.patience <= self.waited

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` goes on from."""
        return {"best": self.best, "best_step": self.best_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_step, self.waited = (
            state[name] for name in ("best", "best_step", "waited")
        )
