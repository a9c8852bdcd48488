"""Through whole turns: what the model is told, what the voice is asked."""

import pytest
from msgspec.structs import replace

from idol_runtime.character import SMALL_DIALOGUE, Character, ModelNames
from idol_runtime.character.character import VoiceSettings
from idol_runtime.character.scripted import ScriptedLines
from idol_runtime.mind.mind import make_mind
from tests.mind.talk import TEXT_ONLY, MindTalk, open_mind_talk

REN = Character(
    "Ren",
    "You are Ren.",
    voice=VoiceSettings("af_heart"),
    models=ModelNames(dialogue="qwen2.5-coder-0.5b-instruct"),
)
SPANISH = "Hola, ¿cómo te llamas?"
JAPANESE = "お名前は何ですか？"


def talk(character: Character = REN) -> MindTalk:
    return open_mind_talk(character, make_mind())


async def test_in_her_own_language_nothing_is_said_of_languages() -> None:
    ren = talk()
    await ren.say("What is your name?")
    assert not [note for note in ren.notes if "Answer in" in note]
    [speech] = ren.speaking.asked
    assert (speech.language, speech.voice, speech.is_foreign) == ("en-us", "af_heart", False)


async def test_she_answers_in_the_language_she_is_spoken_to_with_a_voice_of_it() -> None:
    ren = talk()
    ren.writer.says = "レンです。"
    await ren.say(JAPANESE)
    assert "Answer in Japanese." in ren.notes
    [speech] = ren.speaking.asked
    assert (speech.language, speech.is_foreign) == ("ja", True)


async def test_the_character_may_name_its_voice_for_another_language() -> None:
    ren = talk(replace(REN, voice=VoiceSettings("af_heart", by_language={"ja": "jf_alpha"})))
    await ren.say(JAPANESE)
    [speech] = ren.speaking.asked
    assert (speech.voice, speech.language, speech.is_foreign) == ("jf_alpha", "ja", False)


async def test_where_her_voice_cannot_she_says_so_once_and_goes_on_in_her_own() -> None:
    ren = talk()
    first = await ren.say(SPANISH)
    assert "English" in first
    assert ren.writer.asked == []
    assert ren.speaking.asked[0].language == "en-us"
    assert await ren.say("Cuéntame un chiste, por favor.") == "I see."
    assert "Answer in English, the only language that you speak." in ren.notes
    assert ren.speaking.asked[-1].language == "en-us"


async def test_the_words_for_that_are_the_character_s_own() -> None:
    lines = ScriptedLines(other_language=["[bow] Only English here, dear."])
    assert await talk(replace(REN, lines=lines)).say(SPANISH) == "Only English here, dear."
    japanese = open_mind_talk(replace(REN, language="ja"), make_mind())
    assert "日本語" in await japanese.say(SPANISH)


async def test_in_text_alone_no_voice_is_needed() -> None:
    ren = talk()
    await ren.say(SPANISH, TEXT_ONLY)
    assert ren.notes == ["Answer in Spanish.", "Responde en español."]


async def test_a_character_that_keeps_to_its_own_language_does_so_in_text_too() -> None:
    ren = talk(replace(REN, languages=["ja"]))
    assert "English" in await ren.say(SPANISH, TEXT_ONLY)
    await ren.say(JAPANESE, TEXT_ONLY)
    assert "Answer in Japanese." in ren.notes


async def test_a_model_that_writes_english_alone_is_asked_for_nothing_else() -> None:
    small = replace(REN, models=ModelNames(dialogue=SMALL_DIALOGUE))
    assert "English" in await talk(small).say(SPANISH, TEXT_ONLY)
    assert await talk(replace(small, languages=["es"])).say(SPANISH, TEXT_ONLY) == "I see."


async def test_a_short_line_changes_nothing_and_a_clear_one_changes_back() -> None:
    ren = talk()
    for line, notes in (
        (SPANISH, ["Answer in Spanish."]),
        ("ok", ["Answer in Spanish."]),
        ("What is the weather like today?", ["Answer in English."]),
        ("Sí.", ["Answer in English."]),
    ):
        await ren.say(line, TEXT_ONLY)
        assert [note for note in ren.notes if "Answer" in note] == notes


async def test_who_asks_for_a_language_gets_it_until_another_is_spoken() -> None:
    ren = talk()
    for line, notes in (
        ("Please answer in Spanish.", ["Answer in Spanish."]),
        ("What is your favourite food?", ["Answer in Spanish."]),
        ("Comment tu t'appelles ?", ["Answer in French."]),
        ("And what do you like to do?", ["Answer in English."]),
    ):
        await ren.say(line, TEXT_ONLY)
        assert [note for note in ren.notes if "Answer" in note] == notes


@pytest.mark.parametrize("own", ["en-gb", "de", "xx"])
async def test_every_language_of_a_character_has_a_way_out(own: str) -> None:
    ren = talk(replace(REN, language=own))
    assert await ren.say("Привет, как дела?")
