"""Decorators of Character Card V3: lines `@@name value` at the beginning of a lore entry's text."""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Role: TypeAlias = Literal["system", "user", "assistant"]
_DECORATOR: Final = re.compile(r"(@{2,3})([a-z_]+)(?:[ \t]+(.*))?")
_NUMBERS: Final = frozenset(
    {"depth", "reverse_depth", "scan_depth", "activate_only_after", "activate_only_every"}
)
_FLAGS: Final = frozenset(
    {"activate", "dont_activate", "keep_activate_after_match", "dont_activate_after_match"}
)
_LISTS: Final = frozenset({"additional_keys", "exclude_keys"})
_POSITIONS: Final = frozenset({"before_desc", "after_desc", "personality", "scenario"})


@dataclass(frozen=True, slots=True)
class Decorators:
    """When an entry is told and where; what other programs' decorators say is left out."""

    depth: int | None = None
    """Before how many of the last messages it is told; None where notes are told."""
    reverse_depth: int | None = None
    """Behind how many of the first messages."""
    role: Role = "system"
    scan_depth: int | None = None
    activate_only_after: int = 0
    """Not before the character has given so many answers."""
    activate_only_every: int = 1
    """Only where the number of its answers can be divided by this."""
    activate: bool = False
    dont_activate: bool = False
    keep_activate_after_match: bool = False
    dont_activate_after_match: bool = False
    additional_keys: tuple[str, ...] = ()
    """One of them has to come up as well."""
    exclude_keys: tuple[str, ...] = ()
    """None of them may come up."""
    in_persona: bool = False
    """Told with the persona (`@@position`), not right before the answer."""


def read_decorators(text: str) -> tuple[Decorators, str]:
    """The decorators of a text and the text without them. Of two of one name the first counts;
    `@@@` is asked where the one before it is not known.
    """
    values: dict[str, Any] = {}
    lines = text.split("\n")
    at, is_fallback_asked = 0, False
    for at, line in enumerate([*lines, ""]):  # noqa: B007  where the text begins
        found = _DECORATOR.fullmatch(line.strip())
        if found is None:
            break
        signs, name, value = found[1], found[2], (found[3] or "").strip()
        if len(signs) == 3 and not is_fallback_asked:
            continue
        read = _value(name, value)
        is_fallback_asked = read is None
        if read is not None:
            values.setdefault(*read)
    return Decorators(**values), "\n".join(lines[at:]).strip()


def _value(name: str, value: str) -> tuple[str, object] | None:
    """The field it sets and to what; None for what is not known or makes no sense."""
    if name in _NUMBERS and re.fullmatch(r"\d{1,6}", value):
        return name, max(1, int(value)) if name == "activate_only_every" else int(value)
    if name in _FLAGS:
        return name, True
    if name in _LISTS and value:
        return name, tuple(key for each in value.split(",") if (key := each.strip()))
    if name == "role" and value in ("system", "user", "assistant"):
        return name, value
    if name == "position" and value in _POSITIONS:
        return "in_persona", True
    return None
