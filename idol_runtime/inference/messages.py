"""What a worker and its child process say to each other. Streams are numbered by the worker."""

from dataclasses import dataclass
from typing import Final, Generic, TypeAlias

from idol_runtime.errors import IdolError
from idol_runtime.inference.service import Capabilities, Item, Request

BEAT_S: Final = 0.5
"""How often a child gives a sign of life, and how often its parent looks for one."""


@dataclass(frozen=True, slots=True)
class Start(Generic[Request]):
    stream: int
    request: Request


@dataclass(frozen=True, slots=True)
class Cancel:
    """Answered by `StreamEnded`, unless the stream has ended meanwhile."""

    stream: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The reader has taken so many items: the stream may make as many more."""

    stream: int
    items: int = 1


@dataclass(frozen=True, slots=True)
class Ready(Generic[Capabilities]):
    """The model is open."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class NotOpened:
    """The child's last words."""

    error: IdolError


@dataclass(frozen=True, slots=True)
class Made(Generic[Item]):
    stream: int
    item: Item


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Said once of every stream that was started: its place is free."""

    stream: int
    error: IdolError | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life, from a thread beside the one that works."""

    work: int | None
    """Counts what was done; None while there is nothing to do. The same number again and again is
    a step that does not end."""


Command: TypeAlias = Start[Request] | Cancel | Taken
Report: TypeAlias = Ready[Capabilities] | NotOpened | Made[Item] | StreamEnded | Heartbeat
