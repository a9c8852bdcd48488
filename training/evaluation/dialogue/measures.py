"""What replies are like together: rules kept, faults, variety, how soon they come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from training.dialogue.check import distinct_n, words_of
from training.evaluation.dialogue.heard import PlayedScript, PlayedTurn

FAULTS: Final = (
    *("silent", "failed", "markup", "role_name", "out_of_role", "repeated", "nearly_repeated"),
    *("echo", "wrong_name"),
)


def scores(played: Sequence[PlayedScript]) -> dict[str, Any]:
    """All numbers of one mind."""
    turns = [turn for script in played for turn in script.turns]
    replies = [turn.heard.speech for turn in turns if turn.heard.speech]
    found = Counter(
        broken.removeprefix("fault: ")
        for turn in turns
        for broken in turn.broken
        if broken.startswith("fault: ")
    )
    first = [turn.heard.first_text_s for turn in turns if turn.heard.first_text_s is not None]
    return {
        "replies": len(turns),
        "rules": _kept(turns),
        "by_category": {
            category: _kept(
                [turn for one in played if category in one.categories for turn in one.turns]
            )
            for category in sorted({each for one in played for each in one.categories})
        },
        "faults": {name: found[name] / max(1, len(turns)) for name in FAULTS},
        "distinct_1": distinct_n(replies, 1),
        "distinct_2": distinct_n(replies, 2),
        "self_bleu": self_bleu(replies),
        "words": float(np.mean([words_of(each) for each in replies])) if replies else None,
        "first_text_s": {
            "p50": float(np.percentile(first, 50)) if first else None,
            "p95": float(np.percentile(first, 95)) if first else None,
        },
    }


def _kept(turns: Iterable[PlayedTurn]) -> float | None:
    """Share of the rules of scripts that were kept."""
    asked = missed = 0
    for turn in turns:
        asked += len(turn.rules)
        missed += sum(not broken.startswith("fault: ") for broken in turn.broken)
    return 1 - missed / asked if asked else None


def self_bleu(replies: Sequence[str], *, most: int = 3, sample: int = 200) -> float | None:
    """How much of a reply's runs of words other replies hold, too (Zhu et al. 2018): 0 is varied.

    The mean over replies of the geometric mean of precisions of 1 to `most` words.
    """
    spoken = [tuple(reply.casefold().split()) for reply in replies[:sample]]
    spoken = [words for words in spoken if len(words) >= most]
    if len(spoken) < 2:
        return None
    counts = [
        Counter(run for words in spoken for run in set(_runs(words, n))) for n in range(1, most + 1)
    ]
    found = []
    for words in spoken:
        precisions = []
        for n, count in enumerate(counts, start=1):
            runs = _runs(words, n)
            precisions.append(sum(count[run] > 1 for run in runs) / len(runs))
        found.append(float(np.prod(precisions)) ** (1 / most))
    return float(np.mean(found))


def _runs(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
