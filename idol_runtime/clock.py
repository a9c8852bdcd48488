"""Time as an argument: the stage and everything paced by it asks a clock, never the system."""

import time
from typing import Protocol


class Clock(Protocol):
    def now_us(self) -> int:
        """Microseconds since an arbitrary, fixed moment; never goes back."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now_us(self) -> int:
        return time.monotonic_ns() // 1000


class VirtualClock:
    """A clock that moves when told to: offline rendering and tests run as fast as they can."""

    def __init__(self) -> None:
        self._now_us = 0

    def now_us(self) -> int:
        return self._now_us

    def advance_us(self, duration_us: int) -> None:
        self._now_us += duration_us
