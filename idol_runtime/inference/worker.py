"""Models that must never delay a frame live in processes of their own.

A worker turns requests into streams of items. Several streams share one model, which may advance
them in one batched run; a cancelled stream ends within one item. A stream may run at most `window`
items ahead of its reader, and only so many are live at once: the rest wait in order. A child that
dies or hangs fails the streams it held with one sentence each and is started again, later each
time if it keeps dying.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, Literal, TypeAlias

from idol_runtime.errors import BundleError, IdolError, ProviderError, StoreError, WorkerError
from idol_runtime.inference.messages import BEAT_S
from idol_runtime.inference.process import ChildProcess, Room
from idol_runtime.inference.service import Capabilities, Item, Request, Service
from idol_runtime.inference.vitals import BackOff, Patience

log = logging.getLogger(__name__)

WorkerEvent: TypeAlias = Literal["restart", "hang"]

DRAINING: Patience = Patience(silence_s=2 * BEAT_S, step_s=4 * BEAT_S)
"""Of a server that is being stopped: nobody waits for a child that may never answer."""

_KINDS: tuple[type[IdolError], ...] = (BundleError, ProviderError, StoreError)
"""Why a model may not open; they keep their kind when it is told again."""

# Any: what a stream is, only the service in the child knows.


class Worker(Generic[Request, Item, Capabilities]):
    """One supervised process that holds one model."""

    def __init__(
        self,
        name: str,
        open_service: Callable[[], Service[Request, Any, Item, Capabilities]],
        *,
        room: Room = Room(),  # noqa: B008 - frozen
        niceness: int = 5,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        """A worker that starts with its first request, or with `start`.

        Args:
            name: Names the process in logs and errors.
            open_service: Called in the child; must be picklable.
            room: How much the child takes on.
            niceness: Added in the child, so that the stage's ticks come first.
            patience: How long the child may be silent, or at one step.
        """
        self.name = name
        self.on_event: Callable[[WorkerEvent], None] = lambda event: None
        """Called with each restart, and with each hang that made one necessary."""
        self.on_item: Callable[[Item], None] = lambda item: None
        """Called with each item before its reader has it."""
        self._open_service = open_service
        self._room, self._niceness, self._patience = room, niceness, patience
        self._back_off = BackOff()
        self._process: ChildProcess[Request, Item, Capabilities] | None = None
        self._processes: set[ChildProcess[Request, Item, Capabilities]] = set()
        """Those of which something is left, the newest among them."""
        self._failure: IdolError | None = None
        """Why the last process ended."""
        self._next_start_s = 0.0
        """On the loop's clock."""
        self._restart: asyncio.TimerHandle | None = None
        self._was_open = False
        self._is_draining = False

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

    @property
    def streaming(self) -> int:
        """How many streams are being read, or wait for their turn."""
        return self._process.streaming if self._process else 0

    @property
    def problem(self) -> str | None:
        """Why it cannot serve a request now, as a sentence, or None when it can."""
        if self._process is None:
            return str(self._not_now()) if self._failure else f"The {self.name} process is not up."
        if not self._process.is_open:
            return f"The {self.name} process is opening its model."
        if doubt := self._process.vitals.doubt:
            return f"The {self.name} process {doubt}."
        return None

    def begin(self) -> None:
        """Starts the process if none runs; `start` waits for it and tells what went wrong."""
        if self._process is None:
            self._begin()

    async def start(self) -> None:
        """Starts the process if none runs and waits until its model is open.

        Raises:
            WorkerError: the child died before it was ready, or is to be started again later.
            IdolError: what opening the model raised in the child.
        """
        await self._running()

    async def stream(self, request: Request) -> AsyncGenerator[Item, None]:
        """Items for `request`; leaving the loop early cancels it within one item.

        Raises:
            RequestError: `server_overloaded`, too many wait already.
            WorkerError: the process ended, hung, or is to be started again later.
            IdolError: what opening or running the model raised in the child.
        """
        process = await self._running()
        async with contextlib.aclosing(process.stream(request)) as items:
            async for item in items:
                self.on_item(item)
                yield item

    def drain(self) -> None:
        """The server is being stopped: a child that does not answer is ended, none is started."""
        self._is_draining = True
        if self._process is not None:
            self._process.vitals.patience = DRAINING

    async def aclose(self) -> None:
        """Ends the process at once; streams that are being read fail."""
        if self._restart is not None:
            self._restart.cancel()
        self._process = None
        for process in tuple(self._processes):
            process.kill()
            await process.buried()

    async def _running(self) -> ChildProcess[Request, Item, Capabilities]:
        if self._process is None:
            if self._is_draining:
                raise WorkerError(f"The {self.name} process is being stopped with the server.")
            if asyncio.get_running_loop().time() < self._next_start_s:
                raise self._not_now()
            self._begin()
        process = self._process
        assert process is not None
        await process.opened()
        return process

    def _begin(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
        self._process = process = ChildProcess(
            self.name,
            self._open_service,
            self._room,
            self._niceness,
            self._patience,
            lambda failure: self._failed(process, failure),
        )
        self._processes.add(process)
        process.when_buried(lambda: self._processes.discard(process))

    def _failed(
        self, process: ChildProcess[Request, Item, Capabilities], failure: IdolError
    ) -> None:
        """A process can serve no more: the next one starts, now or later."""
        if process is not self._process:  # it was closed
            return
        self._process, self._failure = None, failure
        process.kill()
        if process.hung is not None:
            self.on_event("hang")
        loop = asyncio.get_running_loop()
        opened_at_s = process.opened_at_s
        worked_s = loop.time() - opened_at_s if opened_at_s is not None else 0.0
        delay_s = self._back_off.delay_s(worked_s)
        self._next_start_s = loop.time() + delay_s
        self._was_open |= opened_at_s is not None
        # One that was never open has told whoever asked for it why, and they may ask again.
        if self._was_open and not self._is_draining:
            log.warning("worker restarts", extra={"worker": self.name, "delay_s": delay_s})
            if delay_s:
                self._restart = loop.call_later(delay_s, self._start_again)
            else:
                self._start_again()

    def _start_again(self) -> None:
        if not self._is_draining:
            self.on_event("restart")
            self._begin()

    def _not_now(self) -> IdolError:
        kind = next((each for each in _KINDS if isinstance(self._failure, each)), WorkerError)
        in_s = math.ceil(self._next_start_s - asyncio.get_running_loop().time())
        when = "now" if in_s <= 0 else f"in {in_s} s"
        return kind(f"{self._failure} It is started again {when}; ask again then.")
