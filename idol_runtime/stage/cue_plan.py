"""What a reply does beside its gestures: when it happens, and what it leaves on its character."""

import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import EMOTIONS, FEELINGS
from idol_runtime.stage.emotion import EmotionCurve
from idol_runtime.stage.gaze import GLANCE_US, GazeCurve
from idol_runtime.stage.utterance import Utterance
from idol_runtime.timeline import (
    ActionCue,
    Call,
    Doing,
    Emote,
    EmotionCue,
    EmotionLevel,
    Gaze,
    GazeCue,
    ReplyCue,
)

RISE_S: Final = 0.4
FALL_S: Final = 8.0
DANCE_US: Final = 5_000_000
"""How long a dance goes on after the answer that began it."""
_COLOURS: Final[Mapping[str, tuple[float, float]]] = {
    "happy": (0.8, 0.4),
    "angry": (-0.7, 0.7),
    "sad": (-0.7, -0.5),
    "relaxed": (0.4, -0.6),
    "surprised": (0.1, 0.8),
    "curious": (0.2, 0.3),
}
"""Valence and arousal of each at full strength."""


@dataclass(frozen=True, slots=True)
class _Coming:
    pts_us: int
    cue: ReplyCue
    turn_id: str
    utterance_id: str


@dataclass(frozen=True, slots=True)
class _Dance:
    turn_id: str
    """The answer that it belongs to."""
    since_us: int
    until_us: int
    """Where that answer ends, so far."""


class CuePlan:
    """The feelings, glances, dances and actions of one character's replies."""

    def __init__(self, baseline: NDArray[np.float32]) -> None:
        """Nothing planned; the baseline is that of its emotions, see `EmotionCurve`."""
        self.emotion = EmotionCurve(baseline)
        self.gaze = GazeCurve()
        self._unannounced: list[_Coming] = []
        self._coming: list[_Coming] = []
        self._speaking = "", 0
        """The answer that is being given, and where it ends so far."""
        self._dance: _Dance | None = None

    def place(self, cue: ReplyCue, pts_us: int, utterance: Utterance) -> None:
        """Plans a cue for a media time; a gesture is for the `GesturePlan`."""
        coming = _Coming(pts_us, cue, utterance.turn_id, utterance.id)
        for queue in (self._unannounced, self._coming):
            bisect.insort(queue, coming, key=lambda each: each.pts_us)

    def due(self, horizon_us: int) -> Iterator[EmotionCue | GazeCue | ActionCue]:
        """Announces what happens up to a media time, in order."""
        while self._unannounced and self._unannounced[0].pts_us <= horizon_us:
            if (cue := self._announced(self._unannounced.pop(0))) is not None:
                yield cue

    def advance(self, pts_us: int) -> None:
        """It is this media time."""
        while self._coming and self._coming[0].pts_us <= pts_us:
            coming = self._coming.pop(0)
            match coming.cue:
                case Emote():
                    levels = self.levels(coming.cue)
                    self.emotion = self.emotion.turned(
                        coming.pts_us, levels, rise_s=RISE_S, fall_s=FALL_S
                    )
                case Gaze(towards=towards):
                    self.gaze = self.gaze.turned(towards, coming.pts_us)
                case Doing():
                    self._dance = _Dance(coming.turn_id, coming.pts_us, coming.pts_us)
                    if coming.turn_id == self._speaking[0]:
                        self.spoken(*self._speaking)

    def spoken(self, turn_id: str, until_us: int) -> None:
        """An answer has words up to a media time."""
        self._speaking = turn_id, until_us
        if self._dance is not None and self._dance.turn_id == turn_id:
            self._dance = replace(self._dance, until_us=max(until_us, self._dance.until_us))

    def dances(self, pts_us: int) -> bool:
        return self._dance is not None and pts_us < self._dance.until_us + DANCE_US

    def dance_since(self, pts_us: int) -> int | None:
        """When the dance that goes on at a media time began, if one does."""
        return self._dance.since_us if self._dance is not None and self.dances(pts_us) else None

    def cut(self) -> None:
        """Nothing more of it happens: an interruption. A feeling that was shown wears off."""
        self._unannounced.clear()
        self._coming.clear()
        self._dance = None

    def levels(self, feeling: Emote) -> dict[str, float]:
        """What a feeling turns to: the others fade as it is strong."""
        strength = feeling.strength
        valence, arousal = _COLOURS[feeling.name]
        baseline = dict(zip(EMOTIONS, self.emotion.baseline.tolist(), strict=True))
        levels = {name: (1 - strength) * baseline[name] for name in FEELINGS}
        levels[feeling.name] += strength
        for name, full in (("valence", valence), ("arousal", arousal)):
            levels[name] = (1 - strength) * baseline[name] + strength * full
        return {name: round(level, 4) for name, level in levels.items()}

    def _announced(self, coming: _Coming) -> EmotionCue | GazeCue | ActionCue | None:
        pts_us, about = coming.pts_us, (coming.utterance_id, coming.turn_id)
        match coming.cue:
            case Emote() as feeling:
                levels = tuple(EmotionLevel(*each) for each in self.levels(feeling).items())
                return EmotionCue(pts_us, levels, RISE_S, FALL_S)
            case Gaze(towards=towards):
                return GazeCue(pts_us, towards, GLANCE_US, utterance_id=about[0], turn_id=about[1])
            case Call(name=name, arguments=arguments, id=call_id):
                return ActionCue(
                    pts_us, name, arguments, call_id, utterance_id=about[0], turn_id=about[1]
                )
        return None
