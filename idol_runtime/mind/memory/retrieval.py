"""Which memories belong to what was just said: recency, relevance and importance, as in Park et
al. 2023 (Generative Agents, arXiv:2304.03442, section 4.1).
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.mind.memory.store import KeptFact

DECAY_PER_HOUR: Final = 0.995
"""Of recency, since a memory last came into a conversation."""
NEAR: Final = 0.3
"""A cosine of sentence vectors from which on two sentences have to do with each other; of MiniLM,
unrelated ones lie between -0.1 and 0.2."""
_WORD: Final = re.compile(r"[^\W\d_]{3,}|\d+|[\u3040-\u30ff\u3400-\u9fff]")
_LITTLE: Final = """
the and you your what who how why where when does did are was were has have had their they them that
this with for from about can not but any some know tell remember said will would there its like
likes
"""
_EMPTY: Final = frozenset(_LITTLE.split())
_ASKED_FOR: Final = (
    (re.compile(r"(?i)\b(?:name|called|who am i|who i am|call me)\b"), ("name",)),
    (re.compile(r"(?i)\bwhere\b.*\b(?:live|from|born|home)\b|\b(?:city|town|country)\b"), ("place",)),  # noqa: E501
    (re.compile(r"(?i)\bhow old\b|\b(?:my|your) age\b"), ("age",)),
    (re.compile(r"(?i)\bbirthday\b|\bwhen was i born\b"), ("birthday",)),
    (re.compile(r"(?i)\b(?:job|work|living|profession|study|do i do)\b"), ("job",)),
    (re.compile(r"(?i)\b(?:pets?|dogs?|cats?|animals?)\b"), ("pet",)),
    (re.compile(r"(?i)\b(?:favou?rite|like|love|enjoy|hobby|hobbies)\b"), ("like", "dislike")),
    (re.compile(r"(?i)\b(?:hate|dislike|afraid|scared)\b"), ("dislike",)),
    (
        re.compile(
            r"(?i)\b(?:family|sister|brother|mother|father|mom|mum|dad|wife|husband|children|kids"
            r"|son|daughter|friend)s?\b"
        ),
        ("family",),
    ),
    (re.compile(r"(?i)\b(?:plans?|going to|tomorrow|weekend|next)\b"), ("plan", "promise")),
    (re.compile(r"(?i)\bpromised?\b"), ("promise",)),
)  # fmt: skip
"""Kinds of facts that a question is about."""


def kinds_asked_for(said: str) -> frozenset[str]:
    """The kinds of facts that something said has to do with, by its words."""
    return frozenset(
        kind for pattern, kinds in _ASKED_FOR if pattern.search(said) for kind in kinds
    )


def words_in_common(said: str, text: str) -> float:
    """From 0 to 1: how much of the words of a memory was said, plurals and all alike."""
    ours, theirs = _words(text), _words(said)
    return len(ours & theirs) / max(1, min(len(ours), 4)) if ours else 0.0


def relevance_by_words(said: str, memories: Sequence[KeptFact]) -> NDArray[np.float32]:
    """Shape (len(memories),), from 0 to 1."""
    asked = kinds_asked_for(said)
    return np.array(
        [
            max(words_in_common(said, each.fact.text), 0.9 * (each.fact.kind in asked))
            for each in memories
        ],
        np.float32,
    )


def relevance_by_meaning(
    said: NDArray[np.float32], memories: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Cosines of unit vectors, from 0 at `NEAR` to 1; shapes (d,) and (n, d) to (n,)."""
    return np.asarray(np.clip((memories @ said - NEAR) / (1 - NEAR), 0, 1), np.float32)


def scores(
    memories: Sequence[KeptFact], relevance: NDArray[np.float32], now_s: float
) -> NDArray[np.float32]:
    """The sum of recency, relevance and importance, each from 0 to 1. Shape (len(memories),)."""
    hours = np.array([max(0.0, now_s - each.used_s) / 3600 for each in memories], np.float32)
    importance = np.array([each.importance for each in memories], np.float32)
    return np.asarray(DECAY_PER_HOUR**hours + relevance + importance, np.float32)


def _words(text: str) -> frozenset[str]:
    found = (word.lower() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in found if word not in _EMPTY)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
