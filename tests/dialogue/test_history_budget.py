import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.dialogue.chat import DROP_STEP, fit_messages
from idol_runtime.dialogue.messages import ChatMessage
from idol_runtime.errors import InputError


class Words:
    """Counts a token for each word and one for each message."""

    def count(self, messages: Sequence[ChatMessage]) -> int:
        return sum(1 + len(message.content.split()) for message in messages)

    def least(self, text: str) -> int:
        return len(text.split()) // 2


def conversation(turns: list[tuple[int, int]], persona: int = 3) -> list[ChatMessage]:
    """A persona, answered turns of so many words, and a last question of one word."""
    messages = [ChatMessage("system", "p " * persona)]
    for said, answered in turns:
        messages += [ChatMessage("user", "u " * said), ChatMessage("assistant", "a " * answered)]
    return [*messages, ChatMessage("user", "why")]


TURNS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=30)


@given(TURNS, st.integers(0, 400))
def test_what_is_kept_fits_and_is_the_persona_and_the_newest_whole_turns(
    turns: list[tuple[int, int]], budget: int
) -> None:
    messages = conversation(turns)
    try:
        kept = fit_messages(messages, Words(), budget)
    except InputError:
        assert Words().count([messages[0], messages[-1]]) > budget
        return
    assert Words().count(kept) <= budget
    assert kept[0] == messages[0]
    assert kept[1:] == messages[len(messages) - len(kept) + 1 :]
    assert kept[1].role == "user"


@given(TURNS, st.integers(6, 400))
def test_no_more_than_a_group_of_turns_is_dropped_beyond_need(
    turns: list[tuple[int, int]], budget: int
) -> None:
    messages = conversation(turns)
    kept = fit_messages(messages, Words(), budget)
    more = len(messages) - len(kept) - 2 * DROP_STEP
    if more >= 0:
        assert Words().count([messages[0], *messages[1 + more :]]) > budget


def test_the_kept_beginning_stays_the_same_for_several_turns() -> None:
    firsts = []
    for turns in range(4, 40):
        numbered = [ChatMessage("system", "persona")]
        for number in range(turns):
            numbered += [ChatMessage("user", f"{number} x x x"), ChatMessage("assistant", "y y y")]
        firsts.append(fit_messages([*numbered, ChatMessage("user", "why")], Words(), 80)[1].content)
    changes = sum(a != b for a, b in itertools.pairwise(firsts))
    assert 0 < changes <= len(firsts) / DROP_STEP + 1


def test_a_newest_message_that_is_too_long_is_refused_in_a_sentence() -> None:
    messages = [ChatMessage("system", "p"), ChatMessage("user", "word " * 50)]
    with pytest.raises(InputError, match="shorten the message"):
        fit_messages(messages, Words(), 20)


def test_a_conversation_with_only_a_persona_is_kept() -> None:
    messages = [ChatMessage("system", "p")]
    assert fit_messages(messages, Words(), 20) == messages


@given(TURNS, st.integers(8, 400))
def test_what_is_told_before_the_last_question_stays_with_it(
    turns: list[tuple[int, int]], budget: int
) -> None:
    *before, question = conversation(turns)
    told = ChatMessage("system", "n")
    kept = fit_messages([*before, told, question], Words(), budget)
    assert kept[-2:] == [told, question]
    assert Words().count(kept) <= budget
