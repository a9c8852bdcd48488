"""Lore that means what was said comes up without a key."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from idol_runtime.character import Character
from idol_runtime.character.lore import LoreEntry, LoreSettings
from idol_runtime.conversation.hooks import Hooks, Meeting
from idol_runtime.mind.embedder import EMBEDDING_MODEL, Embedder
from idol_runtime.mind.lore_meaning import AT_ONCE, Meanings
from idol_runtime.mind.lorebook import lore_hooks
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from idol_runtime.mind.mind import make_mind
from idol_runtime.store import default_store
from tests.mind.talk import TEXT_ONLY, MindTalk, open_mind_talk

LORE = [
    LoreEntry("The Silver Gate was closed a hundred years ago, after the siege.", keys=["gate"]),
    LoreEntry("Old Marta bakes rye bread before dawn for the harbour children.", keys=["Marta"]),
    LoreEntry("The lighthouse keeper vanished in a storm and was never found.", keys=["keeper"]),
    LoreEntry("The king is ill, and his two sons quarrel about who follows him.", keys=["king"]),
    LoreEntry("Magic is forbidden here; who is caught goes to the mines.", keys=["magic"]),
    LoreEntry("The best blades are forged from sky iron of the desert.", keys=["iron"]),
    LoreEntry("She is afraid of thunder and hides under the piano.", keys=["thunder"]),
    LoreEntry("The guild of thieves meets in the cellar of the Drunken Heron.", keys=["guild"]),
]
REN = Character("Ren", "You are Ren.", lore=LORE, lorebook=LoreSettings(by_meaning=1))
ASKED = (
    ("Who will rule after the monarch dies?", 3),
    ("Where could I buy something fresh to eat in the morning?", 1),
    ("Can I cast a spell here?", 4),
    ("What happened to the man who looked after the beacon?", 2),
    ("What scares you?", 6),
    ("I need a good sword, what is it made of?", 5),
    ("Where do the pickpockets gather?", 7),
    ("Why is the old entrance shut?", 0),
)
OTHERS = (
    "Hello, how are you?", "My name is Sam.", "I had pizza for lunch.", "Tell me a joke.",
    "What is your favourite colour?", "I work as a software engineer.", "Do you like cats?",
    "What time is it?", "Thank you, that is very kind.", "I am a bit sad today.",
)  # fmt: skip


@dataclass
class Letters:
    """An embedder by first letters: of each text the one it begins with."""

    asked: list[int] = field(default_factory=list)
    is_there: bool = True

    async def __call__(
        self, texts: Sequence[str], *, is_waited_for: bool = True
    ) -> NDArray[np.float32] | None:
        await asyncio.sleep(0)
        self.asked.append(len(texts))
        if not self.is_there:
            return None
        return np.array([np.eye(26)[ord(each[0].lower()) - ord("a")] for each in texts], np.float32)


def talk(meanings: Meanings, character: Character) -> MindTalk:
    def make_hooks(meeting: Meeting) -> Hooks:
        return lore_hooks(character, meanings.of(character.lorebook))

    return open_mind_talk(character, make_hooks)


def ren(*texts: str, settings: LoreSettings) -> Character:
    lore = [LoreEntry(each, keys=["key"]) for each in texts]
    return Character("Ren", "You are Ren.", lore=lore, lorebook=settings, repeats=True)


async def test_what_is_near_comes_up_once_the_book_was_read_and_no_more_than_is_wanted() -> None:
    letters = Letters()
    meanings = Meanings(letters)
    book = ren("Apples.", "Pears.", "Plums.", settings=LoreSettings(by_meaning=1))
    conversation = talk(meanings, book)
    await conversation.say("About apples.", TEXT_ONLY)
    assert conversation.notes == []  # nobody waits for the book
    await conversation.pause()
    await conversation.say("About apples.", TEXT_ONLY)
    assert conversation.notes == ["Apples."]
    await conversation.say("Pretty ones?", TEXT_ONLY)
    assert conversation.notes == ["Pears."]
    await conversation.say("Bananas?", TEXT_ONLY)
    assert conversation.notes == []
    # A second conversation finds the book read.
    other = talk(meanings, book)
    await other.say("About apples.", TEXT_ONLY)
    assert other.notes == ["Apples."]
    assert letters.asked.count(3) == 1


async def test_it_is_off_unless_a_character_asks_for_it() -> None:
    letters = Letters()
    conversation = talk(Meanings(letters), ren("Apples.", settings=LoreSettings()))
    for _ in range(2):
        await conversation.say("About apples.", TEXT_ONLY)
        await conversation.pause()
    assert conversation.notes == []
    assert letters.asked == []


async def test_keys_come_first_where_not_all_fit() -> None:
    lore = [
        LoreEntry("Apples.", keys=["none"], order=200),
        LoreEntry("Pears.", keys=["pears"], order=1),
    ]
    settings = LoreSettings(by_meaning=2, token_budget=3)
    conversation = talk(
        Meanings(Letters()), Character("Ren", "You are Ren.", lore=lore, lorebook=settings)
    )
    await conversation.say("Ah!", TEXT_ONLY)
    await conversation.pause()
    await conversation.say("Ah, pears.", TEXT_ONLY)
    assert conversation.notes == ["Pears."]


async def test_an_entry_that_is_never_to_be_told_does_not_come_up() -> None:
    book = ren("@@dont_activate\nApples.", settings=LoreSettings(by_meaning=3))
    conversation = talk(Meanings(Letters()), book)
    for _ in range(2):
        await conversation.say("About apples.", TEXT_ONLY)
        await conversation.pause()
    assert conversation.notes == []


async def test_a_large_book_is_read_in_small_parts_and_without_a_model_not_at_all() -> None:
    letters = Letters()
    book = ren(*(f"Pear {number}" for number in range(30)), settings=LoreSettings(by_meaning=1))
    conversation = talk(Meanings(letters), book)
    await conversation.say("Hello.", TEXT_ONLY)
    await conversation.pause()
    assert max(letters.asked) <= AT_ONCE
    assert sum(letters.asked) == 30
    nothing = Letters(is_there=False)
    conversation = talk(Meanings(nothing), book)
    await conversation.say("Pears?", TEXT_ONLY)
    await conversation.pause()
    assert conversation.notes == []


@pytest.mark.models
async def test_a_server_that_remembers_finds_what_is_meant_and_nothing_in_small_talk(
    tmp_path: Path,
) -> None:
    folder = default_store().pull(EMBEDDING_MODEL)
    keeper = Keeper(
        SqliteStore(tmp_path / "memory.sqlite3"),
        MemorySettings(answer_s=30),
        lambda: Embedder(folder),
        lambda: 1_772_452_800.0,
    )
    conversation = open_mind_talk(REN, make_mind(keeper=keeper))
    await conversation.say("Hello.", TEXT_ONLY)
    await conversation.pause()
    texts = {each.text for each in LORE}
    found = told = 0
    for said, number in ASKED:
        await conversation.say(said, TEXT_ONLY)
        found += texts & set(conversation.notes) == {LORE[number].text}
    for said in OTHERS:
        await conversation.say(said, TEXT_ONLY)
        told += bool(texts & set(conversation.notes))
    await keeper.aclose()
    assert found >= 7
    assert told <= 1
