"""Services small enough to reason about, run in real worker processes."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from idol_runtime.errors import ConfigError, InputError, StoreError
from idol_runtime.inference.service import IteratorService, StreamEnd


@dataclass(frozen=True)
class Count:
    """Counts up to `to`; `what` happens in place of the number `at`."""

    to: int
    at: int = -1
    what: Literal["", "refuse", "break", "subclass", "die", "wait", "stray"] = ""


@dataclass(frozen=True)
class Tell:
    """Asks for one number: how many streams were opened, stepped at least once, or closed."""

    what: Literal["opened", "made", "closed"]


class OwnError(ConfigError):
    """What an engine's package may raise: not all of it can be told in the parent."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def misbehave(what: str) -> int:
    match what:
        case "refuse":
            raise InputError("Expected an even number, found an odd one.")
        case "break":
            raise KeyError("something a user said")
        case "subclass":
            raise OwnError("Expected one thing,", "found another.")
        case "die":
            os._exit(3)
        case _:
            raise AssertionError(what)


class Counter:
    """Iterators, one for each request."""

    def __init__(self) -> None:
        self.tally = {"opened": 0, "made": 0, "closed": 0}

    def count(self, request: Count | Tell) -> Iterator[int]:
        if isinstance(request, Tell):
            yield self.tally[request.what]
            return
        self.tally["opened"] += 1
        try:
            for number in range(request.to):
                self.tally["made"] += 1
                yield misbehave(request.what) if number == request.at else number
        finally:
            self.tally["closed"] += 1


def open_counter() -> IteratorService[Count | Tell, int, str]:
    return IteratorService(Counter().count, "counts")


def open_told(variable: str) -> IteratorService[Count, int, tuple[str | None, bool]]:
    """Tells what the environment says, and whether numpy has been imported."""
    told = (os.environ.get(variable), "numpy" in sys.modules)
    return IteratorService(lambda request: iter(()), told)


def open_untold() -> IteratorService[Count | Tell, int, object]:
    return IteratorService(Counter().count, lambda: "cannot be pickled")


def open_nothing() -> IteratorService[Count, int, str]:
    raise StoreError("Expected a model, found none.")


@dataclass(eq=False)
class Batched:
    """A stream of `BatchCounter`."""

    request: Count
    number: int = 0


@dataclass(frozen=True)
class Row:
    """A number, and how many streams were advanced by the call that made it."""

    number: int
    batch: int


class BatchCounter:
    """Counts for all streams in one call."""

    capabilities = None

    def __init__(self, at_once: int = 1, gate: Path | None = None) -> None:
        self.at_once = at_once
        self.gate = gate
        self.live: list[Batched] = []

    def open(self, request: Count) -> Batched:
        if request.to < 0:
            raise InputError("Expected a number from 0.")
        stream = Batched(request)
        self.live.append(stream)
        return stream

    def step(self, live: Sequence[Batched]) -> Iterator[tuple[Batched, Row | StreamEnd]]:
        assert set(live) <= set(self.live), "a closed stream was given again"
        if any(each.request.what == "stray" and each.number == each.request.at for each in live):
            yield Batched(Count(1)), Row(0, len(live))
        for stream in live:
            for _ in range(self.at_once):
                yield stream, self.advance(stream, len(live))

    def advance(self, stream: Batched, batch: int) -> Row | StreamEnd:
        request, number = stream.request, stream.number
        stream.number += 1
        if number == request.at and request.what == "refuse":
            return StreamEnd(InputError("Expected an even number, found an odd one."))
        if number == request.at and request.what == "break":
            raise KeyError("the whole batch")
        if number == request.at and request.what == "wait":
            assert self.gate is not None
            self.gate.read_text()
        return Row(number, batch) if number < request.to else StreamEnd()

    def close(self, stream: Batched) -> None:
        self.live.remove(stream)


def open_batched() -> BatchCounter:
    return BatchCounter()


def open_greedy() -> BatchCounter:
    return BatchCounter(at_once=10)


def open_gated(gate: Path) -> BatchCounter:
    return BatchCounter(gate=gate)
