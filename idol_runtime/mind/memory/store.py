"""Where memories lie: one protocol, SQLite or PostgreSQL behind it.

Every request names whose memories it means, the tenant included; there is none that reaches over
several people but those of who runs the server (`owners`, `forget_before`).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from idol_runtime.errors import IdolError
from idol_runtime.mind.memory.facts import Fact

SCHEMA_VERSION = 1


class MemoryStoreError(IdolError):
    """A store of memories that cannot be opened, read or written."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The key of a memory; nothing is ever found under another."""

    tenant: str
    """Which token let the person in, as a hash; people of two tokens never meet."""
    user: str
    """Who it is, as the client says."""
    character: str
    """Who remembers: the name of its folder."""


@dataclass(frozen=True, slots=True)
class KeptFact:
    """A fact that is kept."""

    fact: Fact
    said_s: float
    """When it was last said, in seconds since 1970."""
    used_s: float
    """When it last came into a conversation."""
    importance: float
    """From 0 to 1."""
    id: str = field(default_factory=lambda: f"mem_{secrets.token_hex(6)}")
    embedding: bytes = b""
    """Of its text, as float32; empty where nobody made one."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody of whom something is kept."""

    whose: Whose
    count: int
    newest_s: float


class MemoryStore(Protocol):
    """Blocks: for a thread that may wait. Used by one thread at a time.

    Everything raises `MemoryStoreError`; what raised may be tried again.
    """

    def memories(self, whose: Whose) -> list[KeptFact]:
        """All of somebody's, the oldest first."""
        ...

    def put(self, whose: Whose, memories: Sequence[KeptFact]) -> None:
        """Keeps them; each takes the place of the one of the same slot, and of the same id."""
        ...

    def erase(self, whose: Whose, ids: Sequence[str] | None = None) -> int:
        """Erases some of somebody's memories, or all, for good; how many there were.

        Nothing of them is left in the files of the store afterwards.
        """
        ...

    def touch(self, whose: Whose, ids: Sequence[str], used_s: float) -> None:
        """They came into a conversation."""
        ...

    def forget_before(self, said_s: float) -> int:
        """Erases everybody's that were last said before; how many there were."""
        ...

    def owners(self) -> list[Owner]:
        """Everybody of whom something is kept."""
        ...

    def close(self) -> None: ...
