"""Logits to the next token. Arrays have shape (vocab,), float32."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from idol_runtime.dialogue.messages import GenerationOptions

Logits = NDArray[np.float32]


def next_token(
    logits: Logits,
    reply: Sequence[int],
    options: GenerationOptions,
    rng: np.random.Generator,
    *,
    spared: frozenset[int] = frozenset(),
) -> int:
    """Draws a token.

    Args:
        logits: Of the next position; left as they are.
        reply: Tokens of the reply so far.
        options: How to draw.
        rng: The only source of chance; greedy drawing does not touch it.
        spared: Tokens that may repeat without a penalty: those that end a reply.
    """
    logits = logits.copy()
    recent = reply[-options.repetition_window :] if options.repetition_window else []
    penalize(logits, set(recent) - spared, options.repetition_penalty)
    repeats = repeating(reply, options.no_repeat_ngram)
    if len(repeats) < logits.size:  # where every token repeats something, none is better
        forbid(logits, repeats)
    if options.temperature == 0:
        return int(logits.argmax())
    ids, weights = candidates(logits, options)
    return int(ids[np.searchsorted(np.cumsum(weights), rng.random() * weights.sum(), "right")])


def penalize(logits: Logits, ids: Iterable[int], penalty: float) -> None:
    """Makes `ids` less likely: positive logits are divided by `penalty`, negative multiplied.

    Keskar et al. 2019, CTRL (arXiv:1909.05858), section 4.1.
    """
    chosen = np.fromiter(ids, np.int64)
    chosen = chosen[chosen < logits.size]
    values = logits[chosen]
    logits[chosen] = np.where(values > 0, values / penalty, values * penalty)


def repeating(reply: Sequence[int], size: int) -> set[int]:
    """Tokens that would complete a run of `size` tokens the reply already has."""
    if size < 1 or len(reply) < size:
        return set()
    tail = tuple(reply[len(reply) - size + 1 :])
    starts = range(len(reply) - size + 1)
    return {reply[at + size - 1] for at in starts if tuple(reply[at : at + size - 1]) == tail}


def forbid(logits: Logits, ids: Iterable[int]) -> None:
    logits[np.fromiter(ids, np.int64)] = -np.inf


def candidates(
    logits: Logits, options: GenerationOptions
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Ids that may be drawn, most likely first, with their unnormalised weights.

    Top-k first, then top-p (Holtzman et al. 2020, arXiv:1904.09751) and min-p (Nguyen et al.
    2024, arXiv:2407.01082) of what is left; the most likely token always stays.
    """
    if 0 < options.top_k < logits.size:
        ids = np.argpartition(-logits, options.top_k - 1)[: options.top_k]
    else:
        ids = np.arange(logits.size)
    ids = ids[np.lexsort((ids, -logits[ids]))]
    scaled = logits[ids].astype(np.float64) / options.temperature
    weights = np.exp(scaled - scaled[0])
    weights /= weights.sum()
    before = np.cumsum(weights) - weights
    keep = (before < options.top_p) & (weights >= options.min_p * weights[0])
    keep &= weights > 0
    keep[0] = True
    return ids[keep], weights[keep]
