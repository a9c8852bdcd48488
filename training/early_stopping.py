"""Ends a run when its validation number has stopped falling."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

FIELDS: Final = ("best", "best_step", "waited")


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
        """What `load_state_dict` takes; JSON can hold it, so a run can be resumed."""
        best = None if self.best_step is None else self.best
        return {"best": best, "best_step": self.best_step, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a saved state.

        Raises:
            ValueError: the state lacks a field or a field has another type.
        """
        try:
            saved = msgspec.convert(dict(state), _State)
        except msgspec.ValidationError as error:
            raise ValueError(
                f"Expected a state of early stopping with {', '.join(FIELDS)}, but {error}."
            ) from None
        self.best = math.inf if saved.best is None else saved.best
        self.best_step, self.waited = saved.best_step, saved.waited


class _State(msgspec.Struct, forbid_unknown_fields=True):
    best: float | None
    best_step: int | None
    waited: int
