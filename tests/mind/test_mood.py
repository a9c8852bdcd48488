"""What is said moves a character; time and its own nature bring it back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from idol_protocol.channels import EMOTIONS, LOWEST_EMOTIONS
from idol_runtime.character import Character
from idol_runtime.character.character import MoodSettings
from idol_runtime.conversation.hooks import Hooks, Meeting
from idol_runtime.conversation.items import Speaker
from idol_runtime.mind.appraisal import Deed
from idol_runtime.mind.mood import (
    Feeling,
    Mood,
    MoodsInMemory,
    face_of,
    mood_hooks,
    notes_of,
)
from tests.mind.talk import TEXT_ONLY, MindTalk, open_mind_talk

REN = Character("Ren", "You are Ren.", emotion={"valence": 0.4, "arousal": 0.1})
SAM, ANN = Speaker("sam", "Sam"), Speaker("ann", "Ann")


class Time:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


def talk(time: Time, moods: MoodsInMemory | None = None, character: Character = REN) -> MindTalk:
    kept = moods or MoodsInMemory()

    def make_hooks(meeting: Meeting) -> Hooks:
        return mood_hooks(meeting, kept, time)

    return open_mind_talk(character, make_hooks)


def shown(ren: MindTalk, name: str, frames: int = 30) -> float:
    ren.tick(frames)
    return float(ren.performer.conditions().emotion[EMOTIONS.index(name)])


async def test_small_talk_needs_no_words_about_feelings(time: Time) -> None:
    ren = talk(time)
    await ren.say("What is your name?", TEXT_ONLY, SAM)
    assert ren.notes == []


async def test_an_insult_hurts_shows_and_wears_off(time: Time) -> None:
    ren = talk(time)
    before = shown(ren, "valence")
    await ren.say("You are so stupid.", TEXT_ONLY, SAM)
    assert ren.notes == ["You feel a little hurt because Sam was mean to you."]
    assert shown(ren, "sad") > 0.3
    assert shown(ren, "valence") < before - 0.3
    await ren.say("What do you sing?", TEXT_ONLY, SAM)
    assert ren.notes == ["You feel a little hurt."]
    time.now_s += 3600
    await ren.say("What do you sing?", TEXT_ONLY, SAM)
    assert ren.notes == []
    assert shown(ren, "valence", 60 * 30) == pytest.approx(before, abs=0.05)


async def test_insult_upon_insult_is_trusted_no_more_and_an_apology_helps(time: Time) -> None:
    ren = talk(time)
    for _ in range(3):
        await ren.say("I hate you.", TEXT_ONLY, SAM)
    assert ren.notes == ["You feel upset because Sam was mean to you.", "You do not trust Sam."]
    ren.writer.says = "Then it is forgotten, and we start again."
    await ren.say("I'm so sorry about that.", TEXT_ONLY, SAM)
    assert ren.notes[0] == "Sam apologises to you."
    assert shown(ren, "happy") > 0.4


async def test_kindness_cheers_and_whoever_is_kind_is_liked(time: Time) -> None:
    ren = talk(time)
    for line in ("I brought you a cake!", "You're so sweet.", "I love you!", "Thank you!"):
        await ren.say(line, TEXT_ONLY, SAM)
    assert ren.notes == ["You feel very happy.", "You like Sam."]
    assert shown(ren, "happy") > 0.5


async def test_each_person_is_liked_for_what_they_did_alone(time: Time) -> None:
    ren = talk(time)
    for _ in range(3):
        await ren.say("I hate you.", TEXT_ONLY, SAM)
    await ren.say("What do you sing?", TEXT_ONLY, ANN)
    assert ren.notes == []
    await ren.say("What do you sing?", TEXT_ONLY, SAM)
    assert "You do not trust Sam." in ren.notes


async def test_liking_lasts_into_the_next_conversation_for_who_is_known(time: Time) -> None:
    moods = MoodsInMemory()
    for speaker in (SAM, Speaker()):
        ren = talk(time, moods)
        for _ in range(6):
            await ren.say("You are wonderful.", TEXT_ONLY, speaker)
    time.now_s += 24 * 3600
    ren = talk(time, moods)
    await ren.say("Good evening.", TEXT_ONLY, SAM)
    assert ren.notes == ["You like Sam."]
    await ren.say("Good evening.", TEXT_ONLY, Speaker())
    assert ren.notes == []


async def test_what_somebody_feels_goes_over_in_part_where_it_can_be_read(time: Time) -> None:
    async def read(said: str) -> Feeling | None:
        return Feeling(-1.0, -0.5, "sad") if "died" in said else None

    def make_hooks(meeting: Meeting) -> Hooks:
        return mood_hooks(meeting, MoodsInMemory(), time, read)

    ren = open_mind_talk(REN, make_hooks)
    await ren.say("My dog died.", TEXT_ONLY, SAM)
    assert ren.notes == ["You feel a little hurt."] or ren.notes == ["You feel sad."]
    assert shown(ren, "valence") < 0.4


async def test_nothing_moves_a_character_without_sensitivity(time: Time) -> None:
    stone = talk(time, character=replace(REN, mood=MoodSettings(sensitivity=0)))
    await stone.say("I hate you.", TEXT_ONLY, SAM)
    assert stone.notes == []


async def test_who_is_not_known_is_not_named(time: Time) -> None:
    ren = talk(time)
    await ren.say("You are so stupid.", TEXT_ONLY)
    assert ren.notes == ["You feel a little hurt because the person you talk with was mean to you."]


async def test_the_oldest_moods_are_forgotten_first() -> None:
    moods = MoodsInMemory(most=2)
    for name in ("a", "b", "a", "c"):
        await moods.save_mood("ren", name, Mood(0, 0))
    kept = [await moods.load_mood("ren", name) is not None for name in ("a", "b", "c")]
    assert kept == [True, False, True]


LEVEL = st.floats(-1, 1)
MOODS = st.builds(Mood, LEVEL, LEVEL, LEVEL, st.floats(0, 1e9))


@given(MOODS, MOODS, st.floats(0, 1e9), st.floats(1, 1e6), st.floats(-3, 3), st.floats(-3, 3))
def test_a_mood_stays_within_its_range_whatever_happens(
    mood: Mood, baseline: Mood, at_s: float, half_life_s: float, by: float, more: float
) -> None:
    later = mood.later(at_s, baseline, half_life_s).changed(by, more, by)
    for level in (later.valence, later.arousal, later.affinity):
        assert -1 <= level <= 1
    deeds: list[Deed | None] = ["kind", "hurtful", "gift", "apology", None]
    for deed in deeds:
        for name, level in face_of(later, baseline, deed).items():
            assert LOWEST_EMOTIONS[name] <= level <= 1
        assert all(note.endswith(".") for note in notes_of(later, baseline, "Sam", deed))
