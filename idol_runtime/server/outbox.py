"""One connection's way out.

Control and sound go in order and are bounded; face and pose frames wait in lanes where a newer
frame replaces the oldest. One task writes. A client that stops reading is dropped: `send` and
keepalive would both wait for it, so the connection is aborted under them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from websockets.exceptions import ConnectionClosed

from idol_runtime.server.config import Limits
from idol_runtime.server.metrics import ServerMetrics

log = logging.getLogger(__name__)


class Transport(Protocol):
    def abort(self) -> None: ...


class Sender(Protocol):
    """The part of a WebSocket connection that an outbox needs."""

    @property
    def transport(self) -> Transport: ...

    async def send(self, message: str | bytes) -> None: ...


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


class Outbox:
    def __init__(self, sender: Sender, limits: Limits, metrics: ServerMetrics) -> None:
        self.lanes: deque[Lane] = deque()
        self.is_over = False
        self._sender = sender
        self._limits = limits
        self._metrics = metrics
        self._ordered: deque[_Queued] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, message: str | bytes) -> None:
        """Queues a message that must arrive; drops the client if it is too far behind."""
        if self.is_over:
            return
        self._ordered.append(_Queued(message, len(message)))
        self._queued_bytes += len(message)
        if self._queued_bytes > self._limits.max_queued_bytes:
            self._abort("overflow")
        self.wake()

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
        self._drop_queue()
        self._wake.set()
        self._idle.set()

    def wake(self) -> None:
        """Says that a lane has a frame."""
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Writes until the connection is closed or the client is dropped."""
        try:
            while not self.is_over:
                message = self._next()
                if isinstance(message, asyncio.Future):
                    if not message.done():
                        message.set_result(True)
                elif message is None:
                    self._wake.clear()
                    self._idle.set()
                    await self._wake.wait()
                else:
                    await self._send(message)
        except ConnectionClosed:
            pass
        except Exception as error:  # a client that gets nothing more must not think that it does
            log.error("a message could not be made", extra={"error": type(error).__name__})
            self._abort("defect")
        finally:
            self.stop()
            self._idle.set()

    async def flushed(self) -> None:
        """Returns when everything queued so far is written, or nothing will be any more."""
        await self._idle.wait()

    def _next(self) -> "str | bytes | asyncio.Future[bool] | None":
        if self._ordered:
            queued = self._ordered.popleft()
            self._queued_bytes -= queued.size
            return queued.message
        for _ in range(len(self.lanes)):
            lane = self.lanes[0]
            self.lanes.rotate(-1)  # so that one busy lane cannot starve the other
            if lane.is_waiting:
                return lane.take()
        return None

    async def _send(self, message: str | bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.stall_s):
                await self._sender.send(message)
        except TimeoutError:
            self._abort("stalled")

    def _abort(self, reason: str) -> None:
        if not self.is_over:
            self._metrics.aborted.labels(reason).inc()
            self.stop()
            self._sender.transport.abort()

    def _drop_queue(self) -> None:
        for queued in self._ordered:
            if isinstance(queued.message, asyncio.Future) and not queued.message.done():
                queued.message.set_result(False)
        self._ordered.clear()
        self._queued_bytes = 0
