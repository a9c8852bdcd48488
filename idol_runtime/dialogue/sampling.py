"""Logits to the next token. Arrays of logits have shape (vocab,), float32.

A pass over a vocabulary of 150,000 takes as long as all the rest, so there are two: the largest
logit, and what is close enough to it to be drawn at all.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.messages import GenerationOptions
from idol_runtime.dialogue.repetition import RepeatedRuns, TokenCounts
from idol_runtime.errors import InputError

Logits = NDArray[np.float32]

FREE_SHARE: Final = 0.25
"""Where fewer tokens than this may be drawn, as in a tag, runs of them may come again."""
COLUMNS: Final = 1024
MANY: Final = 64
"""Columns with something to be drawn: with more of them a second pass is quicker."""
NEVER: Final = 40.0
"""Nats below the likeliest at which a token has no share of a draw that a float64 can tell."""


class Sampler:
    """Draws the tokens of one reply."""

    def __init__(
        self,
        options: GenerationOptions,
        *,
        spared: frozenset[int] = frozenset(),
        bias: Mapping[int, float] | None = None,
        runs: RepeatedRuns | None = None,
    ) -> None:
        """Begins a reply.

        Args:
            options: How to draw; `seed` is the only source of chance.
            spared: Tokens that may repeat without a penalty: those that end a reply.
            bias: Added to logits, by token.
            runs: For the DRY penalty; None for none.
        """
        self._options, self._spared, self._runs = options, spared, runs
        self._rng = np.random.default_rng(options.seed)
        self._said = TokenCounts(options.repetition_window, options.no_repeat_ngram, spared)
        self._bias_ids = np.fromiter(bias or (), np.int64)
        self._bias = np.fromiter((bias or {}).values(), np.float32)

    def draw(self, logits: Logits, allowed: NDArray[np.int32] | None = None) -> int:
        """The next token, which `push` is to be told.

        Args:
            logits: Of the next position; changed.
            allowed: A bit for each token, 32 in a word, the lowest first; None for all.
        """
        options, said = self._options, self._said
        if self._bias.size:
            logits[self._bias_ids] += self._bias
        if options.repetition_penalty != 1:
            penalize(logits, said.recent, options.repetition_penalty)
        if options.presence_penalty or options.frequency_penalty:
            self._count(logits)
        if self._runs is not None:
            self._dry(logits, self._runs)
        is_free = allowed is None or keep_allowed(logits, allowed) > FREE_SHARE * logits.size
        if is_free and (repeats := said.completing()):
            forbid(logits, repeats)
        if options.temperature == 0:
            return int(logits.argmax())
        ids, sums = candidates(logits, options)
        return int(ids[sums.searchsorted(self._rng.random() * sums[-1], "right")])

    def push(self, token: int) -> None:
        """The reply goes on with `token`, drawn or not."""
        self._said.push(token)
        if self._runs is not None:
            self._runs.push(token)

    def _count(self, logits: Logits) -> None:
        counts = self._said.counts
        if not counts:
            return
        ids = np.fromiter(counts, np.int64)
        times = np.fromiter(counts.values(), np.float32)
        options = self._options
        logits[ids] -= options.presence_penalty + options.frequency_penalty * times

    def _dry(self, logits: Logits, runs: RepeatedRuns) -> None:
        options = self._options
        for token, size in runs.repeats().items():
            if token not in self._spared:
                more = size - options.dry_length
                logits[token] -= options.dry_multiplier * options.dry_base**more


def new_sampler(
    options: GenerationOptions, chat: ChatTokenizer, end_ids: frozenset[int]
) -> Sampler:
    """The sampler of one reply, told what its options say in words.

    Raises:
        InputError: a bias is for a text that is no token.
    """
    bias: dict[int, float] = {}
    for text, value in options.logit_bias.items():
        if not (ids := chat.bytes.ids_of(text)):
            raise InputError(
                f"Expected texts of single tokens in logit_bias, found one of {len(text)} "
                "characters that is none in this model's vocabulary; leave it out."
            )
        bias |= dict.fromkeys(ids, value)
    breakers = [text.encode() for text in options.dry_breakers]

    def is_breaker(token: int) -> bool:
        return any(each in chat.bytes.of(token) for each in breakers)

    runs = None
    if options.dry_multiplier:
        earlier = [chat.encode_text(text) for text in options.fresh_against]
        runs = RepeatedRuns(options.dry_length, earlier, cache(is_breaker))
    return Sampler(options, spared=end_ids, bias=bias, runs=runs)


def penalize(logits: Logits, ids: Iterable[int], penalty: float) -> None:
    """Makes `ids` less likely: positive logits are divided by `penalty`, negative multiplied.

    Keskar et al. 2019, CTRL (arXiv:1909.05858), section 4.1.
    """
    chosen = np.fromiter(ids, np.int64)
    values = logits[chosen]
    logits[chosen] = np.where(values > 0, values / penalty, values * penalty)


def forbid(logits: Logits, ids: Collection[int]) -> None:
    """Takes `ids` out, unless nothing would be left: then none of them is better than another."""
    chosen = np.fromiter(ids, np.int64)
    values = logits[chosen]
    logits[chosen] = -np.inf
    if logits.max() == -np.inf:
        logits[chosen] = values


def keep_allowed(logits: Logits, allowed: NDArray[np.int32]) -> int:
    """Takes out the tokens whose bit is 0, and tells how many are left."""
    bits = np.unpackbits(allowed.view(np.uint8), count=logits.size, bitorder="little")
    np.copyto(logits, -np.inf, where=bits == 0)
    return int(np.count_nonzero(bits))


def candidates(
    logits: Logits, options: GenerationOptions
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids that may be drawn, most likely first, with the sums of their weights up to each.

    The most likely always stays; its weight is 1.

    Top-k first, then min-p (Nguyen et al. 2024, arXiv:2407.01082) and top-p (Holtzman et al. 2020,
    arXiv:1904.09751) of what is left. Of equal logits the lower id is the more likely.
    """
    columns = Columns(logits)
    reach = min(-math.log(options.min_p), NEVER) if options.min_p > 0 else NEVER
    # A little more than what stays: what is at the edge is compared exactly below.
    floor = columns.largest - options.temperature * reach * 1.000001 - 1e-6
    total = None
    if 0 < options.top_k < logits.size:
        floor = max(floor, columns.bound(options.top_k))
    elif options.top_p < 1 and options.min_p == 0:
        nucleus, total = nucleus_bound(logits, columns.largest, options)
        floor = max(floor, nucleus)
    ids = columns.reaching(floor)
    falling = -logits[ids]
    order = falling.argsort(kind="stable")
    if options.top_k:
        order = order[: options.top_k]
    falling = falling[order].astype(np.float64)
    weights = np.exp((falling[0] - falling) / options.temperature)
    # The weights fall from 1, so that what stays is a beginning.
    sums = weights[: int(np.count_nonzero(weights >= max(options.min_p, 1e-300)))].cumsum()
    if options.top_p < 1:
        sums = sums[: int(sums.searchsorted(options.top_p * (total or sums[-1]))) + 1]
    return ids[order[: sums.size]], sums


