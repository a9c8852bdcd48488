"""What was said, in order, and what of it was heard: against plain lists."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.items import InputText, MessageItem, OutputAudio
from idol_runtime.conversation.items import (
    Item,
    ItemLimits,
    Items,
    Speech,
    SpokenClause,
    words_of,
)
from idol_runtime.errors import RequestError
from idol_runtime.stage.utterance import Line

RATE_HZ = 24_000


def message(text: str = "Hello.", item_id: str | None = None) -> MessageItem:
    return MessageItem(id=item_id, role="user", content=[InputText(text=text)])


def speech_of(*clauses: tuple[str, int]) -> Speech:
    """Clauses one behind the other, each with its milliseconds of sound."""
    spoken, at = [], 0
    for text, length_ms in clauses:
        end = at + length_ms * RATE_HZ // 1000
        spoken.append(SpokenClause(Line(text), at * 1_000_000 // RATE_HZ, at, end))
        at = end
    return Speech(tuple(spoken), at)


words = st.lists(st.sampled_from(["moon", "is", "bright,", "月", "明るい", "\N{STRAWBERRY}"]))
clauses = st.lists(st.tuples(words.map(" ".join), st.integers(0, 900)), max_size=5)
moments = st.integers(-(2**70), 2**70) | st.integers(-5, 3_000)


@given(clauses, st.lists(moments, max_size=4))
def test_what_is_cut_is_a_beginning_and_never_grows_again(
    spoken: list[tuple[str, int]], cuts: list[int]
) -> None:
    speech = speech_of(*spoken)
    for cut in cuts:
        left = speech.until_ms(cut)
        assert words_of(speech.lines).startswith(words_of(left.lines).rstrip())
        assert left.num_samples <= speech.num_samples
        assert left.until_ms(cut) == left
        speech = left


@given(clauses, st.none() | moments)
def test_what_was_played_is_a_beginning(spoken: list[tuple[str, int]], pts_us: int | None) -> None:
    speech = speech_of(*spoken)
    heard = speech.until_pts(pts_us).lines
    assert heard == speech.lines[: len(heard)]


@given(st.integers(0, 10**9))
def test_a_client_that_counts_what_it_got_may_say_that_it_heard_all_of_it(samples: int) -> None:
    """openai-agents rounds up to whole milliseconds."""
    assert Speech((), samples).audio_ms == math.ceil(Fraction(samples * 1000, 24_000))


@given(clauses)
def test_nothing_is_lost_of_an_answer_that_was_heard_whole(spoken: list[tuple[str, int]]) -> None:
    speech = speech_of(*spoken)
    assert speech.until_ms(speech.audio_ms) == speech


@pytest.mark.parametrize(
    ("end_ms", "left"),
    [
        (0, ""),
        (74, ""),
        (150, "The moon"),
        (300, "The moon is bright."),
        (301, "The moon is bright."),
        (500, "The moon is bright. It is"),
    ],
)
def test_a_clause_keeps_the_words_of_its_share(end_ms: int, left: str) -> None:
    speech = speech_of(("The moon is bright.", 300), ("It is tonight", 300))
    assert words_of(speech.until_ms(end_ms).lines) == left


def test_a_clause_without_spaces_is_cut_by_its_signs() -> None:
    speech = speech_of(("月がきれいですね", 800))
    assert words_of(speech.until_ms(400).lines) == "月がきれ"


def test_an_answer_without_a_sound_has_nothing_to_cut() -> None:
    said = MessageItem(role="assistant", content=[OutputAudio(transcript="")])
    assert Item(said, "", Speech()).cut(Speech().until_ms(0)).text == ""


places = st.none() | st.just("root") | st.integers(0, 8).map("item{}".format)


@given(st.lists(st.tuples(st.integers(0, 8).map("item{}".format), places, st.booleans())))
def test_items_stand_where_they_were_put(steps: list[tuple[str, str | None, bool]]) -> None:
    items, order = Items(), list[str]()
    for item_id, after, is_new in steps:
        if is_new:
            is_possible = item_id not in order and after in (None, "root", *order)
            try:
                items.insert(message(item_id=item_id), after)
            except RequestError:
                assert not is_possible
                continue
            assert is_possible
            at = len(order) if after is None else 0 if after == "root" else order.index(after) + 1
            order.insert(at, item_id)
        elif item_id in order:
            items.delete(item_id)
            order.remove(item_id)
        else:
            with pytest.raises(RequestError):
                items.delete(item_id)
        assert [each.id for each in items] == order
        assert [items.previous_id(each) for each in order] == [None, *order][: len(order)]


def test_a_conversation_is_full_at_so_many_items_and_has_room_again() -> None:
    items = Items(ItemLimits(max_items=20))
    for _ in range(20):
        last = items.insert(message())
    with pytest.raises(RequestError, match="at most 20 items"):
        items.insert(message())
    items.delete(last.id)
    items.insert(message())


def test_a_conversation_is_full_at_so_many_bytes_and_has_room_again() -> None:
    items = Items(ItemLimits(max_bytes=100))
    first = items.insert(message("é" * 30))
    with pytest.raises(RequestError, match="100 bytes"):
        items.insert(message("x" * 41))
    items.insert(message("x" * 40))
    items.put(Item(message("short", first.id)))
    items.insert(message("x" * 55))
    items.delete(first.id)
    items.insert(message("short"))
    with pytest.raises(RequestError, match="100 bytes"):
        items.insert(message("x"))
