"""What a prompt says of who is talked with: plain sentences, within a budget."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from idol_runtime.mind.memory.store import KeptFact
from idol_runtime.mind.memory.wording import day_name, of_them

CORE: Final = ("place", "job", "family", "pet", "age")
"""Kinds that say who somebody is; the most important of them are always told."""
MOST_CORE: Final = 4
NAMELESS: Final = "The user"
_CHARACTERS_A_TOKEN: Final = 4.0
_TOLD_SOMETIME: Final = ("event", "plan", "promise")


def tokens_in(text: str) -> float:
    """About how many tokens a text is to a model; signs of Japanese and Chinese count whole."""
    wide = 0 if text.isascii() else sum(ord(each) > 0x2E7F for each in text)
    return wide + (len(text) - wide) / _CHARACTERS_A_TOKEN + 1


def greeting_note(name: str) -> str:
    return f"You are talking with {name}."


def note_of(memory: KeptFact, name: str, today: date) -> str:
    """A memory as a sentence."""
    who, fact = name or NAMELESS, memory.fact
    if fact.slot.startswith("hers/"):
        return f"You promised {name or 'them'} {fact.text}."
    if fact.kind == "talk":
        return f"You talked with {name or 'them'} {_when(memory.said_s, today)}: {fact.text}"
    if fact.kind not in _TOLD_SOMETIME:
        return f"{who} {fact.text}."
    return f"{who} told you {_when(memory.said_s, today)} that they {of_them(fact.text)}."


def chosen(
    memories: Sequence[KeptFact], worth: Sequence[float], budget: float, name: str, today: date
) -> tuple[list[str], list[KeptFact]]:
    """The notes that fit, and the memories they are of; what is worth most stands last, where
    small models read best.

    Args:
        memories: Of one person; the name is not among the notes.
        worth: Of each, for what was just said.
        budget: Tokens.
        name: Of the person, or empty.
        today: Days are told from it.
    """
    order = sorted(range(len(memories)), key=lambda at: -worth[at])
    core = sorted(
        (at for at in order if memories[at].fact.kind in CORE),
        key=lambda at: -memories[at].importance,
    )[:MOST_CORE]
    taken: list[int] = []
    for at in dict.fromkeys([*core[:2], *order[:2], *core, *order]):
        if memories[at].fact.kind == "name":
            continue
        cost = tokens_in(note_of(memories[at], name, today))
        if cost <= budget:
            budget -= cost
            taken.append(at)
    taken.sort(key=lambda at: worth[at])
    kept = [memories[at] for at in taken]
    return [note_of(each, name, today) for each in kept], kept


def _when(said_s: float, today: date) -> str:
    day = date.fromtimestamp(said_s)
    days = (today - day).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"on {day_name(day)}"
