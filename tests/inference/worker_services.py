"""Services small enough to reason about, run in real worker processes."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from idol_runtime.errors import InputError, StoreError


@dataclass(frozen=True)
class Count:
    """Counts up to `to`; `at` names what happens at that number."""

    to: int
    at: int = -1
    what: str = ""


class Counter:
    def __init__(self) -> None:
        self.closed = 0

    def serve(self, request: Count) -> Iterator[int]:
        try:
            for number in range(request.to):
                if number == request.at:
                    self.misbehave(request.what)
                yield number
        finally:
            self.closed += 1

    def misbehave(self, what: str) -> None:
        if what == "refuse":
            raise InputError("Expected an even number, found an odd one.")
        if what == "break":
            raise KeyError("something a user said")
        if what == "die":
            os._exit(3)
        if what == "closed":
            raise InputError(str(self.closed))


def open_nothing() -> Counter:
    raise StoreError("Expected a model, found none.")
