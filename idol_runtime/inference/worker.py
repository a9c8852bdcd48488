"""Models that must never delay a frame live in processes of their own.

A worker turns requests into streams of items. The child steps every live stream in turn, one
item at a time, so several sessions share one model and a cancelled stream ends within one item.
A stream may run at most `window` items ahead of its reader. A child that dies fails the streams
it held with one sentence each and is started again for the next request.
"""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from idol_runtime.errors import IdolError, WorkerError

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Item = TypeVar("Item")
RequestIn = TypeVar("RequestIn", contravariant=True)
ItemOut = TypeVar("ItemOut", covariant=True)


class Service(Protocol[RequestIn, ItemOut]):
    """A model inside a worker: `serve` is a plain iterator that may be closed between items."""

    def serve(self, request: RequestIn) -> Iterator[ItemOut]: ...


@dataclass(frozen=True, slots=True)
class _Start:
    stream: int
    request: Any


@dataclass(frozen=True, slots=True)
class _Cancel:
    stream: int


@dataclass(frozen=True, slots=True)
class _Taken:
    """The reader has taken one item: the stream may make another."""

    stream: int


@dataclass(frozen=True, slots=True)
class _Ready:
    pass


@dataclass(frozen=True, slots=True)
class _Made:
    stream: int
    item: Any


@dataclass(frozen=True, slots=True)
class _Ended:
    stream: int
    error: IdolError | None = None


_Command: TypeAlias = _Start | _Cancel | _Taken
_Report: TypeAlias = _Ready | _Made | _Ended


