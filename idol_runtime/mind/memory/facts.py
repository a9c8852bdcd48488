"""What can be known of a person."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

FactKind: TypeAlias = Literal[
    "name", "place", "age", "birthday", "job", "like", "dislike", "pet", "family", "plan",
    "promise", "event", "other", "talk", "feeling",
]  # fmt: skip
"""`talk` is what was said in a long conversation, in short; `feeling` is how the character likes
the person."""
FACT_KINDS: Final[tuple[FactKind, ...]] = get_args(FactKind)
IMPORTANCE: Final[dict[FactKind, float]] = {
    "name": 1.0,
    "family": 0.8,
    "place": 0.8,
    "job": 0.8,
    "pet": 0.75,
    "birthday": 0.7,
    "age": 0.7,
    "promise": 0.7,
    "like": 0.55,
    "plan": 0.55,
    "dislike": 0.5,
    "event": 0.5,
    "other": 0.5,
    "talk": 0.6,
    "feeling": 1.0,
}
"""How much a fact says of a person, from 0 to 1: the poignancy of Park et al. 2023
(arXiv:2304.03442), by its kind instead of by a model's judgement."""
NOT_OF_THEMSELVES: Final[frozenset[FactKind]] = frozenset(("talk", "feeling"))
"""Kinds that are no answer to who asks what is known of them."""
MAX_TEXT: Final = 200
"""Characters of a fact."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a person is, has, likes, plans or did."""

    kind: FactKind
    slot: str
    """What it is about: a newer fact of the same slot takes its place. `taste/cats` holds both
    that somebody likes cats and that they do not."""
    text: str
    """What the person does, behind its name: `lives in Oslo`, `has a dog named Rex`."""
    value: str = ""
    """The point of it: `Oslo`, `Rex`."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Holds from now on."""

    fact: Fact


@dataclass(frozen=True, slots=True)
class Dropped:
    """Does not hold any more."""

    slot: str
    """Or all slots below it, where it ends with a slash."""
    value: str = ""
    """Only where the fact has this value; empty for any."""

    def concerns(self, fact: Fact) -> bool:
        is_below = self.slot.endswith("/") and fact.slot.startswith(self.slot)
        same_value = not self.value or self.value.casefold() == fact.value.casefold()
        return (is_below or fact.slot == self.slot) and same_value


Change: TypeAlias = Learned | Dropped
"""What something that was said changes of what is known."""
