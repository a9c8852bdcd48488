"""An event loop that can be told that time has passed."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SteeredLoop(asyncio.SelectorEventLoop):
    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs it on a loop of its own, which `asyncio.get_running_loop` then is."""
    with asyncio.Runner(loop_factory=SteeredLoop) as runner:
        return runner.run(work)


def pass_s(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteeredLoop)
    loop.ahead_s += seconds
