"""What memory is set to; the table `[memory]` of idol.toml is made from it."""

from typing import Annotated

import msgspec
from msgspec import Meta


class MemorySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What characters remember of people, see docs/memory.md."""

    enabled: bool = True
    """Whether anything is kept beyond a conversation. What was said in one is known in it anyway.
    """
    store: str = ""
    """A file for SQLite, relative to this file, or the URL of a PostgreSQL database
    (`postgresql://USER:PASSWORD@HOST:PORT/DATABASE`); `memory.sqlite3` in this platform's folder
    for data when left out."""
    retention_days: Annotated[float, Meta(gt=0, le=36_500)] = 365.0
    """What was last said longer ago is erased."""
    most_facts: Annotated[int, Meta(ge=1, le=10_000)] = 300
    """Kept of one person by one character; the least of them makes room."""
    notes_tokens: Annotated[int, Meta(ge=16, le=2048)] = 160
    """About how much of a prompt memories may take."""
    summary_tokens: Annotated[int, Meta(ge=0, le=2048)] = 80
    """About how much of a prompt may tell what was said in the part of a long conversation that it
    holds no more; 0 for nothing."""
    summary_by_model: bool = True
    """Whether the dialogue model is asked for a summary of it, between turns; otherwise rules alone
    make one."""
    answer_s: Annotated[float, Meta(gt=0, le=60)] = 0.3
    """How long an answer waits for the store; then it is given without what is kept there."""
