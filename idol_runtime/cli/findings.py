"""A line of what `idol doctor` finds."""

from typing import Literal

import msgspec

Level = Literal["ok", "warn", "error"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the report."""

    check: str
    level: Level
    found: str
    advice: str = ""
    """What to do; empty when nothing needs doing."""
