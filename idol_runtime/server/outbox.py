"""One connection's way out.

Control and sound go in order and are bounded; face and pose frames wait in lanes where a newer
frame replaces the oldest. One task writes, as fast as the client reads and no faster. Sound that a
client is too slow for is left out, and it is told so; a client that control alone is too much for,
or that takes nothing at all, is dropped.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from websockets.exceptions import ConnectionClosed

from idol_runtime.server.config import Limits
from idol_runtime.server.metrics import ServerMetrics

log = logging.getLogger(__name__)

BATCH_BYTES: Final = 16 * 1024
"""Written in one go before the frames of the moment have their turn."""
LOOK_S: Final = 1.0
"""How often a client that has been sent all it can take is looked at."""


class Link(Protocol):
    """What an outbox needs of a connection; see `Downlink`."""

    on_change: Callable[[], None]

    @property
    def is_clogged(self) -> bool: ...

    @property
    def is_free(self) -> bool: ...

    @property
    def is_prompt(self) -> bool: ...

    @property
    def taken(self) -> int: ...

    def write(self, messages: Sequence[str | bytes]) -> bool: ...

    async def drained(self) -> None: ...

    async def probe(self) -> None: ...

    def abort(self) -> None: ...


class Lane(Protocol):
    """A place where frames wait, made into a message only when it can be sent."""

    @property
    def is_waiting(self) -> bool: ...

    def take(self) -> str | bytes: ...


class _Queued(NamedTuple):
    message: "str | bytes | asyncio.Future[bool]"
    """A future is told when its turn has come."""
    size: int
    """What counts against the limit."""
    sound_pts_us: int | None = None
    """Of sound: when it plays."""


class Outbox:
    def __init__(self, link: Link, limits: Limits, metrics: ServerMetrics) -> None:
        self.lanes: deque[Lane] = deque()
        self.is_over = False
        self.on_sound_lost: Callable[[int], None] = lambda pts_us: None
        """Told the media time from which sound that waited was left out."""
        self._link = link
        self._limits = limits
        self._metrics = metrics
        self._ordered: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._now_s = asyncio.get_running_loop().time
        self._stuck: tuple[float, int] | None = None
        """Since when the client takes nothing more, and what it had taken."""

    def put(self, message: str | bytes) -> None:
        """Queues a message that must arrive; drops the client if it is too far behind."""
        self._put(_Queued(message, len(message)))

    def put_sound(self, message: str | bytes, pts_us: int) -> None:
        """Queues sound that plays at `pts_us`; all sound that waits is lost if it is too much."""
        self._put(_Queued(message, len(message), pts_us))

    def repeat(self, messages: Iterable[str]) -> None:
        """Queues what is kept elsewhere anyhow: however much it is, the client has time for it."""
        if not self.is_over:
            self._ordered.extend(_Queued(message, 0) for message in messages)
            self.wake()

    async def written(self) -> bool:
        """Returns when all that is queued now is written; False if it never will be."""
        if self.is_over:
            return False
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._ordered.append(_Queued(written, 0))
        self.wake()
        return await written

    def stop(self) -> None:
        """Writes nothing more."""
        self.is_over = True
        for queued in self._ordered:
            if isinstance(queued.message, asyncio.Future) and not queued.message.done():
                queued.message.set_result(False)
        self._ordered.clear()
        self._queued_bytes = 0
        self._wake.set()
        self._idle.set()

    def wake(self) -> None:
        """Says that a lane has a frame, or that the client has read something."""
        self._wake.set()

    async def run(self) -> None:
        """Writes until the connection is closed or the client is dropped."""
        self._link.on_change = self.wake
        try:
            while not self.is_over:
                batch = self._next()
                if not batch:
                    await self._wait()
                elif not self._link.write(batch):
                    break
                else:
                    await self._drain()
                    await self._link.probe()
        except (ConnectionClosed, OSError):
            pass
        except Exception as error:  # a client that gets nothing more must not think that it does
            log.error("a message could not be made", extra={"error": type(error).__name__})
            self._abort("defect")
        finally:
            self.stop()

    async def flushed(self) -> None:
        """Returns when every message queued so far is written, or none will be any more."""
        await self._idle.wait()

    def _put(self, queued: _Queued) -> None:
        if self.is_over:
            return
        self._ordered.append(queued)
        self._queued_bytes += queued.size
        if self._queued_bytes > self._limits.max_queued_bytes:
            self._leave_sound_out()
        if self._queued_bytes > self._limits.max_queued_bytes:
            self._abort("overflow")
            return
        self._idle.clear()
        self._wake.set()

    def _leave_sound_out(self) -> None:
        lost = [each.sound_pts_us for each in self._ordered if each.sound_pts_us is not None]
        if lost:
            self._ordered = deque(each for each in self._ordered if each.sound_pts_us is None)
            self._queued_bytes = sum(each.size for each in self._ordered)
            self.on_sound_lost(lost[0])

    def _next(self) -> list[str | bytes]:
        """What can be written now: messages in order, and a message of each lane."""
        batch: list[str | bytes] = []
        size = 0
        if not self._link.is_free:
            return batch
        while self._ordered and size < BATCH_BYTES:
            message = self._ordered[0].message
            if isinstance(message, asyncio.Future):
                if batch:
                    break  # its turn comes when these are written
                if not message.done():
                    message.set_result(True)
            else:
                batch.append(message)
                size += len(message)
            self._queued_bytes -= self._ordered.popleft().size
        # Where much waits, frames go with the sound they belong to, late as it is.
        if self._link.is_prompt or size >= BATCH_BYTES:
            batch += [lane.take() for lane in self.lanes if lane.is_waiting]
        return batch

    async def _wait(self) -> None:
        """Returns when there may be more to write, or it is time to look at the client."""
        self._wake.clear()
        if not self._ordered:
            self._idle.set()
            if not any(lane.is_waiting for lane in self.lanes):
                self._stuck = None
                await self._wake.wait()
                return
        self._look()
        await self._within_a_look(self._wake.wait())

    async def _drain(self) -> None:
        """Returns when the kernel has all that was written."""
        while self._link.is_clogged and not self.is_over:
            self._look()
            await self._within_a_look(self._link.drained())
        if self._ordered:
            await asyncio.sleep(0)  # others have their turn

    async def _within_a_look(self, wait: Awaitable[object]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_S, self._limits.stall_s)):
                await wait

    def _look(self) -> None:
        """Drops a client that has taken nothing at all for too long, however slow it may be."""
        now_s, taken = self._now_s(), self._link.taken
        if self._stuck is None or taken > self._stuck[1]:
            self._stuck = now_s, taken
        elif now_s - self._stuck[0] >= self._limits.stall_s:
            self._abort("stalled")

    def _abort(self, reason: str) -> None:
        if not self.is_over:
            self._metrics.aborted.labels(reason).inc()
            self.stop()
            self._link.abort()
