"""What a reply has said, found again in a moment: for penalties on saying it once more."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

LONGEST_RUN: Final = 50
"""A longer run is penalised as this one: by then nothing else is left anyway."""
NEWEST: Final = 64
"""Places looked at where a run stands many times."""


class RepeatedRuns:
    """DRY: which tokens would go on with a run as it went on before, and how long the run is.

    After p-e-w, "DRY: a modern repetition penalty" (text-generation-webui, 2024).
    """

    def __init__(
        self, length: int, earlier: Iterable[Sequence[int]], is_breaker: Callable[[int], bool]
    ) -> None:
        """Begins a reply.

        Args:
            length: Of the shortest run that counts.
            earlier: Texts that count as said before.
            is_breaker: Tokens that are no part of a run.
        """
        self._length, self._is_breaker = length, is_breaker
        self._tokens: list[int | None] = []
        """None between two texts, and for a breaker."""
        self._ends: defaultdict[tuple[int | None, ...], deque[int]] = defaultdict(
            lambda: deque(maxlen=NEWEST)
        )
        """Where a run of `length` tokens has ended: the place of the token that followed."""
        for text in earlier:
            for token in text:
                self.push(token)
            self._append(None)

    def push(self, token: int) -> None:
        """The reply goes on with `token`."""
        self._append(None if self._is_breaker(token) else token)

    def repeats(self) -> dict[int, int]:
        """Tokens that followed what the reply ends with, with the length of the longest run."""
        longest: dict[int, int] = {}
        end = len(self._tokens)
        for place in self._ends.get(self._tail(), ()):
            size = self._length
            while size < LONGEST_RUN and size < place:
                token = self._tokens[place - 1 - size]
                if token is None or token != self._tokens[end - 1 - size]:
                    break
                size += 1
            if (follows := self._tokens[place]) is not None:
                longest[follows] = max(size, longest.get(follows, 0))
        return longest

    def _tail(self) -> tuple[int | None, ...]:
        return tuple(self._tokens[-self._length :])

    def _append(self, token: int | None) -> None:
        tail = self._tail()
        if len(tail) == self._length and None not in tail:
            self._ends[tail].append(len(self._tokens))
        self._tokens.append(token)


class TokenCounts:
    """The tokens of a reply, counted as penalties need them."""

    def __init__(self, window: int, ngram: int, spared: frozenset[int]) -> None:
        """Begins a reply.

        Args:
            window: How many of the newest tokens `recent` tells of.
            ngram: Size of the runs that must not come twice; 0 for none.
            spared: Tokens that are never counted.
        """
        self._window, self._ngram, self._spared = window, ngram, spared
        self._newest: deque[int] = deque()
        self._recent: Counter[int] = Counter()
        self.counts: Counter[int] = Counter()
        """How often the reply has each token."""
        self._after: defaultdict[tuple[int, ...], set[int]] = defaultdict(set)
        self._tail: deque[int] = deque(maxlen=max(ngram - 1, 0))

    @property
    def recent(self) -> Iterator[int]:
        """The different tokens among the newest."""
        return iter(self._recent)

    def completing(self) -> set[int]:
        """Tokens that would complete a run of `ngram` tokens the reply already has."""
        if self._ngram < 1 or len(self._tail) < self._ngram - 1:
            return set()
        return self._after.get(tuple(self._tail), set())

    def push(self, token: int) -> None:
        if self._ngram:
            if len(self._tail) == self._ngram - 1:
                self._after[tuple(self._tail)].add(token)
            self._tail.append(token)
        if token in self._spared:
            return
        self.counts[token] += 1
        if self._window:
            self._newest.append(token)
            self._recent[token] += 1
            if len(self._newest) > self._window:
                old = self._newest.popleft()
                self._recent[old] -= 1
                if not self._recent[old]:
                    del self._recent[old]
