"""Models that must never delay a frame live in processes of their own.

A worker turns requests into streams of items. Several streams share one model, which may advance
them in one batched run; a cancelled stream ends within one item. A stream may run at most `window`
items ahead of its reader. A child that dies fails the streams it held with one sentence each and
is started again for the next request.
"""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic

from idol_runtime.errors import IdolError, WorkerError
from idol_runtime.inference.child import run_child
from idol_runtime.inference.messages import (
    Cancel,
    Command,
    Made,
    NotOpened,
    Ready,
    Report,
    Start,
    StreamEnded,
    Taken,
)
from idol_runtime.inference.service import Capabilities, Item, Request, Service

log = logging.getLogger(__name__)


# Any: what a stream is, only the service in the child knows.


class Worker(Generic[Request, Item, Capabilities]):
    """One supervised process that holds one model."""

    def __init__(
        self,
        name: str,
        open_service: Callable[[], Service[Request, Any, Item, Capabilities]],
        *,
        window: int = 16,
        niceness: int = 5,
    ) -> None:
        """A worker that starts with its first request, or with `start`.

        Args:
            name: Names the process in logs and errors.
            open_service: Called in the child; must be picklable.
            window: Items a stream may be ahead of its reader.
            niceness: Added in the child, so that the stage's ticks come first.
        """
        self.name = name
        self._open_service = open_service
        self._window = window
        self._niceness = niceness
        self._process: _Process[Request, Item, Capabilities] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def capabilities(self) -> Capabilities:
        """What the opened model says it can do.

        Raises:
            WorkerError: the model is not open; await `start` first.
        """
        if self._process is None or not self._process.is_open:
            raise WorkerError(
                f"Expected the {self.name} process to be ready, but it is not; await `start` first."
            )
        return self._process.capabilities

    async def start(self) -> None:
        """Starts the process if none runs and waits until its model is open.

        Raises:
            WorkerError: the child died before it was ready.
            IdolError: what opening the model raised in the child.
        """
        await self._running()

    async def stream(self, request: Request) -> AsyncGenerator[Item, None]:
        """Items for `request`; leaving the loop early cancels it within one item."""
        process = await self._running()
        async with contextlib.aclosing(process.stream(request)) as items:
            async for item in items:
                yield item

    async def aclose(self) -> None:
        """Ends the process; streams that are being read fail."""
        process, self._process = self._process, None
        if process is not None:
            await process.aclose()

    async def _running(self) -> "_Process[Request, Item, Capabilities]":
        if self._process is None or not self._process.is_alive():
            self._process = _Process(self.name, self._open_service, self._window, self._niceness)
        process = self._process
        await process.opened()
        return process


class _Process(Generic[Request, Item, Capabilities]):
    """A child process from its start to its end, and the streams it holds."""

    capabilities: Capabilities
    """There once `is_open`."""

    def __init__(
        self,
        name: str,
        open_service: Callable[[], Service[Request, Any, Item, Capabilities]],
        window: int,
        niceness: int,
    ) -> None:
        self._name = name
        self._numbers = itertools.count(1)
        self._readers: dict[int, asyncio.Queue[Made[Item] | StreamEnded]] = {}
        self._opened = asyncio.Event()
        self._failure: IdolError | None = None
        self._is_closing = False
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=run_child,
            args=(theirs, open_service, window, niceness),
            name=f"idol-{name}",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        threading.Thread(
            target=self._read_reports,
            args=(asyncio.get_running_loop(),),
            name=f"idol-{name}-reader",
            daemon=True,
        ).start()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_open(self) -> bool:
        return self._opened.is_set() and self._failure is None

    def is_alive(self) -> bool:
        return self._failure is None and self._process.is_alive()

    async def opened(self) -> None:
        await self._opened.wait()
        if self._failure is not None:
            raise self._failure

    async def stream(self, request: Request) -> AsyncGenerator[Item, None]:
        number = next(self._numbers)
        reader = self._readers[number] = asyncio.Queue()
        self._send(Start(number, request))
        try:
            while isinstance(report := await reader.get(), Made):
                self._send(Taken(number))
                yield report.item
            if report.error is not None:
                raise report.error
        finally:
            if self._readers.pop(number, None) is not None:
                self._send(Cancel(number))

    async def aclose(self) -> None:
        self._is_closing = True
        self._process.terminate()
        await asyncio.to_thread(self._process.join, 5)
        if self._process.is_alive():
            self._process.kill()
        self._connection.close()

    def _send(self, command: Command[Request]) -> None:
        with contextlib.suppress(OSError):  # a dead child is reported by the reading thread
            self._connection.send(command)

    def _read_reports(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop closed first: nobody is left to tell
            try:
                while True:
                    loop.call_soon_threadsafe(self._accept, self._connection.recv())
            except (EOFError, OSError, TypeError):  # TypeError: closed in the middle of recv
                loop.call_soon_threadsafe(self._lost)

    def _accept(self, report: Report[Capabilities, Item]) -> None:
        match report:
            case Ready(capabilities=capabilities):
                self.capabilities = capabilities
                self._opened.set()
            case NotOpened(error=error):
                self._failure = error
                self._opened.set()
            case Made(stream=number):
                if reader := self._readers.get(number):
                    reader.put_nowait(report)
            case StreamEnded(stream=number):
                if reader := self._readers.pop(number, None):
                    reader.put_nowait(report)

    def _lost(self) -> None:
        if self._failure is not None:  # it said itself why it ends
            return
        if not self._is_closing:
            log.error("worker lost", extra={"worker": self._name})
        self._failure = WorkerError(
            f"The {self._name} process ended before it finished; it starts again with the next "
            "request. If this repeats, run `idol doctor` and look for too little memory."
        )
        self._opened.set()
        while self._readers:
            number, reader = self._readers.popitem()
            reader.put_nowait(StreamEnded(number, self._failure))
