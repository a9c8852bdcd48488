"""How a clause is said: what a reply feels changes pace and loudness of its voice."""

from dataclasses import replace
from typing import Final

from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Emote

MANNERS: Final[dict[str, tuple[float, float]]] = {
    "happy": (1.08, 1.5),
    "angry": (1.06, 2.5),
    "sad": (0.86, -4.0),
    "relaxed": (0.93, -2.0),
    "surprised": (1.10, 2.0),
    "curious": (1.03, 0.5),
}
"""By how much a voice is quicker, and by how many decibels it is louder, at full strength."""
SLOWEST: Final = 0.5
QUICKEST: Final = 2.0


class Manner:
    """Of one answer; without a feeling among its cues the voice is as it always is."""

    def __init__(self) -> None:
        self._feeling: Emote | None = None

    def of(self, line: Line, speech: SpeechRequest) -> SpeechRequest:
        """The next clause, as it is to be said: as the reply feels where it begins."""
        for each in line.cues:
            if each.offset == 0 and isinstance(each.cue, Emote):
                self._feeling = each.cue
        said = _said_with(self._feeling, speech)
        for each in line.cues:
            if isinstance(each.cue, Emote):
                self._feeling = each.cue
        return said


def _said_with(feeling: Emote | None, speech: SpeechRequest) -> SpeechRequest:
    if feeling is None:
        return speech
    pace, louder_db = MANNERS[feeling.name]
    speed = speech.speed * pace**feeling.strength
    return replace(
        speech,
        speed=round(min(max(speed, SLOWEST), QUICKEST), 4),
        gain_db=round(louder_db * feeling.strength, 2),
    )
