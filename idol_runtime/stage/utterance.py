"""A clause of a reply, and the cues that tell of it and of its gestures."""

from collections.abc import Sequence
from dataclasses import dataclass

from idol_runtime.motion.gestures import Span
from idol_runtime.timeline import (
    Call,
    GestureCue,
    PlacedCue,
    UtteranceEnded,
    UtteranceStarted,
    frame_pts,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A clause of a reply, and what happens with it."""

    text: str
    """As it is spoken and shown; empty where a reply is cues alone."""
    cues: tuple[PlacedCue, ...] = ()
    """In order."""

    def until(self, length: int) -> "Line":
        """Its first `length` characters and the cues on them."""
        kept = tuple(each for each in self.cues if each.offset < length)
        return Line(self.text[:length], kept)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The actions among its cues."""
        return tuple(each.cue for each in self.cues if isinstance(each.cue, Call))

    @property
    def written(self) -> str:
        """With tags, as the dialogue model is to remember it."""
        return with_tags(self.text, self.cues)


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clause of a reply that is spoken in one go."""

    id: str
    turn_id: str
    text: str
    cues: tuple[PlacedCue, ...] = ()
    """What happens with its words, in the order of their places in the text."""

    def started(self, pts_us: int) -> UtteranceStarted:
        return UtteranceStarted(pts_us, self.id, self.turn_id, self.text, self.cues)

    def ended(self, pts_us: int) -> UtteranceEnded:
        return UtteranceEnded(pts_us, self.id, self.turn_id, self.text)


def with_tags(text: str, cues: Sequence[PlacedCue]) -> str:
    """A text with its tags back at their places."""
    parts, at = [], 0
    for each in cues:
        parts.append(text[at : each.offset])
        parts.append(f" [{each.cue.tag}]" if each.offset else f"[{each.cue.tag}] ")
        at = each.offset
    return "".join([*parts, text[at:]]).strip()


def gesture_cue(span: Span, utterance: Utterance | None) -> GestureCue:
    """Announces a gesture, of an utterance or of itself."""
    return GestureCue(
        frame_pts(span.start),
        span.name,
        duration_us=frame_pts(span.end - span.start),
        stroke_us=frame_pts(span.stroke - span.start),
        utterance_id=utterance.id if utterance else None,
        turn_id=utterance.turn_id if utterance else None,
    )


def line_of(started: UtteranceStarted) -> Line:
    """The clause whose first sound is announced."""
    return Line(started.text, started.cues)
