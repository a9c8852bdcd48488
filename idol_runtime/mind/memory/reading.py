"""What is learned of somebody from one line that they say: rules, no model. English, and names in
some other languages.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from idol_runtime.mind.memory.doings import doings_of, is_secret
from idol_runtime.mind.memory.facts import MAX_TEXT, Change, Fact, Learned
from idol_runtime.mind.memory.habits import habits_of
from idol_runtime.mind.memory.life import life_of
from idol_runtime.mind.memory.names import foreign_name_of, name_answered, name_of
from idol_runtime.mind.memory.people import people_of
from idol_runtime.mind.memory.statements import Statement, statements_of
from idol_runtime.mind.memory.tastes import tastes_of
from idol_runtime.mind.memory.working import work_of

MOST_READ: Final = 1_000
"""Characters of a line; who says more than that at once tells a story."""


def changes_in(said: str, today: date, asked: str = "") -> tuple[Change, ...]:
    """What a line changes of what is known of its speaker, in the order in which it says it.

    Args:
        said: The line.
        today: The day on which it was said.
        asked: What it answers.
    """
    said = said[:MOST_READ]
    changes = [*name_answered(said, asked)]
    for statement in statements_of(said):
        if not is_secret(statement.text):
            changes += _first_that_finds(statement, today)
    changes += foreign_name_of(said)
    return tuple(each for each in changes if not isinstance(each, Learned) or _is_whole(each.fact))


def _first_that_finds(statement: Statement, today: date) -> list[Change]:
    """One clause says one thing: the first rules that know it have it."""

    def readings() -> Iterator[Iterator[Change]]:
        yield name_of(statement)
        yield life_of(statement, today)
        yield work_of(statement)
        yield people_of(statement)
        yield tastes_of(statement)
        yield doings_of(statement, today)
        yield habits_of(statement)

    return next((found for each in readings() if (found := list(each))), [])


def _is_whole(fact: Fact) -> bool:
    return 0 < len(fact.text) < MAX_TEXT and len(fact.slot) < MAX_TEXT and "\n" not in fact.text
