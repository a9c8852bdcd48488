"""Rows of conversations: whatever comes and goes, a row holds what it is said to hold."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from idol_runtime.dialogue.prefix_cache import IDLE_AMONG, PrefixCache, Row, common_prefix

TOKENS = st.lists(st.integers(0, 2), max_size=12)


class WrittenRows:
    """Memory whose positions hold the tokens themselves."""

    token_bytes = 10
    capacity = 1000

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows: list[list[int]] = [[] for _ in range(count)]

    def copy(self, source: int, target: int, tokens: int) -> None:
        self.rows[target][:tokens] = self.rows[source][:tokens]

    def swap(self, one: int, other: int, one_tokens: int, other_tokens: int) -> None:
        first, second = self.rows[one][:one_tokens], self.rows[other][:other_tokens]
        self.rows[one], self.rows[other] = second, first

    def free(self, row: int) -> None:
        self.rows[row] = []

    def read(self, row: Row, tokens: Sequence[int]) -> None:
        at = len(row.tokens)
        self.rows[row.index][at:] = tokens
        row.tokens.extend(tokens)


class Conversations(RuleBasedStateMachine):
    @initialize(count=st.integers(1, 14), keep=st.sampled_from([0, 200, 10_000]))
    def open(self, count: int, keep: int) -> None:
        self.memory, self.keep = WrittenRows(count), keep
        self.cache = PrefixCache(self.memory, keep)
        self.live: list[Row] = []
        self.met: set[Row] = set()

    @rule(prompt=st.lists(st.integers(0, 2), min_size=1, max_size=12))
    def begin(self, prompt: list[int]) -> None:
        known = max((common_prefix(row.tokens, prompt) for row in self.met), default=0)
        row = self.cache.acquire(prompt)
        if row is None:
            assert len(self.live) == self.memory.count
            return
        assert row not in self.live
        assert len(row.tokens) == min(known, len(prompt) - 1)
        self.memory.read(row, prompt[len(row.tokens) :])
        self.live.append(row)
        self.met.add(row)

    @rule(said=TOKENS, which=st.integers(0, 99))
    def go_on(self, said: list[int], which: int) -> None:
        if self.live:
            self.memory.read(self.live[which % len(self.live)], said)

    @rule(which=st.integers(0, 99))
    def end(self, which: int) -> None:
        if self.live:
            self.cache.release(self.live.pop(which % len(self.live)))

    @rule(which=st.sets(st.integers(0, 13), min_size=1))
    def step(self, which: set[int]) -> None:
        wanted = {self.live[each] for each in which if each < len(self.live)}
        if wanted:
            rows = self.cache.gather(wanted)
            assert wanted.issubset(rows)
            assert len(rows) <= len(wanted) + IDLE_AMONG
            assert [row.index for row in rows] == [rows[0].index + k for k in range(len(rows))]

    @invariant()
    def every_row_holds_what_it_is_said_to_hold(self) -> None:
        for row in self.met:
            held = self.memory.rows[row.index][: len(row.tokens)]
            assert held == row.tokens

    @invariant()
    def what_waits_has_room(self) -> None:
        waiting = [row for row in self.met if row not in self.live]
        assert sum(len(row.tokens) for row in waiting) * self.memory.token_bytes <= self.keep


TestConversations = Conversations.TestCase


def test_the_least_recently_used_conversation_gives_way_and_is_counted() -> None:
    memory = WrittenRows(2)
    cache = PrefixCache(memory, 10_000)
    for prompt in ([1, 1, 1], [2, 2, 2], [1, 1, 1], [3, 3, 3]):
        row = cache.acquire(prompt)
        assert row is not None
        memory.read(row, prompt[len(row.tokens) :])
        cache.release(row)
    assert sorted(memory.rows) == [[1, 1, 1], [3, 3, 3]]
    counts = cache.counts()
    assert (counts.held_bytes, counts.evictions) == (60, 1)
    assert cache.counts().evictions == 0


def test_a_shared_persona_is_copied_and_stays_while_its_readers_come_and_go() -> None:
    persona = [7] * 200
    memory = WrittenRows(3)
    cache = PrefixCache(memory, 1_000_000)
    for reader in range(10):
        row = cache.acquire([*persona, reader, *[reader] * 150])
        assert row is not None
        assert len(row.tokens) == (200 if reader else 0)
        memory.read(row, [*persona, reader, *[reader] * 150][len(row.tokens) :])
        cache.release(row)


@given(TOKENS, TOKENS)
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_common_prefix_ends_where_two_differ(
    kind: type[list[int]] | type[tuple[int, ...]], first: list[int], second: list[int]
) -> None:
    size = common_prefix(kind(first), kind(second))
    assert first[:size] == second[:size]
    assert size == min(len(first), len(second)) or first[size] != second[size]
