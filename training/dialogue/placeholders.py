"""Placeholders of screenplays filled with values, so that no name or price is learned by heart."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.dialogue.scenes import PersonaSheet, ScreenplayError, ScriptLine, Talk

_PLACEHOLDER: Final = re.compile(r"\{(?P<first>[a-z]+\d*)(?P<rest>(?:[-+*](?:[a-z]+\d*|\d+))*)\}")
_BEGINS: Final = re.compile(r"(?:^|\n|[.!?\]] )[¡¿]?$")
"""Before the first word of a sentence."""
_TERM: Final = re.compile(r"([-+*])([a-z]+\d*|\d+)")


@dataclass(frozen=True, slots=True)
class DrawnExchange:
    """What was said to the mind, and what it answered."""

    notes: tuple[str, ...]
    speaker: str
    """Empty where the conversation has only one."""
    said: str
    replies: tuple[str, ...]
    """One, or several with the results of actions between them."""
    results: tuple[tuple[str, ...], ...] = ()
    """Before the second, third, ... reply."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A talk with its placeholders filled and one wording chosen everywhere."""

    name: str
    persona: str
    actions: tuple[str, ...]
    tags: tuple[str, ...]
    exchanges: tuple[DrawnExchange, ...]


class Values:
    """Draws the values of placeholders; the same placeholder has the same value throughout."""

    def __init__(
        self, lists: Mapping[str, Sequence[str]], rng: random.Random, lang: str = "en"
    ) -> None:
        """`lists` holds `name` and, for a language of its own, `name.ja`."""
        self._lists = lists
        self._rng = rng
        self._lang = lang
        self._drawn: dict[str, str] = {}

    def let(self, name: str, value: str) -> None:
        self._drawn[name] = value

    def fill(self, text: str) -> str:
        """Raises ScreenplayError for a placeholder without values, or a sum of no number."""
        return _PLACEHOLDER.sub(self._filled, text)

    def _filled(self, match: re.Match[str]) -> str:
        first, rest = match["first"], match["rest"]
        if not rest:
            value = self._value(first)
            begins = _BEGINS.search(match.string[: match.start()])
            return value[:1].upper() + value[1:] if begins else value
        total = self._number(first)
        for sign, term in _TERM.findall(rest):
            number = int(term) if term.isdigit() else self._number(term)
            total = (
                total + number if sign == "+" else total - number if sign == "-" else total * number
            )
        return str(total)

    def _number(self, name: str) -> int:
        value = self._value(name)
        if not value.isdigit():
            raise ScreenplayError(f"{{{name}}} is {value}; sums are of whole numbers")
        return int(value)

    def _value(self, name: str) -> str:
        if name not in self._drawn:
            plain = name.rstrip("0123456789")
            values = self._lists.get(f"{plain}.{self._lang}") or self._lists.get(plain)
            if values is None:
                raise ScreenplayError(
                    f"{{{name}}} has no values; write `let: {plain} = ...` or a line of values.txt"
                )
            taken = {
                value
                for key, value in self._drawn.items()
                if key.rstrip("0123456789") == plain or not value.isdigit()
            }
            left = [value for value in values if value not in taken]
            if not left:
                raise ScreenplayError(
                    f"{{{name}}} needs more values than the {len(values)} of {plain}"
                )
            self._drawn[name] = self._rng.choice(left)
        return self._drawn[name]


def read_values(path: Path) -> dict[str, tuple[str, ...]]:
    """Lines `name = Sam | Aiko`; `#` begins a comment."""
    lists: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, values = line.partition(" = ")
        words = tuple(value.strip() for value in values.split(" | "))
        if not equals or not all(words) or name in lists:
            raise ScreenplayError(
                f"{path.name}, line {number}: expected NAME = VALUE | VALUE, once"
            )
        lists[name] = words
    return lists


def draw(
    talk: Talk,
    personas: Mapping[str, PersonaSheet],
    lists: Mapping[str, Sequence[str]],
    rng: random.Random,
) -> Drawn:
    """One example of a talk: the same random state gives the same example."""
    if talk.persona not in personas:
        raise ScreenplayError(f"@talk {talk.persona}: no @persona {talk.persona} is written")
    sheet = personas[talk.persona]
    marked = [tag.removeprefix("lang:") for tag in talk.tags if tag.startswith("lang:")]
    values = Values(
        {**lists, **sheet.values, **talk.values}, rng, marked[0] if marked else sheet.lang
    )
    values.let("self", rng.choice(sheet.names))
    persona = values.fill(rng.choice(sheet.texts))
    exchanges = exchanges_of(talk.beats, values, rng)
    actions = tuple(values.fill(action) for action in sheet.actions)
    return Drawn(values.fill("{self}"), persona, actions, talk.tags, exchanges)


def exchanges_of(
    beats: Sequence[ScriptLine], values: Values, rng: random.Random
) -> tuple[DrawnExchange, ...]:
    """Beats folded into exchanges, with the notes that hold for each."""
    exchanges: list[DrawnExchange] = []
    notes: tuple[str, ...] = ()
    kind_before = ""
    pending: list[str] = []
    for beat in beats:
        text = values.fill(rng.choice(beat.texts)) if beat.texts else ""
        match beat.kind:
            case "N":
                earlier = notes if kind_before == "N" else ()
                notes = () if text == "-" else (*earlier, text)
            case "U":
                exchanges.append(DrawnExchange(notes, values.fill(beat.speaker), text, ()))
            case "R":
                pending.append(text)
            case "A":
                last = exchanges[-1]
                results = (*last.results, tuple(pending)) if last.replies else last.results
                exchanges[-1] = DrawnExchange(
                    last.notes, last.speaker, last.said, (*last.replies, text), results
                )
                pending = []
        kind_before = beat.kind
    return tuple(exchanges)
