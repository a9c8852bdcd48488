"""Nothing is said twice: a reply is compared with what was said before its first clause is spoken.

Small models fall into loops: the same sentence turn after turn, the user's own words, an example or
the persona read aloud. A clause is compared by its words, with runs of words where it differs a
little; Chinese and Japanese, which have no spaces, by their signs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from idol_runtime.conversation.identity import is_somebody_else

Staleness: TypeAlias = Literal["repeats", "echoes", "quotes", "poses"]
"""It said that before; the user just did; it stands in what the model was told; it gives itself
another's name.
"""

RUN: Final = 3
"""Words of the runs that two clauses are compared by."""
SAME: Final = 0.75
"""A clause that shares this share of its runs with one said before says the same."""
SHORT: Final = 4
"""Clauses of fewer words (`Of course!`, `Thank you, Sam.`) may come again after some replies."""
RECENT: Final = 8
"""So many replies."""
QUOTED: Final = 7
"""So many words in a row from the prompt are read aloud."""
ECHOED: Final = 4
"""So many words in a row are the user's: most of a clause, or what the user said of themselves."""
_ENDS: Final = tuple(".!?…。！？")
_OF_ONESELF: Final = "i i'm i've i'd my me mine myself 我 私 僕 俺 yo mi je ich mein"
_SELF: Final = frozenset(_OF_ONESELF.split(" "))
_WORD: Final = re.compile(r"[぀-ヿ㐀-鿿가-힣]|[^\W_]+(?:['’][^\W_]+)*")

Words: TypeAlias = tuple[str, ...]


def words_of(text: str) -> Words:
    """Its words in small letters, without marks: `"Hi, Sam!"` has the words of `hi sam`."""
    return tuple(word.replace("’", "'") for word in _WORD.findall(text.casefold()))


def are_alike(one: str, other: str) -> bool:
    """Whether two texts say about the same, by the words they share."""
    first, second = set(words_of(one)), set(words_of(other))
    return bool(first) and len(first & second) >= SAME * len(first | second)


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """What a reply is compared with."""

    own: tuple[Sequence[str], ...] = ()
    """Clauses of the character's earlier replies, the newest reply last."""
    name: str = ""
    """The character's."""
    others: frozenset[str] = frozenset()
    """Names of those it talks with, in small letters."""
    said: str = ""
    """What the user just said."""
    read: tuple[str, ...] = ()
    """What the model was told: persona, notes, examples."""


class Freshness:
    """Compares the clauses of one reply with what was said, and with one another."""

    def __init__(self, before: SaidBefore) -> None:
        own = [words_of(clause) for reply in before.own for clause in reply]
        self._own = {words for words in own if len(words) >= SHORT}
        self._own_runs = [set(_runs(words, RUN)) for words in self._own]
        self._recent = {words_of(clause) for reply in before.own[-RECENT:] for clause in reply}
        self._said = words_of(before.said)
        self._user = set(_runs(self._said, ECHOED))
        self._name, self._others = before.name, before.others
        self._persona = ("you", "are", *words_of(before.name)[:1])
        self._prompt = {run for text in before.read for run in _runs(words_of(text), QUOTED)}
        self._reply: list[Words] = []

    def staleness(self, clause: str) -> Staleness | None:
        """Why the reply's next clause is not to be said, or None when it is new."""
        words = words_of(clause)
        if not words:
            return None
        if is_somebody_else(clause, self._name, self._others):
            return "poses"
        if self._repeats(words, clause):
            return "repeats"
        if words[:3] == self._persona or any(run in self._prompt for run in _runs(words, QUOTED)):
            return "quotes"
        return "echoes" if self._echoes(words, clause) else None

    def is_open(self, clause: str) -> bool:
        """Whether it begins as something that was said: what follows shows if it is new."""
        words = words_of(clause)
        return clause.rstrip()[-1:] not in _ENDS and words in self._recent

    def add(self, clause: str) -> None:
        """The clause is said."""
        words = words_of(clause)
        self._reply.append(words)
        if len(words) >= SHORT:
            self._own.add(words)
            self._own_runs.append(set(_runs(words, RUN)))

    def _repeats(self, words: Words, clause: str) -> bool:
        if words in self._own:
            return True
        if len(words) < SHORT:
            if clause.rstrip()[-1:] not in _ENDS:  # `I'm sorry,` begins something that may be new
                return False
            if " ".join(words) in self._others:  # who is called by name is called again
                return False
            return words in self._recent or words in self._reply
        runs = set(_runs(words, RUN))
        return any(
            len(runs & other) >= SAME * max(len(runs), len(other)) for other in self._own_runs
        )

    def _echoes(self, words: Words, clause: str) -> bool:
        """The user's own sentence, or most of it; or what they said of themselves.

        A question gives words back on purpose: `A baker? So you get up at three?`
        """
        if words == self._said and len(words) > 1:
            return True
        shared = [run for run in _runs(words, ECHOED) if run in self._user]
        if any(not _SELF.isdisjoint(run) for run in shared):
            return True
        if clause.rstrip().endswith(("?", "？")):
            return False
        runs = [run in self._user for run in _runs(words, ECHOED)]
        covered = sum(any(runs[max(0, at - ECHOED + 1) : at + 1]) for at in range(len(words)))
        return covered > SAME * len(words)


def _runs(words: Words, size: int) -> list[Words]:
    return [words[at : at + size] for at in range(len(words) - size + 1)]
