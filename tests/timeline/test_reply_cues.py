import pytest

from idol_protocol.channels import FEELINGS, GAZES, GESTURES, STRENGTHS
from idol_runtime.conversation.reply_reader import read_tags
from idol_runtime.timeline import Doing, Emote, Gaze, Gesture, PlacedCue, ReplyCue

CUES: list[ReplyCue] = [
    *map(Gesture, GESTURES),
    *(Emote(name, strength) for name in FEELINGS for strength in STRENGTHS.values()),
    *map(Gaze, GAZES),
    Doing("dance"),
]


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: cue.tag)
def test_a_tag_is_read_as_the_cue_that_it_was_written_for(cue: ReplyCue) -> None:
    assert read_tags(f"[{cue.tag}] Hi") == ("Hi", (PlacedCue(cue, 0),))


def test_a_strength_between_two_words_is_the_nearer_one() -> None:
    assert [Emote("sad", strength).tag for strength in (0.1, 0.45, 0.6, 0.9)] == [
        *("a little sad", "a little sad", "sad", "very sad"),
    ]
