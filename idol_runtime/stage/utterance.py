"""A clause of a reply, and the cues that tell of it and of its gestures."""

from dataclasses import dataclass
from typing import Any

from idol_protocol.frames import Cue
from idol_runtime.motion.gestures import Span
from idol_runtime.timeline import frame_pts


@dataclass(frozen=True, slots=True)
class PlacedGesture:
    """A gesture at its place in a text that no longer holds its tag."""

    name: str
    """One of `GESTURES`."""
    offset: int
    """Position in the text; the gesture falls on the word that begins there or after it."""


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

    def started(self, pts_us: int) -> Cue:
        gestures = [(each.name, each.offset) for each in self.gestures]
        return Cue(
            pts_us,
            "utterance.started",
            self._told() | ({"gestures": gestures} if gestures else {}),
        )

    def ended(self, pts_us: int) -> Cue:
        return Cue(pts_us, "utterance.ended", self._told())

    def _told(self) -> dict[str, Any]:
        return {"utterance_id": self.id, "turn_id": self.turn_id, "text": self.text}


def gesture_cue(span: Span, utterance: Utterance | None) -> Cue:
    """Announces a gesture, of an utterance or of itself; times count from its own beginning."""
    about = {"utterance_id": utterance.id, "turn_id": utterance.turn_id} if utterance else {}
    data = {
        "gesture": span.name,
        "duration_us": frame_pts(span.end - span.start),
        "stroke_us": frame_pts(span.stroke - span.start),
        **about,
    }
    return Cue(frame_pts(span.start), "gesture", data)


def line_of(started: Cue) -> Line:
    """The clause whose first sound an `utterance.started` announces."""
    gestures = started.data.get("gestures", ())
    return Line(started.data["text"], tuple(PlacedGesture(*each) for each in gestures))
