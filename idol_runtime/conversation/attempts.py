"""A reply that is new: another one is asked for while nothing of a stale one has been said."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, TypeAlias

from idol_runtime.conversation.freshness import SHORT, Freshness, Staleness, words_of
from idol_runtime.stage.utterance import Line

ATTEMPTS: Final = 3
"""Replies that are asked for at most; each costs the time of its first clause."""


@dataclass(frozen=True, slots=True)
class ReplyClause:
    """A clause of a reply."""

    line: Line
    shown: str
    """Its text as it is shown, with the white space around it."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The first clause that was left out."""

    why: Staleness
    text: str


ReplyClauses: TypeAlias = AsyncGenerator[ReplyClause, None]


async def fresh_clauses(
    attempt: Callable[[int], ReplyClauses],
    freshness: Freshness,
    way_out: Callable[[Stale | None], ReplyClauses],
    on_stale: Callable[[Staleness], None],
) -> ReplyClauses:
    """The clauses of the first reply that says something new.

    A stale clause before anything was said ends an attempt. Later ones are left out, and one that
    repeats what was said ends the reply: a model that has begun to repeat itself goes on so. Short
    ones that repeat something (`Of course!`) are left out, wherever they stand. A first phrase that
    was said before (`I'm sorry,`) waits for what it begins.

    Args:
        attempt: Asks for a reply, with the number of the attempt from 0.
        freshness: Knows what was said before.
        way_out: What is said where no attempt was new, or all were empty (None).
        on_stale: Told why a clause is left out, for each.
    """
    num_words, is_said, first = 0, False, None
    for number in range(ATTEMPTS):
        is_stale, held = False, None
        async with aclosing(attempt(number)) as clauses:
            async for clause in clauses:
                text = clause.line.text
                why = freshness.staleness(text)
                if why is None and held is None and not is_said and freshness.is_open(text):
                    held = clause
                    continue
                if why is None:
                    for each in (clause,) if held is None else (held, clause):
                        freshness.add(each.line.text)
                        num_words += len(words_of(each.line.text))
                        yield each
                    is_said, held = True, None
                    continue
                on_stale(why)
                is_stale, first = True, first or Stale(why, text)
                if why == "repeats" and len(words_of(text)) < SHORT:
                    continue
                if why == "repeats" or num_words < SHORT:
                    break
        if held is not None and not is_stale:
            yield held
            is_said = True
        if num_words >= SHORT or (is_said and not is_stale):
            return
    async with aclosing(way_out(first)) as clauses:
        async for clause in clauses:
            yield clause
