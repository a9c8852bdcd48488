"""How a character feels about somebody is kept with what it remembers of them."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from idol_runtime.conversation.items import Speaker
from idol_runtime.errors import RequestError
from idol_runtime.mind.kept_moods import KeptMoods
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.mind.memory.own import OwnMemories
from idol_runtime.mind.memory.settings import MemorySettings
from idol_runtime.mind.memory.store import Whose
from idol_runtime.mind.mood import Mood
from tests.mind.conftest import OpenStore
from tests.mind.test_remembering import DAY_S, SAM, TOM, BrokenStore, Days, say, talk

OpenKeeper: TypeAlias = Callable[[Days], Keeper]
WHOSE = Whose("tenant", "sam", "ren")
KIND = ("You are wonderful.", "I brought you a cake!", "I love you!", "Thank you so much!")
MEAN = ("I hate you.", "You are so stupid.", "You are ugly.", "Shut up.")


@pytest.fixture
def open_keeper(open_store: OpenStore) -> OpenKeeper:
    def start(days: Days) -> Keeper:
        return Keeper(open_store(), MemorySettings(answer_s=30), lambda: None, days)

    return start


async def test_liking_is_kept_and_fades(open_keeper: OpenKeeper) -> None:
    days = Days()
    keeper = open_keeper(days)
    ren = talk(keeper)
    for line in KIND:
        await say(ren, line)
    await keeper.aclose()
    levels = []
    for passed_s in (0.0, DAY_S, 90 * DAY_S):
        days.now_s += passed_s
        keeper = open_keeper(days)
        ren = talk(keeper)
        await say(ren, "The weather is nice.")
        levels.append("You like the person you talk with." in ren.notes)
        feels_happy = any(note.startswith("You feel") for note in ren.notes)
        assert feels_happy == (passed_s == 0.0)
        await keeper.aclose()
    assert levels == [True, True, False]


async def test_it_is_theirs_alone(open_keeper: OpenKeeper) -> None:
    keeper = open_keeper(Days())
    ren = talk(keeper)
    for line in MEAN:
        await say(ren, line)
    assert any("do not trust" in note or "cannot stand" in note for note in ren.notes)
    for other in (TOM, Speaker("other/sam"), Speaker()):
        stranger = talk(keeper)
        await say(stranger, "The weather is nice.", other)
        assert stranger.notes == []
    await keeper.aclose()


async def test_it_is_seen_and_erased_and_nobody_writes_it(open_keeper: OpenKeeper) -> None:
    keeper = open_keeper(Days())
    ren, own = talk(keeper), OwnMemories(keeper, WHOSE)
    for line in KIND:
        await say(ren, line)
    [feeling] = [each for each in await own.items() if each.fact.kind == "feeling"]
    assert feeling.fact.text.startswith("is liked by the character (affinity 0.")
    with pytest.raises(RequestError, match="cannot be set"):
        await own.set("is dear to the character", feeling.id)
    assert "character" not in await say(ren, "What do you know about me?")
    assert await own.erase([feeling.id]) == 1
    await say(ren, "The weather is nice.")
    assert ren.notes == []
    assert await own.items() == []
    await keeper.aclose()


async def test_a_few_words_are_no_reason_to_keep_anything(open_keeper: OpenKeeper) -> None:
    keeper = open_keeper(Days())
    await say(talk(keeper), "The weather is nice.")
    assert await keeper.memories(WHOSE) == []
    await keeper.aclose()


async def test_it_is_one_memory_however_often_it_changes(open_keeper: OpenKeeper) -> None:
    keeper = open_keeper(Days())
    ren, ids = talk(keeper), set[str]()
    for line in (*KIND, *MEAN):
        await say(ren, line)
        kept = await keeper.memories(WHOSE)
        assert kept is not None
        ids |= {each.id for each in kept if each.fact.kind == "feeling"}
        assert sum(each.fact.kind == "feeling" for each in kept) <= 1
    assert len(ids) == 1
    await keeper.aclose()


async def test_another_server_s_word_is_heard_after_a_while(open_keeper: OpenKeeper) -> None:
    days = Days()
    first, second = open_keeper(days), open_keeper(days)
    here, there = KeptMoods(first), KeptMoods(second)
    for moods in (here, there):
        assert await moods.load_mood("ren", SAM.id) is None
    await here.save_mood("ren", SAM.id, Mood(0.1, 0.2, 0.5, days.now_s))
    await first.memories(WHOSE)  # until it is written
    days.now_s += 3600
    assert await there.load_mood("ren", SAM.id) == Mood(0.1, 0.2, 0.5, days.now_s - 3600)
    await first.aclose()
    await second.aclose()


async def test_without_its_store_a_character_goes_on_feeling() -> None:
    keeper = Keeper(BrokenStore(), MemorySettings(), lambda: None, Days())
    ren = talk(keeper)
    for line in MEAN:
        await say(ren, line)
    assert any(note.startswith("You feel") for note in ren.notes)
    await keeper.aclose()
