"""What a worker and its child process say to each other. Streams are numbered by the worker."""

from dataclasses import dataclass
from typing import Generic, TypeAlias

from idol_runtime.errors import IdolError
from idol_runtime.inference.service import Capabilities, Item, Request


@dataclass(frozen=True, slots=True)
class Start(Generic[Request]):
    stream: int
    request: Request


@dataclass(frozen=True, slots=True)
class Cancel:
    stream: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The reader has taken one item: the stream may make another."""

    stream: int


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
    stream: int
    error: IdolError | None = None


Command: TypeAlias = Start[Request] | Cancel | Taken
Report: TypeAlias = Ready[Capabilities] | NotOpened | Made[Item] | StreamEnded