class Columns:
    """The largest logit of every 1024th: found in one pass, and enough to find all others by."""

    def __init__(self, logits: Logits) -> None:
        rows = logits.size // COLUMNS
        self._logits, self._begun = logits, rows * COLUMNS
        self._grid, self._rest = logits[: self._begun].reshape(rows, COLUMNS), logits[self._begun :]
        self._largest = self._grid.max(axis=0) if rows else logits[:0]
        self.largest = max(float(part.max()) for part in (self._largest, self._rest) if part.size)

    def bound(self, k: int) -> float:
        """A value that at least `k` logits reach: as many columns do. -inf for a large `k`."""
        if k > self._largest.size:
            return -math.inf
        return float(np.partition(self._largest, -k)[-k])

    def reaching(self, floor: float) -> NDArray[np.int64]:
        """The places of the logits that are at least `floor`, the lowest first."""
        columns = np.flatnonzero(self._largest >= floor)
        if columns.size > MANY:
            return np.flatnonzero(self._logits >= floor)
        row, column = np.divmod(
            np.flatnonzero(self._grid.take(columns, axis=1) >= floor), max(columns.size, 1)
        )
        found = row * COLUMNS + columns[column]
        if not self._rest.size:
            return found
        return np.concatenate([found, self._begun + np.flatnonzero(self._rest >= floor)])


def nucleus_bound(
    logits: Logits, largest: float, options: GenerationOptions
) -> tuple[float, float]:
    """A value whose reachers weigh more than `top_p` of all, and what all weigh."""
    scaled = (logits.astype(np.float64) - largest) / options.temperature
    weights = np.exp(scaled)
    total, reach = float(weights.sum()), 2.0
    while reach < NEVER and weights[scaled >= -reach].sum() <= options.top_p * total:
        reach *= 2
    return largest - min(reach, NEVER) * options.temperature, total
