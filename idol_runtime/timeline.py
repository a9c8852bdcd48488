"""The media clock of a character, and the outputs that take what happens on it.

Time is an argument: the stage and everything paced by it asks a clock, never the system. Positions
are samples at `AUDIO_RATE_HZ` since the character's session began: one motion frame is exactly
`FRAME_SAMPLES` of them, so audio and frames can never drift apart.
"""

import time
from typing import Protocol

from idol_protocol.frames import AUDIO_RATE_HZ, FPS, FRAME_SAMPLES, Frame

__all__ = [
    "FPS",
    "FRAME_SAMPLES",
    "Clock",
    "Output",
    "SystemClock",
    "VirtualClock",
    "frame_pts",
    "pts_of",
]


def pts_of(sample: int) -> int:
    """Media time in microseconds of a sample position."""
    return round(sample * 1_000_000 / AUDIO_RATE_HZ)


def frame_pts(frame: int) -> int:
    """Media time in microseconds of a frame's beginning."""
    return pts_of(frame * FRAME_SAMPLES)


class Output(Protocol):
    """A peer that takes a character's timeline: a connection, a recorder, a sender."""

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame in the event loop's thread; must not block."""
        ...


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
