"""A child process from its start to its end, and the streams it holds."""

import asyncio
import contextlib
import itertools
import logging
import multiprocessing
import threading
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic

import psutil

from idol_runtime.errors import IdolError, WorkerError
from idol_runtime.inference.child import portable, run_child
from idol_runtime.inference.command_queue import CommandQueue
from idol_runtime.inference.messages import (
    BEAT_S,
    Heartbeat,
    Made,
    NotOpened,
    Ready,
    Report,
    StreamEnded,
)
from idol_runtime.inference.places import Places
from idol_runtime.inference.service import Capabilities, Item, Request, Service
from idol_runtime.inference.vitals import Patience, Vitals

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """How much a child takes on."""

    window: int = 16
    """Items a stream may be ahead of its reader."""
    streams: int = 8
    """Streams that are live in the child at once: each costs it memory."""
    waiting: int = 56
    """Requests that may wait for one of those places."""


# Any: what a stream is, only the service in the child knows.


class ChildProcess(Generic[Request, Item, Capabilities]):
    """One life. Nothing here blocks the event loop, whatever the child does or does not do.

    A thread of its own starts the child, writes to it and buries it; another one reads.
    """

    capabilities: Capabilities
    """There once `is_open`."""

    def __init__(
        self,
        name: str,
        open_service: Callable[[], Service[Request, Any, Item, Capabilities]],
        room: Room,
        niceness: int,
        patience: Patience,
        on_failed: Callable[[IdolError], None],
    ) -> None:
        """Begins it; `on_failed` is called once, before its readers are told."""
        self._name, self._window = name, room.window
        self.vitals = Vitals(patience)
        self.opened_at_s: float | None = None
        """On the loop's clock."""
        self.hung: str | None = None
        """Why it was killed, if it was taken for hung."""
        self._loop = loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._readers: dict[int, asyncio.Queue[Made[Item] | StreamEnded]] = {}
        self._places = Places(name, room.streams, room.waiting)
        self._commands: CommandQueue[Request] = CommandQueue()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._failure: IdolError | None = None
        self._on_failed = on_failed
        self._buried: asyncio.Future[None] = loop.create_future()
        self._is_killed = threading.Event()
        context = multiprocessing.get_context("spawn")
        self._connection, self._theirs = context.Pipe()
        self._process = context.Process(
            target=run_child,
            # The service travels as bytes: unpickling it imports what needs the child made ready.
            args=(
                self._theirs,
                bytes(ForkingPickler.dumps(open_service)),
                room.window,
                niceness,
            ),
            name=f"idol-{name}",
            daemon=True,
        )
        self._reader = threading.Thread(
            target=self._read_reports, name=f"idol-{name}-reader", daemon=True
        )
        threading.Thread(target=self._keep, name=f"idol-{name}-writer", daemon=True).start()
        self._watching = asyncio.create_task(self._watch())

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def is_open(self) -> bool:
        return self._opened.done() and self._failure is None

    @property
    def streaming(self) -> int:
        """How many streams are being read, or wait for their turn."""
        return len(self._readers)

    async def opened(self) -> None:
        """Returns when the model is open; raises why it is not, or no longer."""
        await asyncio.wait([self._opened])
        if self._failure is not None:
            raise self._failure

    async def buried(self) -> None:
        """Returns when nothing is left of it."""
        await asyncio.wait([self._buried])

    def when_buried(self, call: Callable[[], None]) -> None:
        self._buried.add_done_callback(lambda _: call())

    async def stream(self, request: Request) -> AsyncGenerator[Item, None]:
        """Items for `request`; see `Worker.stream`."""
        await self._places.take()
        number = next(self._numbers)
        reader = self._readers[number] = asyncio.Queue()
        self._commands.start(number, request)
        taken, at_once = 0, max(1, self._window // 4)
        try:
            while isinstance(report := await reader.get(), Made):
                taken += 1
                if taken == at_once:
                    self._commands.taken(number, taken)
                    taken = 0
                yield report.item
            if report.error is not None:
                raise report.error
        finally:
            is_live = self._readers.pop(number, None) is not None
            if is_live and self._commands.cancel(number):
                self._places.give_back()

    def kill(self, failure: IdolError | None = None) -> None:
        """Ends it at once, stopped or not. Its readers are told `failure`, else that it ended."""
        self._fail(failure or self._lost_error())
        self._is_killed.set()
        self._commands.close()
        if self._process.pid is not None:
            self._process.kill()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self.vitals.look(self._cpu_s())
            if (hang := self.vitals.hang) is not None:
                self.hung = hang
                log.error("worker hung", extra={"worker": self._name, "hang": hang})
                self.kill(
                    WorkerError(
                        f"The {self._name} process {hang} and was ended. If this repeats, the "
                        "machine may have too little memory or too much to do; run `idol doctor`."
                    )
                )
                return

    def _cpu_s(self) -> float | None:
        """The processor time it has had."""
        with contextlib.suppress(psutil.Error):
            if (pid := self._process.pid) is not None:
                times = psutil.Process(pid).cpu_times()
                return float(times.user + times.system)
        return None

    # In threads of their own

    def _keep(self) -> None:
        """Starts the child, writes to it, buries it."""
        try:
            self._process.start()
        except OSError as error:
            log.error("worker not started", extra={"worker": self._name, "error": str(error)})
        self._theirs.close()
        if self._is_killed.is_set() and self._process.pid is not None:
            self._process.kill()  # `kill` came too early for that
        self._reader.start()
        with contextlib.suppress(OSError):  # a dead child is reported by the reading thread
            while commands := self._commands.next():
                for command in commands:
                    self._write(command)
        self._reader.join()
        if self._process.pid is not None:
            self._process.join()
        self._connection.close()
        self._tell(partial(self._buried.set_result, None))

    def _write(self, command: Any) -> None:
        try:
            message = ForkingPickler.dumps(command)
        except Exception as error:  # whatever pickle finds in a foreign request
            ended = StreamEnded(command.stream, portable(error))
            self._tell(partial(self._accept, ended))
        else:
            self._connection.send_bytes(message)

    def _read_reports(self) -> None:
        try:
            while True:
                self._tell(partial(self._accept, self._connection.recv()))
        except (EOFError, OSError):
            pass
        except Exception as error:  # whatever unpickling an engine's own items raises
            kind = type(error).__name__
            log.error("report not read", extra={"worker": self._name, "error": kind})
        self._tell(self._lost)

    def _tell(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop closed first: nobody is left to tell
            self._loop.call_soon_threadsafe(call)

    # In the loop again

    def _accept(self, report: Report[Capabilities, Item]) -> None:
        if self._failure is not None:
            return
        self.vitals.heard()
        match report:
            case Heartbeat(work=work):
                self.vitals.beat(work)
            case Ready(capabilities=capabilities):
                self.capabilities = capabilities
                self.vitals.opened()
                self.opened_at_s = self._loop.time()
                self._opened.set_result(None)
            case NotOpened(error=error):
                self._fail(error)
            case Made(stream=number):
                if reader := self._readers.get(number):
                    reader.put_nowait(report)
            case StreamEnded(stream=number):
                self._commands.forget(number)
                self._places.give_back()
                if reader := self._readers.pop(number, None):
                    reader.put_nowait(report)

    def _lost(self) -> None:
        if self._failure is None:  # neither it nor we said that it ends
            log.error("worker lost", extra={"worker": self._name})
        self.kill()

    def _lost_error(self) -> WorkerError:
        return WorkerError(
            f"The {self._name} process ended before it finished. If this repeats, run `idol "
            "doctor` and look for too little memory."
        )

    def _fail(self, failure: IdolError) -> None:
        """Tells whoever reads or waits, once."""
        if self._failure is not None:
            return
        self._failure = failure
        self._on_failed(failure)
        self._watching.cancel()
        if not self._opened.done():
            self._opened.set_result(None)
        self._places.close(failure)
        while self._readers:
            number, reader = self._readers.popitem()
            reader.put_nowait(StreamEnded(number, failure))
