"""What a reply has said is found again exactly as a search through all of it finds it."""

from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.dialogue.repetition import RepeatedRuns, TokenCounts

TOKENS = st.lists(st.integers(0, 3), max_size=40)
BREAKER = 3


def searched(texts: list[list[int]], length: int) -> dict[int, int]:
    """Every place of every text, compared with the end of the last one."""
    longest: dict[int, int] = {}
    reply = texts[-1]
    for text in texts:
        for place in range(1, len(text)):
            size = 0
            while (
                size < min(place, len(reply))
                and text[place - 1 - size] == reply[len(reply) - 1 - size] != BREAKER
            ):
                size += 1
            if size >= length and text[place] != BREAKER:
                longest[text[place]] = max(size, longest.get(text[place], 0))
    return longest


@given(st.lists(TOKENS, max_size=3), TOKENS, st.integers(1, 4))
def test_runs_are_found_as_by_a_search(
    earlier: list[list[int]], reply: list[int], length: int
) -> None:
    runs = RepeatedRuns(length, earlier, lambda token: token == BREAKER)
    for token in reply:
        runs.push(token)
    assert runs.repeats() == searched([*earlier, reply], length)


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 5))
def test_a_guarded_reply_never_says_the_same_run_twice(reply: list[int], size: int) -> None:
    said = TokenCounts(0, size, frozenset())
    for token in reply:
        said.push(token)
    runs = {tuple(reply[at : at + size]) for at in range(len(reply) - size + 1)}
    tail = tuple(reply[len(reply) - size + 1 :]) if size > 1 else ()
    expected = {run[-1] for run in runs if run[:-1] == tail}
    assert said.completing() == (expected if len(reply) >= size else set())


@given(TOKENS, st.integers(0, 6))
def test_the_newest_tokens_are_told_without_those_that_are_spared(
    reply: list[int], window: int
) -> None:
    said = TokenCounts(window, 0, frozenset([BREAKER]))
    for token in reply:
        said.push(token)
    counted = [token for token in reply if token != BREAKER]
    assert set(said.recent) == (set(counted[-window:]) if window else set())
    assert +said.counts == {token: counted.count(token) for token in set(counted)}
