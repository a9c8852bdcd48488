import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from idol_runtime.character import Character
from idol_runtime.character.lore import LoreEntry, LoreSettings
from idol_runtime.conversation.hooks import Occasion
from idol_runtime.conversation.items import Speaker
from idol_runtime.conversation.prompt import Prompt, build_prompt
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.mind.lorebook import Lorebook, lore_hooks

REN = Character("Ren", "You are Ren, who keeps a tea house.")
WELL = LoreEntry("The well is dry.", keys=["well", "water"])


def user(text: str) -> ChatMessage:
    return ChatMessage("user", text)


def book(*lore: LoreEntry, settings: LoreSettings | None = None) -> Lorebook:
    return Lorebook(replace(REN, lore=list(lore), lorebook=settings or LoreSettings()))


def told(lorebook: Lorebook, *said: str) -> list[str]:
    return [each.text for each in lorebook.told([user(text) for text in said])]


@pytest.mark.parametrize(
    ("entry", "said", "comes_up"),
    [
        (WELL, "Is there WATER here?", True),
        (WELL, "Farewell.", False),
        (WELL, "Tell me about tea.", False),
        (replace(WELL, whole_words=False), "Farewell.", True),
        (replace(WELL, case_sensitive=True), "WATER?", False),
        (replace(WELL, enabled=False), "water", False),
        (replace(WELL, keys=["old  well"]), "the old\nwell", True),
        (replace(WELL, keys=["c++"]), "I like C++.", True),
        (replace(WELL, keys=["井戸"]), "この井戸は古いですか", True),
        (replace(WELL, keys=["caf\u00e9"]), "the cafe\u0301", True),
        (replace(WELL, keys=["/^wat[eh]r/"]), "Water", True),
        (replace(WELL, keys=["/^wat[eh]r/m"]), "Water", False),
        (replace(WELL, keys=["/^wat[eh]r/i"]), "hot Water", False),
        (replace(WELL, keys=["w.ll"], regex=True), "will", True),
        (replace(WELL, keys=["w.ll"]), "will", False),
        (replace(WELL, keys=["(", "/(/"], regex=True), "(", False),
        (replace(WELL, keys=[]), "anything", False),
        (replace(WELL, keys=[], constant=True), "anything", True),
        (replace(WELL, secondary_keys=["dry", "deep"]), "a well", False),
        (replace(WELL, secondary_keys=["dry", "deep"]), "a deep well", True),
        (replace(WELL, text="@@activate\nX"), "anything", True),
        (replace(WELL, text="@@dont_activate\nX"), "well", False),
        (replace(WELL, text="@@additional_keys deep\nX"), "well", False),
        (replace(WELL, text="@@additional_keys deep\nX"), "deep well", True),
        (replace(WELL, text="@@exclude_keys deep\nX"), "deep well", False),
        (replace(WELL, text="@@activate_only_after 1\nX"), "well", False),
        (replace(WELL, text="@@dont_activate"), "well", False),
    ],
)
def test_an_entry_comes_up_when_its_keys_do(entry: LoreEntry, said: str, comes_up: bool) -> None:
    assert bool(told(book(entry), said)) is comes_up


def test_keys_are_looked_for_in_the_last_messages_alone() -> None:
    said = ("the well", "one", "two", "three")
    assert told(book(WELL), *said) == ["The well is dry."]
    assert told(book(WELL), *said, "four") == []
    assert told(book(replace(WELL, text="@@scan_depth 9\nX")), *said, "four") == ["X"]
    assert told(book(WELL, settings=LoreSettings(scan_depth=1)), *said) == []


def test_what_came_up_reminds_of_more_up_to_a_limit() -> None:
    chain = [LoreEntry(f"step{number + 1}", keys=[f"step{number}"]) for number in range(5)]
    assert told(book(*chain), "step0") == ["step1", "step2", "step3"]
    assert told(book(*chain, settings=LoreSettings(recursion=0)), "step0") == ["step1"]
    circle = [LoreEntry("b here", keys=["a"]), LoreEntry("a here", keys=["b"])]
    assert told(book(*circle, settings=LoreSettings(recursion=10)), "a") == ["b here", "a here"]


def test_the_least_important_is_left_out_where_not_all_fit() -> None:
    entries = [
        LoreEntry("c" * 40, keys=["x"], order=3, priority=1),
        LoreEntry("a" * 40, keys=["x"], order=1, priority=5),
        LoreEntry("b" * 40, keys=["x"], order=2, priority=9),
    ]
    assert told(book(*entries), "x") == ["a" * 40, "b" * 40, "c" * 40]
    assert told(book(*entries, settings=LoreSettings(token_budget=25)), "x") == ["a" * 40, "b" * 40]
    assert told(book(*entries, settings=LoreSettings(token_budget=0)), "x") == []


