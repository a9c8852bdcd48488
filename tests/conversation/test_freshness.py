import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from idol_runtime.conversation.attempts import (
    ATTEMPTS,
    ReplyClause,
    ReplyClauses,
    Stale,
    fresh_clauses,
)
from idol_runtime.conversation.freshness import (
    RECENT,
    Freshness,
    SaidBefore,
    Staleness,
    are_alike,
)
from idol_runtime.stage.utterance import Line

EARLIER = ("Oh,", "I love the rain on the roof at night.", "Do you?")
TOLD = SaidBefore(
    own=(("Welcome in!", "The kettle is on already."), EARLIER),
    said="I work as a baker, so I get up at three in the morning.",
    name="Ren",
    others=frozenset({"sam"}),
    read=("You are Ren, who keeps a small tea house by the harbour in the north.",),
)


def staleness(clause: str) -> Staleness | None:
    return Freshness(TOLD).staleness(clause)


@pytest.mark.parametrize(
    ("clause", "why"),
    [
        ("I love the rain on the roof at night.", "repeats"),
        ("i love the rain on the roof, at night!", "repeats"),
        ("I love the rain on the roof at night so much.", "repeats"),
        ("The kettle is on already.", "repeats"),
        ("I work as a baker, so I get up at three.", "echoes"),
        ("You are Ren, who keeps a small tea house by the harbour.", "quotes"),
        ("The rain never stops here.", None),
        ("Thank you, Sam.", None),
        ("Oh, really?", None),
        ("You work as a baker, so you get up at three?", None),
        ("Well, I get up at three too.", "echoes"),
        ("My name is Sam.", "poses"),
        ("I keep a small tea house.", None),
        ("...", None),
    ],
)
def test_what_was_said_echoed_or_read_is_told_from_what_is_new(
    clause: str, why: Staleness | None
) -> None:
    assert staleness(clause) == why


def test_signs_of_languages_without_spaces_are_compared_one_by_one() -> None:
    freshness = Freshness(
        SaidBefore(own=(("今日はとても天気がいいですね。",),), said="我每天早上三点起床。")
    )
    assert freshness.staleness("今日はとても天気がいいですね!") == "repeats"
    assert freshness.staleness("明日は雨が降るそうです。") is None
    assert freshness.staleness("我每天早上三点起床!") == "echoes"


def test_a_short_clause_may_come_again_after_some_replies_but_not_twice_in_one() -> None:
    later = [(f"Answer number {number} is here.",) for number in range(RECENT)]
    for own in ((("Of course!",), *later[1:]), (("Of course!",), *later)):
        freshness = Freshness(SaidBefore(own=own))
        assert freshness.staleness("Of course!") == ("repeats" if len(own) == RECENT else None)
    freshness.add("Of course!")
    assert freshness.staleness("Of course!") == "repeats"


def test_whoever_is_there_may_be_called_by_name_again_and_again() -> None:
    fresh = Freshness(SaidBefore(own=(("Sing of the king,", "Sam."),), others=frozenset({"sam"})))
    assert fresh.staleness("Sam!") is None
    fresh.add("Sam!")
    assert fresh.staleness("Sam?") is None


def test_the_beginning_of_a_sentence_may_come_again() -> None:
    freshness = Freshness(SaidBefore(own=(("I'm sorry,", "the cake is gone."),)))
    assert freshness.staleness("I'm sorry,") is None
    assert freshness.staleness("I'm sorry.") == "repeats"


def test_the_users_own_sentence_is_an_echo_however_short() -> None:
    freshness = Freshness(SaidBefore(said="Dance for me!"))
    assert freshness.staleness("Dance for me!") == "echoes"
    assert freshness.staleness("Dance for you?") is None


def test_texts_are_alike_by_the_words_they_share() -> None:
    assert are_alike("What is your name?", "what's your name") is False
    assert are_alike("What is your name?", "So what is your name?") is True
    assert are_alike("", "") is False


class Attempts:
    """Replies that are written one after the other, each a list of clauses."""

    def __init__(self, *replies: Sequence[str]) -> None:
        self.replies = replies
        self.asked: list[int] = []
        self.closed = 0
        self.stale: list[Staleness] = []
        self.way_out_of: list[Stale | None] = []

    def attempt(self, number: int) -> ReplyClauses:
        self.asked.append(number)
        return self._clauses(self.replies[min(number, len(self.replies) - 1)])

    async def _clauses(self, texts: Sequence[str]) -> AsyncGenerator[ReplyClause, None]:
        try:
            for text in texts:
                yield ReplyClause(Line(text), text + " ")
        finally:
            self.closed += 1

    def way_out(self, stale: Stale | None) -> ReplyClauses:
        self.way_out_of.append(stale)
        return self._clauses(["I have lost my thread."])

    def said(self) -> list[str]:
        async def read() -> list[str]:
            made = fresh_clauses(self.attempt, Freshness(TOLD), self.way_out, self.stale.append)
            return [clause.line.text async for clause in made]

        return asyncio.run(read())


def test_a_new_reply_is_said_as_it_is() -> None:
    attempts = Attempts(["Three already?", "That is early, even for me."])
    assert attempts.said() == ["Three already?", "That is early, even for me."]
    assert (attempts.asked, attempts.stale, attempts.closed) == ([0], [], 1)


def test_another_reply_is_asked_for_while_nothing_of_a_stale_one_was_said() -> None:
    attempts = Attempts([EARLIER[1], "So there."], ["Three already?"])
    assert attempts.said() == ["Three already?"]
    assert (attempts.asked, attempts.stale) == ([0, 1], ["repeats"])


def test_an_interjection_that_was_said_does_not_come_again_with_the_next_attempt() -> None:
    attempts = Attempts(["Well now.", EARLIER[1]], ["Well now.", "Three is early, even for me."])
    assert attempts.said() == ["Well now.", "Three is early, even for me."]


def test_a_beginning_that_was_said_before_waits_for_what_it_begins() -> None:
    attempts = Attempts(["Oh,", EARLIER[1]], ["Oh,", "three is early, even for me."])
    assert attempts.said() == ["Oh,", "three is early, even for me."]
    attempts = Attempts(["Oh,"])
    assert attempts.said() == ["Oh,"]


def test_a_reply_that_begins_to_repeat_itself_ends() -> None:
    attempts = Attempts(["That is early, even for me.", EARLIER[1], "And so on and on."])
    assert attempts.said() == ["That is early, even for me."]
    assert (attempts.asked, attempts.closed) == ([0], 1)


def test_what_is_read_aloud_in_between_is_left_out() -> None:
    attempts = Attempts(["That is early, even for me.", TOLD.read[0], "Sleep well tonight."])
    assert attempts.said() == ["That is early, even for me.", "Sleep well tonight."]
    assert attempts.stale == ["quotes"]


def test_where_nothing_new_comes_there_is_a_way_out() -> None:
    attempts = Attempts([EARLIER[1]])
    assert attempts.said() == ["I have lost my thread."]
    assert len(attempts.asked) == ATTEMPTS
    assert attempts.way_out_of == [Stale("repeats", EARLIER[1])]


def test_replies_without_a_word_are_no_replies() -> None:
    attempts = Attempts([])
    assert attempts.said() == ["I have lost my thread."]
    assert attempts.way_out_of == [None]
