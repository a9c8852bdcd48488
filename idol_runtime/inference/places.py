"""How many streams a child may hold at once, and who waits for a place."""

import asyncio
from collections import deque

from idol_runtime.errors import IdolError, RequestError


class Places:
    """So many at once; others wait in order, and one that finds the queue full is refused.

    A session has one reply at a time, so the order is fair: nobody is served twice while another
    waits.
    """

    def __init__(self, what: str, places: int, waiting: int) -> None:
        """An empty house.

        Args:
            what: They are for, in sentences.
            places: For streams that are worked on, at least one.
            waiting: How many may wait.
        """
        self._what = what
        self._places = self._free = places
        self._most_waiting = waiting
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed: IdolError | None = None

    async def take(self) -> None:
        """Returns with a place, which is to be given back.

        Raises:
            RequestError: `server_overloaded`, the queue is full.
            IdolError: what `close` was given.
        """
        if self._closed is not None:
            raise self._closed
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._most_waiting:
            raise RequestError(
                f"Expected room in the {self._what} process, but it works on {self._places} "
                f"requests and {len(self._waiting)} wait, as many as may; ask again in a while.",
                code="server_overloaded",
            )
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give_back()  # called while it was being cancelled
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def give_back(self) -> None:
        """The next who waits has the place."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self, error: IdolError) -> None:
        """Whoever waits, and whoever comes, is told this."""
        self._closed = error
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)
