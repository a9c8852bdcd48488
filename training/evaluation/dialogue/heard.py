"""What came back from a mind, turn by turn."""

from dataclasses import dataclass, field
from typing import Any

from training.dialogue.cue_syntax import ActionCall


@dataclass(slots=True)
class HeardReply:
    """One reply, as a client of the product receives it."""

    speech: str = ""
    emotions: list[str] = field(default_factory=list)
    gestures: list[str] = field(default_factory=list)
    """And `dance`."""
    calls: list[ActionCall] = field(default_factory=list)
    call_ids: list[str] = field(default_factory=list)
    status: str = "completed"
    first_text_s: float | None = None
    whole_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    said: str
    speaker: str
    rules: tuple[tuple[str, str], ...]
    heard: HeardReply
    broken: tuple[str, ...]
    """Sentences: which rules the reply does not keep."""


@dataclass(frozen=True, slots=True)
class PlayedScript:
    script: str
    character: str
    """Its name."""
    persona: str
    categories: tuple[str, ...]
    turns: tuple[PlayedTurn, ...]
    notes: tuple[str, ...] = ()
    """What could not be tried with this server."""

    def plain(self) -> dict[str, Any]:
        """As JSON: for transcripts, and to be judged again."""
        return {
            "script": self.script,
            "character": self.character,
            "categories": list(self.categories),
            "notes": list(self.notes),
            "turns": [
                {
                    "said": turn.said,
                    "speech": turn.heard.speech,
                    "emotions": turn.heard.emotions,
                    "gestures": turn.heard.gestures,
                    "calls": [[call.name, call.arguments] for call in turn.heard.calls],
                    "status": turn.heard.status,
                    "first_text_s": turn.heard.first_text_s,
                    "broken": list(turn.broken),
                }
                for turn in self.turns
            ],
        }
