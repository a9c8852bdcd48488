"""What a character says word for word, where the dialogue model is not asked or has nothing new.

A character writes its own under `[lines]`; the house has some for each kind and language.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

HOUSE_LINES = Path(__file__).with_name("lines.toml")


class ScriptedLines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it says word for word where its dialogue model is not asked, or has nothing new to say;
    gestures as in replies. Kinds that are left out have lines of the house, in its language.
    """

    lost: list[str] = []
    """No new answer comes to it."""
    other_language: list[str] = []
    """Once, to somebody whose language it does not speak; one of them is drawn."""
    welcome_back: list[str] = []
    """The greeting of somebody whom it remembers by name, in place of `greeting`; `{name}` is
    theirs."""
    your_name: list[str] = []
    """It is asked for the user's name and mixes it up with its own; `{name}` is the user's."""
    my_name: list[str] = []
    """It gives itself another's name; `{self}` is its own."""
    again: list[str] = []
    """It is asked what it has answered, and has nothing to add; `{answer}` is what it said."""


def lines_of(own: ScriptedLines, kind: str, language: str) -> Sequence[str]:
    """The character's own lines of a kind, or the house's in its language; never empty.

    Args:
        own: What the character brings.
        kind: A field of `ScriptedLines`.
        language: BCP 47; English where the house has no lines in it.
    """
    written: list[str] = getattr(own, kind)
    if written:
        return written
    house = _house()
    return house.get(language.partition("-")[0].lower(), {}).get(kind) or house["en"][kind]


@cache
def _house() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads(HOUSE_LINES.read_text(encoding="utf-8"))
