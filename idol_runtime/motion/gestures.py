"""Which gestures a character is making: when each begins, how far it is, and when it gives way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES

FADE_FRAMES = 22
"""How long a gesture that was cut takes to give way, by a minimum-jerk move from 1 to 0."""
MAX_WAIT_FRAMES = 15
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


@dataclass(slots=True)
class _Showing:
    span: Span
    weight: float = 1.0
    phase: float = 0.0
    faded: int | None = None
    """Frames since it was cut; None while it is made."""

    @property
    def is_fading(self) -> bool:
        return self.faded is not None

    def cut(self) -> None:
        self.faded = self.faded or 0


class GestureTrack:
    """The gestures of one character; `row` is asked for once a frame."""

    def __init__(self, times: GestureTimes) -> None:
        self._times = times
        self._planned: list[Span] = []
        self._showing: dict[str, _Showing] = {}

    def schedule(self, name: str, start: int) -> Span | None:
        """Plans a gesture that begins with the frame `start`.

        The same gesture does not overlap itself: the later one waits for the end of the earlier,
        up to half a second.

        Returns:
            Where it was placed, or None when it would have to wait for longer.
        """
        length = self._times.frames(name)
        begin = start
        for busy in sorted(self._spans(name), key=lambda span: span.start):
            if busy.start < begin + length and begin < busy.end:
                begin = busy.end
        if begin - start > MAX_WAIT_FRAMES:
            return None
        span = Span(name, begin, begin + self._times.frames_to_stroke(name), begin + length)
        self._planned.append(span)
        return span

    def row(self, frame: int) -> NDArray[np.float32]:
        """What the pose generator is told: [20], weights, then phases, in `GESTURES` order.

        A gesture that begins makes all fade that need the same of the body.
        """
        self._begin(frame)
        row = np.zeros(2 * len(GESTURES), np.float32)
        for name, showing in tuple(self._showing.items()):
            _advance(showing, frame)
            if showing.weight <= 0 or (not showing.is_fading and frame >= showing.span.end):
                del self._showing[name]
                continue
            at = GESTURES.index(name)
            row[at], row[len(GESTURES) + at] = showing.weight, showing.phase
        return row

    def cut(self) -> None:
        """Nothing more begins, and what is being made fades: an interruption."""
        self._planned.clear()
        for showing in self._showing.values():
            showing.cut()

    def _spans(self, name: str) -> list[Span]:
        showing = self._showing.get(name)
        running = [showing.span] if showing is not None and not showing.is_fading else []
        return running + [span for span in self._planned if span.name == name]

    def _begin(self, frame: int) -> None:
        due = sorted((s for s in self._planned if s.start <= frame), key=lambda span: span.start)
        self._planned = [span for span in self._planned if span.start > frame]
        for span in due:
            for name, showing in self._showing.items():
                if exclude_each_other(name, span.name):
                    showing.cut()
            self._showing[span.name] = _Showing(span)


def _advance(showing: _Showing, frame: int) -> None:
    span = showing.span
    if showing.faded is not None:
        showing.faded += 1
        share = min(1.0, showing.faded / FADE_FRAMES)
        showing.weight = 1 - share**3 * (10 - 15 * share + 6 * share**2)
    else:
        showing.phase = min(1.0, (frame - span.start) / (span.end - span.start))
