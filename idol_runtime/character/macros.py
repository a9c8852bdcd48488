"""What character cards write in double braces: `{{char}}`, `{{user}}` and their kin."""

import random
import re
from typing import Final

SOMEBODY: Final = "the user"
"""Whom a text means that speaks of `{{user}}` before anybody is known."""
_MACRO: Final = re.compile(r"\{\{([^{}]{0,500})\}\}|<(user|bot|char)>", re.IGNORECASE)
_VOCATIVE: Final = re.compile(r",[ ]?(?:\{\{user\}\}|<user>)(?=[ ]?(?:[,.!?;:~…]|$))", re.I)


def expand(text: str, char: str, user: str = SOMEBODY) -> str:
    """The text with names in place of macros, and without comments.

    What a macro draws is drawn from the text itself, so that the same text is always the same.
    Braces that mean nothing here stay.
    """
    if "{{" not in text and "<" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        inside = (found[1] if found[1] is not None else found[2]).strip()
        name, _, given = inside.partition(":")
        match name.strip().lower():
            case "char" | "bot":
                return char
            case "user":
                return user
            case "random" | "pick":
                options = re.split(r"(?<!\\),", given.lstrip(":"))
                return _drawn(found).choice(options).replace("\\,", ",").strip()
            case "roll" if (sides := given.strip().lower().removeprefix("d")).isdecimal():
                return str(_drawn(found).randint(1, max(1, int(sides[:9]))))
            case "reverse":
                return given[::-1]
            case "original" | "trim" | "comment" | "hidden_key":
                return ""
            case _ if inside.startswith("//"):
                return ""
        return found[0]

    def _drawn(found: re.Match[str]) -> random.Random:
        return random.Random(f"{found.start()} {text}")

    return _MACRO.sub(value, text)


def expand_spoken(text: str, char: str) -> str:
    """A text that is said aloud to somebody whose name is not known: "Hi, {{user}}!" is "Hi!"."""
    return expand(_VOCATIVE.sub("", text), char, "you")
