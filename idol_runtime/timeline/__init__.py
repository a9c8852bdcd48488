"""The media clock of a character, what happens on it, and the outputs that take it.

Time is an argument: the stage and everything paced by it asks a clock, never the system. Positions
are samples at `AUDIO_RATE_HZ` since the character's session began: one motion frame is exactly
`FRAME_SAMPLES` of them, so audio and frames can never drift apart.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeAlias

from idol_protocol.frames import (
    AUDIO_RATE_HZ,
    FPS,
    FRAME_SAMPLES,
    AudioChunk,
    FaceFrame,
    PoseFrame,
)
from idol_runtime.timeline.reply_cues import (
    Call,
    Doing,
    Emote,
    Gaze,
    Gesture,
    PlacedCue,
    ReplyCue,
)

__all__ = [
    "FPS",
    "FRAME_SAMPLES",
    "ActionCue",
    "ActivityCue",
    "Call",
    "Card",
    "Clock",
    "Cue",
    "Doing",
    "Emote",
    "EmotionCue",
    "EmotionLevel",
    "Frame",
    "Gaze",
    "GazeCue",
    "Gesture",
    "GestureCue",
    "Observer",
    "Output",
    "Phoneme",
    "Phonemes",
    "PlacedCue",
    "PlaybackCut",
    "ReplyCue",
    "SystemClock",
    "UtteranceEnded",
    "UtteranceStarted",
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


@dataclass(frozen=True, slots=True)
class Phoneme:
    symbol: str
    """In the alphabet of the voice; what is no letter stands between words."""
    start_s: float
    """Seconds from the start of the sound it came with."""
    end_s: float


@dataclass(frozen=True, slots=True)
class UtteranceStarted:
    """The first sound of a clause of a reply."""

    name: ClassVar = "utterance.started"
    pts_us: int
    utterance_id: str
    turn_id: str
    text: str
    """As it is spoken and shown, without tags."""
    cues: tuple[PlacedCue, ...] = ()
    """What the reply does on its words, in order."""


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """The end of a clause's sound."""

    name: ClassVar = "utterance.ended"
    pts_us: int
    utterance_id: str
    turn_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Phonemes:
    """What is said from here on; their times count from `pts_us`."""

    name: ClassVar = "phonemes"
    pts_us: int
    utterance_id: str
    phonemes: tuple[Phoneme, ...]


@dataclass(frozen=True, slots=True)
class GestureCue:
    """A gesture that begins."""

    name: ClassVar = "gesture"
    pts_us: int
    gesture: str
    """One of `GESTURES`."""
    duration_us: int
    stroke_us: int
    """From its beginning to the moment at which it is at its most telling."""
    utterance_id: str | None = field(default=None, kw_only=True)
    turn_id: str | None = field(default=None, kw_only=True)
    """What it belongs to; both None for one that was asked for by itself."""


@dataclass(frozen=True, slots=True)
class ActivityCue:
    """The character does something else from here on."""

    name: ClassVar = "activity"
    pts_us: int
    activity: str
    """One of `ACTIVITIES`."""


@dataclass(frozen=True, slots=True)
class EmotionLevel:
    name: str
    """One of `EMOTIONS`."""
    value: float


@dataclass(frozen=True, slots=True)
class EmotionCue:
    """What the character feels turns to something else, and then wears off."""

    name: ClassVar = "emotion"
    pts_us: int
    emotion: tuple[EmotionLevel, ...]
    """What it turns to; the others go to the character's baseline."""
    rise_s: float
    fall_s: float


@dataclass(frozen=True, slots=True)
class GazeCue:
    """The character looks somewhere, and back after a while."""

    name: ClassVar = "gaze"
    pts_us: int
    towards: str
    """One of `GAZES`."""
    duration_us: int
    utterance_id: str | None = field(default=None, kw_only=True)
    turn_id: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class ActionCue:
    """The character calls an action, which is for its host to carry out."""

    name: ClassVar = "action"
    pts_us: int
    action: str
    arguments: str
    """A JSON object."""
    call_id: str
    utterance_id: str | None = field(default=None, kw_only=True)
    turn_id: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class PlaybackCut:
    """An interruption: sound from `pts_us` on that was handed over already is not to be played."""

    name: ClassVar = "playback.cut"
    pts_us: int


Cue: TypeAlias = (
    UtteranceStarted
    | UtteranceEnded
    | Phonemes
    | GestureCue
    | ActivityCue
    | EmotionCue
    | GazeCue
    | ActionCue
    | PlaybackCut
)
"""What happens at a moment of the timeline; `name` is what it is called in files."""
Frame: TypeAlias = AudioChunk | FaceFrame | PoseFrame | Cue


@dataclass(frozen=True, slots=True)
class Card:
    """Who the character is: what an output needs to know to set itself up."""

    name: str
    language: str
    """BCP 47: `en-us`, `ja`."""
    avatar: Path | None = None
    """Its VRM file, if it has one."""
    fps: int = FPS
    """Face and pose frames a second."""
    sample_rate_hz: int = AUDIO_RATE_HZ


class Observer(Protocol):
    """Takes a character's timeline from now on; has no life of its own."""

    def on_frame(self, frame: Frame) -> None:
        """Takes a frame in the event loop's thread.

        Must not block: the character and its other observers wait meanwhile. One that raises is
        evicted: it gets no more frames, and nothing else changes.
        """
        ...


class Output(Observer, Protocol):
    """A peer that takes a character's timeline to somewhere else: a file, a sender, a rig.

    `open` comes first and `aclose` last, also where the output was evicted or `open` raised.
    """

    async def open(self, card: Card) -> None: ...

    async def aclose(self) -> None: ...


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
