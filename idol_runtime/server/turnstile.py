"""Where all that strangers and clients ask for passes, one piece of work after another.

Without it whoever sends most decides when the event loop gets to anything else, the stage's next
frame among it: a connection with a thousand events in its buffer has them all handled in one turn
of the loop.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

SLICE_S = 0.002
"""Work between two rests: what a frame may be late by."""


class Turnstile:
    """Lets one piece of work through per turn of the event loop, in the order of asking.

    Each connection asks for one piece at a time, so that the order of asking is round robin. After
    `slice_s` of work everything waits, so that the threads of the models get the interpreter.
    """

    def __init__(
        self,
        share: float = 0.5,
        *,
        slice_s: float = SLICE_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Opens at once.

        Args:
            share: Of the time, how much may be work that passed here.
            slice_s: How long work goes on before a rest.
            clock: What measures the work, in seconds.
        """
        self._rest_per_work = (1 - share) / share
        self._slice_s = slice_s
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_turning = False
        self._worked_s = 0.0
        self._left_at: tuple[float, float] | None = None
        """When the last piece was let through, and the work that was counted by then."""

    def queue(self, work: Callable[[], None]) -> None:
        """Calls `work` when its turn has come."""
        self._waiting.append(work)
        if not self._is_turning:
            self._is_turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    async def turn(self) -> None:
        """Returns when the caller's turn has come; what it does then belongs into `working`."""
        come = asyncio.get_running_loop().create_future()
        self.queue(lambda: None if come.done() else come.set_result(None))
        await come

    @contextmanager
    def working(self) -> Iterator[None]:
        """Measures work; of work that waits for something meanwhile, a slice at most."""
        started = self._clock()
        try:
            yield
        finally:
            self._worked_s += min(self._clock() - started, self._slice_s)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        if self._left_at is not None:
            # What the last piece woke is its work, too: an answer that begins, a thread.
            left_s, counted_s = self._left_at
            self._worked_s = max(self._worked_s, counted_s + self._clock() - left_s)
            self._left_at = None
        if self._worked_s >= self._slice_s:
            rest_s = self._worked_s * self._rest_per_work
            self._worked_s = 0.0
            loop.call_later(rest_s, self._turn)
        elif self._waiting:
            with self.working():
                try:
                    self._waiting.popleft()()
                except Exception as error:  # one that fails must not close the way for all
                    log.error("a piece of work failed", extra={"error": type(error).__name__})
            # Behind what the work just woke, so that its time counts before the next.
            self._left_at = self._clock(), self._worked_s
            loop.call_soon(self._turn)
        else:
            self._is_turning = False
