"""One connection's way out.

Control and sound go in order and are bounded; face and pose frames wait in lanes where a newer
frame replaces the oldest. One task writes. A client that stops reading is dropped: `send` and
keepalive would both wait for it, so the connection is aborted under them.
"""

import asyncio
import logging
from collections import deque
from typing import Protocol

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


class Outbox:
    def __init__(self, sender: Sender, limits: Limits, metrics: ServerMetrics) -> None:
        self.lanes: deque[Lane] = deque()
        self.is_aborted = False
        self._sender = sender
        self._limits = limits
        self._metrics = metrics
        self._ordered: deque[str | bytes] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, message: str | bytes) -> None:
        """Queues a message that must arrive; drops the client if it is too far behind."""
        if self.is_aborted:
            return
        self._ordered.append(message)
        self._queued_bytes += len(message)
        if self._queued_bytes > self._limits.max_queued_bytes:
            self._abort("overflow")
        self.wake()

    def wake(self) -> None:
        """Says that a lane has a frame."""
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Writes until the connection is closed or the client is dropped."""
        try:
            while not self.is_aborted:
                message = self._next()
                if message is None:
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
            self._idle.set()

    async def flushed(self) -> None:
        """Returns when everything queued so far is written, or nothing will be any more."""
        await self._idle.wait()

    def _next(self) -> str | bytes | None:
        if self._ordered:
            message = self._ordered.popleft()
            self._queued_bytes -= len(message)
            return message
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
        if not self.is_aborted:
            self.is_aborted = True
            self._ordered.clear()
            self._metrics.aborted.labels(reason).inc()
            self._sender.transport.abort()
