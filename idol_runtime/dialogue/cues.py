"""Which tags a reply may hold beside its words.

`[very happy] You came back! [wave] Sit down. [look left] Tea? [give_item {"item": "tea"}]`
"""

from dataclasses import dataclass
from typing import Final

from idol_protocol.channels import FEELINGS, GAZES, GESTURES
from idol_runtime.character import Action

ACTIVITIES_ASKED: Final = ("dance",)


@dataclass(frozen=True, slots=True)
class AllowedCues:
    """The tags of one reply; an engine keeps its model from all others, and from markup."""

    emotions: tuple[str, ...] = FEELINGS
    """Some of `FEELINGS`."""
    gestures: tuple[str, ...] = GESTURES
    """Some of `GESTURES`."""
    gazes: tuple[str, ...] = GAZES
    """Some of `GAZES`."""
    activities: tuple[str, ...] = ACTIVITIES_ASKED
    actions: tuple[Action, ...] = ()
    """As `checked_actions` gives them."""
