import pytest

from idol_runtime.conversation.manner import Manner
from idol_runtime.speech.types import SpeechRequest
from idol_runtime.stage.utterance import Line
from idol_runtime.timeline import Emote, Gesture, PlacedCue

PLAIN = SpeechRequest("Hi.", "af_heart", "en-us", 1.05)


def line(*cues: tuple[Emote | Gesture, int]) -> Line:
    return Line("Hi there.", tuple(PlacedCue(cue, offset) for cue, offset in cues))


def test_without_a_feeling_the_voice_is_as_it_always_is() -> None:
    manner = Manner()
    assert manner.of(line(), PLAIN) is PLAIN
    assert manner.of(line((Gesture("wave"), 0)), PLAIN) is PLAIN


def test_happy_is_quicker_and_louder_sad_slower_and_softer_and_more_so_when_strong() -> None:
    happy = Manner().of(line((Emote("happy"), 0)), PLAIN)
    sad = Manner().of(line((Emote("sad"), 0)), PLAIN)
    very_sad = Manner().of(line((Emote("sad", 1.0), 0)), PLAIN)
    assert happy.speed > PLAIN.speed > sad.speed > very_sad.speed
    assert happy.gain_db > 0 > sad.gain_db > very_sad.gain_db


def test_a_feeling_goes_on_and_one_within_a_clause_begins_with_the_clause_after() -> None:
    manner = Manner()
    happy = manner.of(line((Emote("happy"), 0), (Emote("sad"), 3)), PLAIN)
    assert happy.gain_db > 0
    sad = manner.of(line(), PLAIN)
    assert sad.gain_db < 0
    assert manner.of(line(), PLAIN) == sad
    assert manner.of(line((Emote("happy"), 0)), PLAIN) == happy


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_no_voice_is_asked_for_a_pace_that_it_cannot_have(speed: float) -> None:
    base = SpeechRequest("Hi.", "", "en-us", speed)
    for name in ("happy", "sad", "surprised"):
        assert 0.5 <= Manner().of(line((Emote(name, 1.0), 0)), base).speed <= 2.0
