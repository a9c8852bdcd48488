"""What a host says is so in its world: facts by name, known to whoever answers."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from idol_runtime.errors import RequestError

Fact: TypeAlias = str | int | float | bool
MAX_FACTS: Final = 200
MAX_FACT_BYTES: Final = 32 * 1024
"""Of all names and texts together, in UTF-8."""


class World:
    """The facts of one conversation; those that were told last come last."""

    def __init__(self) -> None:
        self._facts: dict[str, Fact] = {}
        self.company: tuple[str, ...] = ()
        """Other characters who are there, by name."""

    @property
    def facts(self) -> Mapping[str, Fact]:
        return MappingProxyType(self._facts)

    def update(self, facts: Mapping[str, Fact | None]) -> None:
        """Adds, changes and (with None) takes away facts, all of them or none.

        Raises:
            RequestError: there would be too many, or they would be too long.
        """
        now = {name: fact for name, fact in self._facts.items() if name not in facts}
        now |= {name: fact for name, fact in facts.items() if fact is not None}
        size = sum(len(f"{name}{fact}".encode(errors="replace")) for name, fact in now.items())
        if len(now) > MAX_FACTS or size > MAX_FACT_BYTES:
            raise RequestError(
                f"A world holds at most {MAX_FACTS} facts and {MAX_FACT_BYTES} bytes of them; take "
                "some away first by setting them to null.",
                code="world_full",
                param="facts",
            )
        self._facts = now
