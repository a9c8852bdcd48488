"""What a reply does beside its words, at the places where its tags stood."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from idol_protocol.channels import STRENGTHS

_AT_YOU: Final = "at you"


@dataclass(frozen=True, slots=True)
class Gesture:
    name: str
    """One of `GESTURES`."""

    @property
    def tag(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Emote:
    """The character turns to an emotion."""

    name: str
    """One of `FEELINGS`."""
    strength: float = STRENGTHS[""]
    """In (0, 1]."""

    @property
    def tag(self) -> str:
        nearest = min(STRENGTHS, key=lambda word: abs(STRENGTHS[word] - self.strength))
        return nearest + self.name


@dataclass(frozen=True, slots=True)
class Gaze:
    """The character looks somewhere for a while."""

    towards: str
    """One of `GAZES`."""

    @property
    def tag(self) -> str:
        return f"look {_AT_YOU if self.towards == 'you' else self.towards}"


@dataclass(frozen=True, slots=True)
class Doing:
    """The character goes over to an activity, until some seconds after its answer."""

    activity: str
    """`dance`."""

    @property
    def tag(self) -> str:
        return self.activity


@dataclass(frozen=True, slots=True)
class Call:
    """The character calls an action."""

    name: str
    arguments: str
    """A JSON object, valid against the action's schema."""
    id: str

    @property
    def tag(self) -> str:
        return f"{self.name} {self.arguments}"


ReplyCue: TypeAlias = Gesture | Emote | Gaze | Doing | Call
"""`tag` is what stands between the square brackets."""


@dataclass(frozen=True, slots=True)
class PlacedCue:
    """A cue at its place in a text that no longer holds its tag."""

    cue: ReplyCue
    offset: int
    """Position in the text; the cue falls on the word that begins there or after it."""
