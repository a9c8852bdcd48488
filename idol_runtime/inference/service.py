"""What lives inside a worker process: a model whose streams one call may advance together."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Request = TypeVar("Request")
Stream = TypeVar("Stream", bound=Hashable)
Item = TypeVar("Item")
Capabilities = TypeVar("Capabilities")
RequestIn = TypeVar("RequestIn", contravariant=True)
ItemOut = TypeVar("ItemOut", covariant=True)
CapabilitiesOut = TypeVar("CapabilitiesOut", covariant=True)


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Takes the place of an item: the stream makes nothing more."""

    error: Exception | None = None
    """Why it failed, for its reader alone."""


class Service(Protocol[RequestIn, Stream, ItemOut, CapabilitiesOut]):
    """A model with many streams, each a hashable object of the service's own: a number will do.

    All calls come from one thread, one after the other.
    """

    @property
    def capabilities(self) -> CapabilitiesOut:
        """What it can do, asked for once; must be picklable."""
        ...

    def open(self, request: RequestIn) -> Stream:
        """A stream of its own for each request; what this raises goes to its reader."""
        ...

    def step(self, live: Sequence[Stream]) -> Iterable[tuple[Stream, ItemOut | StreamEnd]]:
        """Advances these streams, as a batch or one by one, by about one item each.

        Every pair is sent as it comes, so a generator lets the first streams be read while the
        others are worked on. Raising, or naming a stream that was not given, ends all of `live`.

        Args:
            live: At least one stream, the oldest first. Those whose readers lag are left out.
        """
        ...

    def close(self, stream: Stream) -> None:
        """Called once for every stream, ended or cancelled, and never in the middle of a step."""
        ...


class IteratorService(Generic[Request, Item, Capabilities]):
    """A service whose streams are plain iterators, advanced one after the other."""

    def __init__(
        self, serve: Callable[[Request], Iterator[Item]], capabilities: Capabilities
    ) -> None:
        """Makes a service of a function that answers a request item by item.

        Args:
            serve: Makes an iterator for a request; a generator is closed when it is cancelled.
            capabilities: What the model can do.
        """
        self._serve = serve
        self.capabilities = capabilities

    def open(self, request: Request) -> Iterator[Item]:
        return iter(self._serve(request))

    def step(
        self, live: Sequence[Iterator[Item]]
    ) -> Iterator[tuple[Iterator[Item], Item | StreamEnd]]:
        for stream in live:
            yield stream, advance(stream)

    def close(self, stream: Iterator[Item]) -> None:
        close_iterator(stream)


def advance(stream: Iterator[Item]) -> Item | StreamEnd:
    """The next item of an iterator, or how it ended."""
    try:
        return next(stream)
    except StopIteration:
        return StreamEnd()
    except Exception as error:  # whatever a model raises is for the reader of this stream
        return StreamEnd(error)


def close_iterator(stream: Iterator[Item]) -> None:
    if close := getattr(stream, "close", None):
        close()
