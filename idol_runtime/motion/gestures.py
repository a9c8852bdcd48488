"""Which gestures a character is making: when each begins, how far it is, and when it gives way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES
from idol_runtime.motion.easing import minimum_jerk

FADE_FRAMES = 22
"""How long a gesture that was cut takes to give way, by a minimum-jerk move from 1 to 0."""
MAX_WAIT_FRAMES = FADE_FRAMES
"""How long a gesture may wait for the end of the same one; a later one is left out."""

_MAIN, _OTHER, _HEAD = "main arm", "other arm", "head"
NEEDS: Final[dict[str, frozenset[str]]] = {
    "wave": frozenset({_MAIN}),
    "bow": frozenset({_MAIN, _OTHER, _HEAD}),
    "point": frozenset({_MAIN}),
    "shrug": frozenset({_MAIN, _OTHER}),
    "cheer": frozenset({_MAIN, _OTHER}),
    "heart": frozenset({_MAIN, _OTHER}),
    "clap": frozenset({_MAIN, _OTHER}),
    "think": frozenset({_MAIN}),
    "nod": frozenset({_HEAD}),
    "shake": frozenset({_HEAD}),
}
"""What of the body each gesture moves; two that need the same do not go together."""


def exclude_each_other(one: str, other: str) -> bool:
    """Whether two gestures need the same of the body."""
    return bool(NEEDS[one] & NEEDS[other])


@dataclass(frozen=True, slots=True)
class GestureTimes:
    """How long gestures take, as the pose generator learned them; names are `GESTURES`."""

    seconds: Mapping[str, float]
    """From the beginning to the end."""
    stroke: Mapping[str, float]
    """Share of that time, in (0, 1), at which a gesture is at its most telling."""
    fps: int

    def frames(self, name: str) -> int:
        return max(1, round(self.seconds[name] * self.fps))

    def frames_to_stroke(self, name: str) -> int:
        return round(self.seconds[name] * self.stroke[name] * self.fps)


@dataclass(frozen=True, slots=True)
class Span:
    """A gesture at its place on the clock, in frames."""

    name: str
    start: int
    stroke: int
    end: int
    """The first frame after it."""


@dataclass(frozen=True, slots=True)
class _Showing:
    span: Span
    cut_at: int | None = None
    """The first frame of its fading; None while it is made."""

    @property
    def end(self) -> int:
        """The first frame without it."""
        return self.span.end if self.cut_at is None else self.cut_at + FADE_FRAMES - 1

    def cut(self, frame: int) -> "_Showing":
        return self if self.cut_at is not None else _Showing(self.span, frame)

    def weight(self, frame: int) -> float:
        if self.cut_at is None:
            return 1.0
        share = min(1.0, (frame - self.cut_at + 1) / FADE_FRAMES)
        return 1 - minimum_jerk(share)

    def phase(self, frame: int) -> float:
        """It stays where it was when the gesture was cut."""
        last = frame if self.cut_at is None else self.cut_at - 1
        return min(1.0, max(0, last - self.span.start) / (self.span.end - self.span.start))


class GestureTrack:
    """The gestures of one character; `advance` moves on from frame to frame."""

    def __init__(self, times: GestureTimes) -> None:
        self._times = times
        self._planned: list[Span] = []
        self._showing: dict[str, _Showing] = {}

    def schedule(self, name: str, start: int) -> Span | None:
        """Plans a gesture that begins with the frame `start`.

        The same gesture does not overlap itself, for its phase cannot be in two places: the later
        one waits until the earlier has ended, or has faded, for 0.7 seconds at most.

        Returns:
            Where it was placed, or None when it would have to wait for longer.
        """
        length = self._times.frames(name)
        begin = start
        for first, end in self._busy(name):
            if first < begin + length and begin < end:
                begin = end
        if begin - start > MAX_WAIT_FRAMES:
            return None
        span = Span(name, begin, begin + self._times.frames_to_stroke(name), begin + length)
        self._planned.append(span)
        return span

    def row(self, frame: int) -> NDArray[np.float32]:
        """The `gesture` input of the generator: [20], weights, then phases, in `GESTURES` order.

        A gesture that begins makes all fade that need the same of the body.

        Args:
            frame: At or after the one of the last `advance`.
        """
        row = np.zeros(2 * len(GESTURES), np.float32)
        for name, showing in self._at(frame)[1].items():
            at = GESTURES.index(name)
            row[at], row[len(GESTURES) + at] = showing.weight(frame), showing.phase(frame)
        return row

    def advance(self, frame: int) -> None:
        """This frame was shown: what began with it has begun."""
        self._planned, self._showing = self._at(frame)

    def cut(self, frame: int) -> None:
        """From `frame` on nothing more begins, and what is being made fades: an interruption."""
        self._planned = []
        self._showing = {name: showing.cut(frame) for name, showing in self._showing.items()}

    def _busy(self, name: str) -> list[tuple[int, int]]:
        """When a gesture is made or fades, from a frame up to another; in order."""
        spans = [(span.start, span.end) for span in self._planned if span.name == name]
        if showing := self._showing.get(name):
            spans.append((showing.span.start, showing.end))
        return sorted(spans)

    def _at(self, frame: int) -> tuple[list[Span], dict[str, _Showing]]:
        """What is still planned and what is showing at a frame."""
        if not self._planned and not self._showing:
            return [], {}
        planned, made = list(self._planned), dict(self._showing)
        for span in sorted(self._planned, key=lambda each: each.start):
            # What it was to follow may have been cut since, and still be fading.
            same = made.get(span.name)
            if span.start > frame or (same is not None and same.end > frame):
                continue
            planned.remove(span)
            for name, showing in made.items():
                if exclude_each_other(name, span.name):
                    made[name] = showing.cut(frame)
            late = 0 if same is None else max(0, same.end - span.start)
            made[span.name] = _Showing(_later(span, late))
        return planned, {name: each for name, each in made.items() if frame < each.end}


def _later(span: Span, frames: int) -> Span:
    return Span(span.name, span.start + frames, span.stroke + frames, span.end + frames)
