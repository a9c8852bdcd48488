"""Which row holds which conversation, so that a shared beginning is read only once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

KEEP_TAIL: Final = 128
"""A row that holds this many tokens beyond the shared beginning is some other conversation's."""
IDLE_AMONG: Final = 4
"""Rows without a token of their own that a step may take along: to move one costs several steps."""


class RowMemory(Protocol):
    """Where the rows are; see `DecoderRows`."""

    count: int
    capacity: int
    token_bytes: int

    def copy(self, source: int, target: int, tokens: int) -> None: ...
    def swap(self, one: int, other: int, one_tokens: int, other_tokens: int) -> None: ...
    def free(self, row: int) -> None: ...


@dataclass(eq=False, slots=True)
class Row:
    index: int
    """Its place, which moves."""
    tokens: list[int] = field(default_factory=list)
    """Those whose keys and values it holds."""
    is_live: bool = False
    """A reply is being read or written in it."""
    used: int = 0
    """Order of last use."""


@dataclass(frozen=True, slots=True)
class CacheCounts:
    held_bytes: int
    """Of all rows, those of live replies included."""
    evictions: int
    """Conversations whose row was given to another, since that was last asked for."""


class PrefixCache:
    """Gives each reply the row that has most of its prompt.

    The beginning of a prompt is taken from any row that has it, a live one too: what it holds for
    a prefix never changes. A row is continued in place when little of it is lost, which is the
    same conversation's next turn; otherwise the prefix is copied and the least recently used row
    gives way. So a persona that many share is never the one that goes.
    """

    def __init__(self, memory: RowMemory, keep_bytes: int) -> None:
        """All rows of `memory`; those that wait for a next turn take `keep_bytes` at most."""
        self._memory, self._keep_bytes = memory, keep_bytes
        self._uses = self._evictions = 0
        self._rows = [Row(index) for index in range(memory.count)]

    def acquire(self, prompt: Sequence[int]) -> Row | None:
        """A row whose tokens are a proper prefix of `prompt`, or None where all are live."""
        held = {row: common_prefix(row.tokens, prompt) for row in self._rows}
        source = max(self._rows, key=lambda row: (held[row], row.used))
        size = min(held[source], len(prompt) - 1)
        is_next_turn = 0 < size >= len(source.tokens) - KEEP_TAIL
        if source.is_live or not is_next_turn:
            row = self._spare(source) or (None if source.is_live else source)
        else:
            row = source
        if row is None:
            return None
        if row is not source and size > 0:
            self._memory.copy(source.index, row.index, size)
            self._touch(source)
        row.tokens = list(prompt[:size])
        row.is_live = True
        self._touch(row)
        return row

    def release(self, row: Row) -> None:
        """Its reply has ended; what it holds waits for the next turn, as long as there is room."""
        row.is_live = False
        self._touch(row)
        while self._bytes(kept := self._kept()) > self._keep_bytes:
            oldest = min(kept, key=lambda each: each.used)
            self._memory.free(oldest.index)
            oldest.tokens = []
            self._evictions += 1

    def counts(self) -> CacheCounts:
        evictions, self._evictions = self._evictions, 0
        return CacheCounts(self._bytes(self._rows), evictions)

    def gather(self, wanted: Collection[Row]) -> list[Row]:
        """Makes `wanted` neighbours; the rows from the first to the last of them, in order."""
        places = sorted(row.index for row in wanted)
        if places[-1] - places[0] + 1 > len(places) + IDLE_AMONG:
            first = min(
                range(len(self._rows) - len(places) + 1),
                key=lambda first: self._cost(wanted, first, first + len(places)),
            )
            self._move(wanted, range(first, first + len(places)))
            places = [first, first + len(places) - 1]
        return self._rows[places[0] : places[-1] + 1]

    def _cost(self, wanted: Collection[Row], first: int, end: int) -> int:
        """Tokens to be moved so that `wanted` are the rows from `first` on."""
        within = self._rows[first:end]
        out = sum(len(row.tokens) for row in within if row not in wanted)
        return out + sum(len(row.tokens) for row in wanted if not first <= row.index < end)

    def _move(self, wanted: Collection[Row], places: range) -> None:
        holes = [self._rows[place] for place in places if self._rows[place] not in wanted]
        for row in wanted:
            if row.index not in places:
                hole = holes.pop()
                self._memory.swap(row.index, hole.index, len(row.tokens), len(hole.tokens))
                row.index, hole.index = hole.index, row.index
                self._rows[row.index], self._rows[hole.index] = row, hole

    def _spare(self, source: Row) -> Row | None:
        """A row nobody needs: an empty one, or the least recently used one but `source`."""
        free = [row for row in self._rows if not row.is_live and row is not source]
        if not free:
            return None
        row = min(free, key=lambda row: (bool(row.tokens), row.used if row.tokens else row.index))
        self._evictions += bool(row.tokens)
        return row

    def _kept(self) -> list[Row]:
        """Those that wait for their conversation's next turn."""
        return [row for row in self._rows if row.tokens and not row.is_live]

    def _bytes(self, rows: Iterable[Row]) -> int:
        return sum(len(row.tokens) for row in rows) * self._memory.token_bytes

    def _touch(self, row: Row) -> None:
        self._uses += 1
        row.used = self._uses


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many tokens both begin with; for two lists or two tuples."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
