"""A clause of a reply, and the cues that tell of it and of its gestures."""

from dataclasses import dataclass

from idol_runtime.motion.gestures import Span
from idol_runtime.timeline import (
    GestureCue,
    PlacedGesture,
    UtteranceEnded,
    UtteranceStarted,
    frame_pts,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A clause of a reply, and what the body does with it."""

    text: str
    """As it is spoken and shown; empty where a reply is gestures alone."""
    gestures: tuple[PlacedGesture, ...] = ()

    def until(self, length: int) -> "Line":
        """Its first `length` characters and the gestures on them."""
        kept = tuple(each for each in self.gestures if each.offset < length)
        return Line(self.text[:length], kept)

    @property
    def written(self) -> str:
        """With tags, as the dialogue model is to remember it."""
        parts, at = [], 0
        for each in self.gestures:
            parts.append(self.text[at : each.offset])
            parts.append(f" [{each.name}]" if each.offset else f"[{each.name}] ")
            at = each.offset
        return "".join([*parts, self.text[at:]]).strip()


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clause of a reply that is spoken in one go."""

    id: str
    turn_id: str
    text: str
    gestures: tuple[PlacedGesture, ...] = ()
    """What the body does with its words, in the order of their places in the text."""

    def started(self, pts_us: int) -> UtteranceStarted:
        return UtteranceStarted(pts_us, self.id, self.turn_id, self.text, self.gestures)

    def ended(self, pts_us: int) -> UtteranceEnded:
        return UtteranceEnded(pts_us, self.id, self.turn_id, self.text)


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
    return Line(started.text, started.gestures)
