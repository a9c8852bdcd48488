"""Whether a child process lives, and when one that died may be started again."""

from dataclasses import dataclass
from typing import Final

from idol_runtime.inference.messages import BEAT_S

DOUBT_S: Final = 1.5
"""A child that has been silent for so long is not trusted with anything new."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a child may be what it should not be before it is taken for hung."""

    silence_s: float = 6.0
    """Without a sign of life: it is stopped, or waits for itself. Signs of life come from a thread
    that does little, and from the processor time it gets: one that a busy machine leaves little to
    is not silent."""
    step_s: float = 60.0
    """At work on one step: it waits for what never comes, or runs in a circle."""
    opening_s: float = 600.0
    """Opening its model."""


class Vitals:
    """Judges a child by its beats.

    Time is counted in beats and looks, never by a clock: where this process was stopped, too (a
    laptop that slept, Ctrl-Z), nothing is held against the child.
    """

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        """May be changed at any time."""
        self._silent_s = 0.0
        self._speechless_s = 0.0
        self._cpu_s = 0.0
        self._opening_s: float | None = 0.0
        self._work: int | None = None
        self._same_work_s = 0.0

    def opened(self) -> None:
        """The model is open."""
        self._opening_s = None

    def heard(self) -> None:
        """The child said something."""
        self._silent_s = self._speechless_s = 0.0

    def beat(self, work: int | None) -> None:
        """A sign of life; see `Heartbeat.work`."""
        self.heard()
        is_same = work is not None and work == self._work
        self._same_work_s = self._same_work_s + BEAT_S if is_same else 0.0
        self._work = work

    def look(self, cpu_s: float | None = None) -> None:
        """Called every `BEAT_S`, with the processor time the child has had so far, if known."""
        is_working = cpu_s is not None and cpu_s > self._cpu_s
        self._cpu_s = cpu_s or 0.0
        self._silent_s = 0.0 if is_working else self._silent_s + BEAT_S
        self._speechless_s += BEAT_S
        if self._opening_s is not None:
            self._opening_s += BEAT_S

    @property
    def doubt(self) -> str | None:
        """What is wrong with it by now, if anything, such as `is silent`."""
        if self._silent_s > DOUBT_S:
            return f"has given no sign of life for {self._silent_s:.0f} s"
        return None

    @property
    def hang(self) -> str | None:
        """Why it is taken for hung, if it is."""
        patience = self.patience
        if self._silent_s > patience.silence_s:
            return f"gave no sign of life for {self._silent_s:.0f} s"
        if self._opening_s is not None:
            is_late = self._opening_s > patience.opening_s
            return f"did not open its model in {self._opening_s:.0f} s" if is_late else None
        at_one_step_s = max(self._same_work_s, self._speechless_s)
        if at_one_step_s > patience.step_s:
            return f"was at one step for {at_one_step_s:.0f} s"
        return None


class BackOff:
    """When a child that died is started again: at once, then each time later.

    One that worked for `settled_s` is forgiven what was before.
    """

    def __init__(
        self, *, first_s: float = 1.0, longest_s: float = 30.0, settled_s: float = 30.0
    ) -> None:
        self._first_s, self._longest_s, self._settled_s = first_s, longest_s, settled_s
        self._deaths = 0

    def delay_s(self, worked_s: float) -> float:
        """How long to wait after a child that had worked for so long."""
        self._deaths = 1 if worked_s >= self._settled_s else self._deaths + 1
        if self._deaths == 1:
            return 0.0
        # The exponent is bounded, too: a float has an end.
        return min(self._longest_s, self._first_s * 2.0 ** min(self._deaths - 2, 64))
