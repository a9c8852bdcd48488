"""A long conversation is summarised, never cut in the middle."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.items import InputText, MessageItem
from idol_runtime.character import Character
from idol_runtime.conversation.items import ItemLimits, Speaker
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.memory.own import OwnMemories
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.store import Whose
from idol_runtime.mind.memory.summarising import checked_summary, summary_request
from idol_runtime.mind.memory.summary import most_telling, retold, told_of
from idol_runtime.mind.memory.window import KEPT, tokens_of, window_start
from idol_runtime.mind.mind import make_mind
from tests.mind.talk import TEXT_ONLY, MindTalk, open_mind_talk
from tests.mind.test_remembering import DAY_S, SAM, TOM, Days, keeping, say

REN = Character(name="Ren", persona="You are Ren, a quiet gardener.", repeats=True)
TRACTOR = "Yesterday my grandmother and I repaired her old red tractor."
CONTEXT = 1_024


def long_talk(limits: ItemLimits | None = None) -> MindTalk:
    return open_mind_talk(REN, make_mind(), context=CONTEXT, limits=limits)


async def chat(talk: MindTalk, exchanges: int, speaker: Speaker | None = None) -> None:
    """Talk of which nothing is worth telling again."""
    for number in range(exchanges):
        await talk.say(f"What is {number} and {number + 1}?", TEXT_ONLY, speaker)


def earlier(talk: MindTalk) -> list[str]:
    return [note for note in talk.notes if note.startswith("Earlier: ")]


async def test_four_hundred_exchanges_are_one_conversation() -> None:
    talk = long_talk(ItemLimits(max_items=200))
    talk.writer.sums_up = "Nothing that anybody said."
    await talk.say(TRACTOR, TEXT_ONLY)
    starts, moves = list[str](), 0
    for number in range(400):
        await talk.say(f"What is {number} and {number + 1}?", TEXT_ONLY)
        messages = talk.writer.asked[-1].messages
        persona, first = messages[0], messages[1]
        assert persona.content.startswith("You are Ren")
        assert first.role == "user"
        assert messages[-1].content == f"What is {number} and {number + 1}?"
        assert tokens_of(messages) < CONTEXT
        moves += bool(starts) and starts[-1] != first.content
        starts.append(first.content)
        if first.content != TRACTOR:
            [note] = earlier(talk)
            assert "red tractor" in note
    assert starts[-1] != TRACTOR
    assert moves <= 400 / 5  # most prompts begin as the one before them
    assert len(talk.conversation.items) <= 200
    assert talk.writer.unhurried
    assert {each.priority for each in talk.writer.asked} == {0}


async def test_the_model_sums_up_in_a_pause_and_is_told_so_in_the_next_answer() -> None:
    talk = long_talk()
    talk.writer.sums_up = "They repaired an old red tractor with their grandmother."
    await talk.say(TRACTOR, TEXT_ONLY)
    await chat(talk, 40)
    await talk.pause()
    await talk.say("What do you grow?", TEXT_ONLY)
    assert earlier(talk) == [f"Earlier: {talk.writer.sums_up}"]
    read = "\n".join(each.content for each in talk.writer.unhurried[0].messages)
    assert TRACTOR in read


async def test_what_is_soon_to_leave_is_summed_up_before_it_does() -> None:
    talk = long_talk()
    talk.writer.sums_up = "They repaired an old red tractor with their grandmother."
    await talk.say(TRACTOR, TEXT_ONLY)
    while not talk.writer.unhurried:
        assert earlier(talk) == []
        await chat(talk, 1)
        await talk.pause()
    assert talk.writer.asked[-1].messages[1].content == TRACTOR


async def test_what_the_model_invents_is_left_to_the_rules() -> None:
    talk = long_talk()
    talk.writer.sums_up = "They repaired a tractor with Elena in Madrid."
    await talk.say(TRACTOR, TEXT_ONLY)
    await chat(talk, 40)
    await talk.pause()
    await talk.say("What do you grow?", TEXT_ONLY)
    [note] = earlier(talk)
    assert "Elena" not in note
    assert "red tractor" in note
    asked = len(talk.writer.unhurried)
    await chat(talk, 1)
    await talk.pause()
    assert len(talk.writer.unhurried) == asked  # there is nothing new to ask about


async def test_a_summary_stops_when_anybody_talks() -> None:
    talk = long_talk()  # of a model that never comes to an end
    await talk.say(TRACTOR, TEXT_ONLY)
    await chat(talk, 60)
    while talk.writer.given_up == len(talk.writer.unhurried):  # the next one has not begun yet
        await asyncio.sleep(0)
    assert talk.writer.given_up == len(talk.writer.unhurried) - 1 > 0
    talk.conversation.hear("Wait.")
    await talk.pause()
    assert talk.writer.given_up == len(talk.writer.unhurried)


async def test_no_model_is_asked_where_rules_are_to_do() -> None:
    for settings in (MemorySettings(summary_by_model=False), MemorySettings(summary_tokens=0)):
        days = Days()
        async with keeping(Path(":memory:"), days, settings) as keeper:
            talk = open_mind_talk(REN, make_mind(keeper=keeper), context=CONTEXT)
            await talk.say(TRACTOR, TEXT_ONLY)
            await chat(talk, 40)
            assert talk.writer.unhurried == []
            assert bool(earlier(talk)) == bool(settings.summary_tokens)


async def test_what_is_deleted_is_told_no_more() -> None:
    talk = long_talk()
    talk.writer.sums_up = "They repaired an old red tractor with their grandmother."
    await talk.say(TRACTOR, TEXT_ONLY)
    first = next(iter(talk.conversation.items))
    await chat(talk, 40)
    await talk.pause()
    talk.conversation.delete(first.id)
    talk.writer.sums_up = "Nothing that anybody said."
    await chat(talk, 2)
    assert not any("tractor" in note for note in earlier(talk))


async def test_a_client_s_own_system_messages_stay_in_front() -> None:
    talk = long_talk()
    message = "Speak of gardens alone."
    talk.conversation.add(system(message))
    await chat(talk, 60)
    assert talk.writer.asked[-1].messages[1] == ChatMessage("system", message)


def system(text: str) -> MessageItem:
    return MessageItem(role="system", content=[InputText(text=text)])


async def test_a_long_conversation_is_known_in_the_next_one_to_who_had_it(tmp_path: Path) -> None:
    days = Days()
    async with keeping(tmp_path / "memory.sqlite3", days) as keeper:
        first = open_mind_talk(REN, make_mind(keeper=keeper), context=CONTEXT)
        first.writer.sums_up = "They repaired an old red tractor with their grandmother."
        await say(first, TRACTOR)
        await chat(first, 40, SAM)
        await first.pause()
        assert earlier(first) == [f"Earlier: {first.writer.sums_up}"]
        assert not any(note.startswith("You talked with") for note in first.notes)
    days.now_s += DAY_S
    async with keeping(tmp_path / "memory.sqlite3", days) as keeper:
        later = open_mind_talk(REN, make_mind(keeper=keeper))
        await say(later, "Hello again.")
        assert f"You talked with them yesterday: {first.writer.sums_up}" in later.notes
        await say(later, "What do you know about me?")
        for other in (TOM, Speaker()):
            stranger = open_mind_talk(REN, make_mind(keeper=keeper))
            await say(stranger, "Hello.", other)
            assert not any("tractor" in note for note in stranger.notes)


async def test_what_somebody_erased_is_neither_told_nor_kept_again(tmp_path: Path) -> None:
    async with keeping(tmp_path / "memory.sqlite3", Days()) as keeper:
        talk = open_mind_talk(REN, make_mind(keeper=keeper), context=CONTEXT)
        talk.writer.sums_up = "They repaired an old red tractor with their grandmother."
        await say(talk, TRACTOR)
        await chat(talk, 40, SAM)
        await talk.pause()
        own = OwnMemories(keeper, Whose("tenant", "sam", "ren"))
        assert any("tractor" in each.fact.text for each in await own.items())
        await own.erase()
        talk.writer.sums_up = "Nothing that anybody said."
        await chat(talk, 40, SAM)
        await talk.pause()
        assert not any("tractor" in each.fact.text for each in await own.items())
        assert not any("tractor" in note for note in talk.notes)


async def test_of_two_who_talk_to_one_character_no_summary_is_kept(tmp_path: Path) -> None:
    async with keeping(tmp_path / "memory.sqlite3", Days()) as keeper:
        talk = open_mind_talk(REN, make_mind(keeper=keeper), context=CONTEXT)
        talk.writer.sums_up = "They repaired an old red tractor with their grandmother."
        await say(talk, "A fine day for the garden.", TOM)
        await say(talk, TRACTOR, SAM)
        await chat(talk, 40, SAM)
        await talk.pause()
        kept = await keeper.memories(Whose("tenant", "sam", "ren"))
        assert kept is not None
        assert not any(each.fact.kind == "talk" for each in kept)


# The window


def said(*texts: str) -> list[ChatMessage]:
    return [ChatMessage("assistant" if at % 2 else "user", text) for at, text in enumerate(texts)]


@given(st.lists(st.text(max_size=200), max_size=60), st.integers(0, 2_000))
def test_a_window_holds_whole_exchanges_and_the_newest_one(texts: list[str], most: int) -> None:
    messages = said(*texts)
    start = window_start(messages, 0, most)
    assert start == 0 or messages[start].role == "user"
    assert start <= max(0, len(messages) - 1)
    newest = max(0, len(messages) - (1 if len(messages) % 2 else 2))
    fits = tokens_of(messages[start:]) <= (most if start == 0 else KEPT * most)
    assert fits or start == newest
    # A window that has been moved need not move again.
    assert fits or tokens_of(messages[start:]) > KEPT * most
    if fits:
        assert window_start(messages, start, most) == start


# Rules


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("I was in Rome with my sister in May.", "they were in Rome with their sister in May"),
        (
            "Oh, by the way, I broke my leg when I fell off a horse.",
            "they broke their leg when they fell off a horse",
        ),
        (
            "昨日、私は祖母と古いトラクターを直しました。",
            '"昨日、私は祖母と古いトラクターを直しました。"',
        ),
    ],
)
def test_a_line_is_retold_of_who_said_it(line: str, text: str) -> None:
    told = retold(line, 0)
    assert told is not None
    assert told.text == text


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Hi!",
        "How are you today, my dear?",
        "Thank you very much for the tea.",
        "My password for the old house is swordfish.",
        "My number is 555 123 4567, so call me.",
    ],
)
def test_small_talk_questions_and_secrets_are_not_retold(line: str) -> None:
    assert retold(line, 0) is None


@given(st.text(max_size=400))
def test_any_line_can_be_retold_on_one_line(line: str) -> None:
    told = retold(line, 0)
    assert told is None or (told.text and "\n" not in told.text and len(told.text) < 200)


def test_only_what_says_most_is_told_and_in_order() -> None:
    lines = [
        line
        for number in range(40)
        if (line := retold(f"I planted {number} apple trees behind my house.", number))
    ]
    told = told_of(most_telling(lines), "Sam", 40)
    assert told.startswith("Sam said they planted 0 apple trees")
    assert len(told) <= 40 * 4


# The model's words


SOURCE = (
    "Sam",
    "Ren",
    "I moved to Oslo in 2019 with my sister Mia.",
    "How lovely! I like Oslo.",
    "We have three cats and I bake bread at night.",
)


@pytest.mark.parametrize(
    ("text", "checked"),
    [
        ("Sam moved to Oslo in 2019.", "Sam moved to Oslo in 2019."),
        ("Sam and Mia have three cats. Sam bakes", "Sam and Mia have three cats."),
        ("They bake bread at night.", "They bake bread at night."),
        ("Sam moved to Oslo in 2020.", None),  # another year
        ("Sam moved to Bergen with Mia.", None),  # another town
        ("Sam and Mia have five cats.", None),
        ("Elena bakes bread at night.", None),
        ("[happy] Sam moved to Oslo.", None),
        ("Sam: I moved to Oslo.", None),
        ("I moved to Oslo with Mia.", None),
        ("You moved to Oslo with Mia.", None),
        ("The user moved to Oslo.", None),
        ("Sam moved to Oslo", None),  # no sentence
        ("Did Sam move to Oslo?", None),
        ("Sam asked Ren about Oslo.", None),  # nobody asked anything
        ("They enjoy hiking and painting landscapes.", None),  # nobody said so
        ("", None),
    ],
)
def test_a_summary_holds_only_what_was_said(text: str, checked: str | None) -> None:
    assert checked_summary(text, SOURCE, 200) == checked


@given(st.text(max_size=300))
def test_a_checked_summary_is_a_beginning_of_what_was_written(text: str) -> None:
    checked = checked_summary(text, [text], 100)
    assert checked is None or (
        len(checked) <= 100 and " ".join(text.split()).startswith(checked) and "[" not in checked
    )


def test_a_model_reads_no_tags_no_secrets_and_no_more_than_some_lines() -> None:
    messages = said(
        "My password is swordfish, Ren.", "[happy] *smiles* I keep no passwords.", "Good."
    )
    request = summary_request(messages, "They like tea.", "Sam", "Ren", 40)
    assert request is not None
    read = request.messages[-1].content
    assert read.startswith("They like tea.\nRen: I keep no passwords.\nSam: Good.\n")
    assert "swordfish" not in read
    assert (request.priority, request.max_tokens, request.cues) == (-1, 40, None)
    long = summary_request(said(*["A long line. " * 40] * 100), "", "Sam", "Ren", 40)
    assert long is not None
    assert tokens_of(long.messages) < 800