class Worker(Generic[Request, Item]):
    """One supervised process that holds one model."""

    def __init__(
        self,
        name: str,
        open_service: Callable[[], Service[Request, Item]],
        *,
        window: int = 16,
        niceness: int = 5,
    ) -> None:
        """Args:
        name: Names the process in logs and errors.
        open_service: Called in the child; must be picklable.
        window: Items a stream may be ahead of its reader.
        niceness: Added in the child, so that the stage's ticks come first.
        """
        self.name = name
        self._open_service = open_service
        self._window = window
        self._niceness = niceness
        self._ids = itertools.count(1)
        self._streams: dict[int, asyncio.Queue[_Made | _Ended]] = {}
        self._starting = asyncio.Lock()
        self._ready: asyncio.Future[None] | None = None
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Starts the process if none runs and waits until its model is open.

        Raises:
            WorkerError: the child died before it was ready.
            IdolError: what opening the model raised in the child.
        """
        async with self._starting:
            if self._process is not None and self._process.is_alive():
                return
            loop = asyncio.get_running_loop()
            context = multiprocessing.get_context("spawn")
            self._connection, theirs = context.Pipe()
            self._ready = loop.create_future()
            self._process = context.Process(
                target=_run_child,
                args=(theirs, self._open_service, self._window, self._niceness),
                name=f"idol-{self.name}",
                daemon=True,
            )
            self._process.start()
            theirs.close()
            threading.Thread(
                target=_read_reports,
                args=(self._connection, loop, self._accept, self._lost),
                name=f"idol-{self.name}-reader",
                daemon=True,
            ).start()
            await self._ready

    async def stream(self, request: Request) -> AsyncGenerator[Item, None]:
        """Items for `request`; leaving the loop early cancels it within one item."""
        await self.start()
        stream = next(self._ids)
        queue: asyncio.Queue[_Made | _Ended] = asyncio.Queue()
        self._streams[stream] = queue
        self._send(_Start(stream, request))
        try:
            while isinstance(report := await queue.get(), _Made):
                self._send(_Taken(stream))
                yield report.item
            if report.error is not None:
                raise report.error
        finally:
            if self._streams.pop(stream, None) is not None:
                self._send(_Cancel(stream))

    async def aclose(self) -> None:
        process, self._process = self._process, None
        if self._connection is not None:
            self._connection.close()
        if process is not None:
            process.terminate()
            await asyncio.to_thread(process.join, 5)
            if process.is_alive():
                process.kill()

    def _send(self, command: _Command) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):  # a dead child is reported by the reader
                self._connection.send(command)

    def _accept(self, connection: Connection, report: _Report) -> None:
        if connection is not self._connection:
            return
        match report:
            case _Ready():
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(None)
            case _Ended(stream=0, error=error) if error is not None:
                if self._ready is not None and not self._ready.done():
                    self._ready.set_exception(error)
            case _Made(stream=stream) | _Ended(stream=stream):
                if queue := self._streams.get(stream):
                    queue.put_nowait(report)

    def _lost(self, connection: Connection) -> None:
        if connection is not self._connection or self._process is None:
            return
        log.error("worker lost", extra={"worker": self.name})
        error = WorkerError(
            f"The {self.name} process ended before it finished; it starts again with the next "
            "request. If this repeats, run `idol doctor` and look for too little memory."
        )
        self._process = None
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(error)
        for stream, queue in self._streams.items():
            queue.put_nowait(_Ended(stream, error))


def _read_reports(
    connection: Connection,
    loop: asyncio.AbstractEventLoop,
    accept: Callable[[Connection, _Report], None],
    lost: Callable[[Connection], None],
) -> None:
    with contextlib.suppress(RuntimeError):  # the loop closed first: nobody is left to tell
        try:
            while True:
                loop.call_soon_threadsafe(accept, connection, connection.recv())
        except (EOFError, OSError, TypeError):  # TypeError: closed by us in the middle of recv
            loop.call_soon_threadsafe(lost, connection)


def _run_child(
    connection: Connection,
    open_service: Callable[[], Service[Any, Any]],
    window: int,
    niceness: int,
) -> None:
    # The parent decides when to stop; a Ctrl-C in the terminal reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(niceness)
    with contextlib.suppress(EOFError, OSError):  # the parent is gone
        try:
            service = open_service()
        except Exception as error:  # whatever the model's libraries raise is reported once
            connection.send(_Ended(0, _told(error)))
            return
        connection.send(_Ready())
        _Child(connection, service, window).run()


class _Child:
    """The loop inside the worker process."""

    def __init__(self, connection: Connection, service: Service[Any, Any], window: int) -> None:
        self.connection = connection
        self.service = service
        self.window = window
        self.live: dict[int, Iterator[Any]] = {}
        self.ahead: dict[int, int] = {}

    def run(self) -> None:
        while True:
            runnable = [stream for stream in self.live if self.ahead[stream] < self.window]
            while not runnable or self.connection.poll():
                self.obey(self.connection.recv())
                runnable = [stream for stream in self.live if self.ahead[stream] < self.window]
            for stream in runnable:
                if stream in self.live:
                    self.step(stream)

    def obey(self, command: _Command) -> None:
        match command:
            case _Start(stream=stream, request=request):
                self.live[stream] = iter(self.service.serve(request))
                self.ahead[stream] = 0
            case _Taken(stream=stream) if stream in self.ahead:
                self.ahead[stream] -= 1
            case _Cancel(stream=stream) if stream in self.live:
                self.forget(stream)

    def step(self, stream: int) -> None:
        try:
            item = next(self.live[stream])
        except StopIteration:
            self.forget(stream)
            self.connection.send(_Ended(stream))
        except Exception as error:  # one request's failure must not end the others
            self.forget(stream)
            self.connection.send(_Ended(stream, _told(error)))
        else:
            self.ahead[stream] += 1
            self.connection.send(_Made(stream, item))

    def forget(self, stream: int) -> None:
        iterator = self.live.pop(stream)
        del self.ahead[stream]
        if close := getattr(iterator, "close", None):
            close()


def _told(error: Exception) -> IdolError:
    """An error that can cross to the parent: ours as it is, another's by its type and place.

    A foreign message may quote what a user said, so only its type is told.
    """
    if isinstance(error, IdolError):
        return error
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = (
        f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        if trace
        else "an unknown place"
    )
    return WorkerError(
        f"The model failed with {type(error).__name__} at {place}; this is a defect, please "
        "report it with the output of `idol doctor`."
    )