def test_what_came_up_once_stays_or_never_comes_again_where_it_says_so() -> None:
    stays = book(replace(WELL, text="@@keep_activate_after_match\nX"))
    assert told(stays, "tea") == []
    assert told(stays, "well") == ["X"]
    assert told(stays, "tea") == ["X"]
    once = book(replace(WELL, text="@@dont_activate_after_match\nX"))
    assert told(once, "well") == ["X"]
    assert told(once, "well") == []


def test_an_expression_without_end_is_given_up_and_the_others_go_on() -> None:
    cruel = LoreEntry("never", keys=["/(x+x+)+y/", "/(a|aa)+$/"])
    lorebook = book(cruel, WELL)
    assert told(lorebook, "x" * 5_000 + " well " + "a" * 5_000 + "!") == ["The well is dry."]
    assert not lorebook.has_regex  # not asked again


async def prompted(character: Character, said: str, name: str = "", depth: int = 0) -> Prompt:
    history = (
        *(ChatMessage("assistant" if at % 2 else "user", f"line {at}") for at in range(depth)),
        user(said),
    )
    occasion = Occasion(Speaker("", name), said, history)
    hooks = lore_hooks(character)
    return await hooks.read_prompt(occasion, build_prompt(character, history).noted("First."))


async def test_what_comes_up_is_a_note_behind_the_others_and_knows_who_asks() -> None:
    entry = LoreEntry("{{user}} owes {{char}}\n  two coins.", keys=["coins"])
    character = replace(REN, lore=[entry])
    assert (await prompted(character, "My coins?", "Sam")).notes == (
        "First.",
        "Sam owes Ren two coins.",
    )
    assert (await prompted(character, "My tea?", "Sam")).notes == ("First.",)


async def test_what_is_always_true_stands_with_the_persona_where_it_is_read_once() -> None:
    character = replace(REN, lore=[LoreEntry("The house is old.", constant=True)])
    prompt = await prompted(character, "Hi.")
    assert prompt.opening[0].content == f"{REN.persona}\n\nThe house is old."
    assert prompt.notes == ("First.",)


async def test_decorators_put_an_entry_between_earlier_messages() -> None:
    lore = [
        LoreEntry("@@depth 2\n@@role user\nA", keys=["hi"], order=1),
        LoreEntry("@@depth 2\n@@role assistant\nB", keys=["hi"], order=2),
        LoreEntry("@@reverse_depth 1\n@@role user\nC", keys=["hi"]),
        LoreEntry("@@depth 0\nD", keys=["hi"]),
        LoreEntry("@@position after_desc\nE", keys=["hi"]),
    ]
    prompt = await prompted(replace(REN, lore=lore), "hi", depth=4)
    said = [each.content for each in prompt.history]
    assert said == ["line 0", "C", "line 1", "line 2", "A", "B", "line 3", "hi"]
    assert prompt.notes == ("First.", "D")
    assert prompt.opening[0].content.endswith("\n\nE")


async def test_an_entry_may_come_up_by_its_meaning() -> None:
    async def by_meaning(said: str, texts: Sequence[str]) -> Sequence[int]:
        return [texts.index("The well is dry.")] if said == "I am thirsty." else []

    character = replace(REN, lore=[LoreEntry("Other.", keys=["other"]), WELL])
    hooks = lore_hooks(character, by_meaning)
    for said, notes in (("I am thirsty.", ("The well is dry.",)), ("I am tired.", ())):
        occasion = Occasion(Speaker(), said, (user(said),))
        prompt = await hooks.read_prompt(occasion, build_prompt(character, occasion.history))
        assert prompt.notes == notes


TEXT = st.text("ab /()*+\\@{}井\n", max_size=12)


@given(
    st.lists(
        st.builds(
            LoreEntry,
            text=TEXT, keys=st.lists(TEXT, max_size=3), secondary_keys=st.lists(TEXT, max_size=2),
            constant=st.booleans(), case_sensitive=st.booleans(), whole_words=st.booleans(),
            regex=st.booleans(), order=st.floats(-10, 10),
            priority=st.none() | st.floats(-10, 10), enabled=st.booleans(),
        ),
        max_size=5,
    ),
    st.lists(TEXT, min_size=1, max_size=5),
    st.integers(0, 20),
)  # fmt: skip
def test_whatever_the_book_says_each_entry_is_told_once_within_the_budget(
    lore: list[LoreEntry], said: list[str], budget: int
) -> None:
    lorebook = book(*lore, settings=LoreSettings(token_budget=budget))
    found = lorebook.told([user(text) for text in said])
    assert len(found) <= len(lorebook)
    assert sum(len(each.text) for each in found) <= 4 * budget
    character = replace(REN, lore=lore)
    history = tuple(user(text) for text in said)
    occasion = Occasion(Speaker(), said[-1], history)
    prompt = build_prompt(character, history)
    asyncio.run(lore_hooks(character).read_prompt(occasion, prompt))
