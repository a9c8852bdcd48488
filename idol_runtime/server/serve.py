"""A served character: server and stage page around an engine that runs."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from idol_runtime.conversation.character_handle import Cast
from idol_runtime.conversation.models import WorkerEvent
from idol_runtime.conversation.turn_handle import Ended
from idol_runtime.dialogue.messages import GenerationDone
from idol_runtime.mind.memory.keeping import Keeper
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.server import Server, open_server

log = logging.getLogger(__name__)


class RunningEngine(Protocol):
    """What serving needs of an engine; `idol_runtime.engine.engine.Engine` has it."""

    @property
    def cast(self) -> Cast: ...

    @property
    def ticking(self) -> asyncio.Task[None]:
        """Ends with the error that stopped the stage."""
        ...

    def watch_ticks(self, on_tick: Callable[[float], None]) -> None: ...

    def watch_skips(self, on_skip: Callable[[int], None]) -> None: ...

    def watch_evictions(self, on_eviction: Callable[[str], None]) -> None: ...

    def watch_turns(self, on_turn_ended: Callable[[Ended], None]) -> None: ...

    def watch_replies(self, on_done: Callable[[int, GenerationDone], None]) -> None: ...

    def watch_workers(self, on_event: Callable[[str, WorkerEvent], None]) -> None: ...

    @property
    def problem(self) -> str | None:
        """Why no turn can be served now, as a sentence."""
        ...

    def drain(self) -> None: ...

    async def warm_up(self) -> None: ...


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGINT and SIGTERM set, once each; a second one is as rude as ever."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    taken = []
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows raises KeyboardInterrupt instead
            loop.add_signal_handler(number, stopped.set)
            taken.append(number)
    try:
        yield stopped
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


async def serve(
    config: ServerConfig,
    engine: RunningEngine,
    *,
    avatars: Mapping[str, Path],
    when_ready: Callable[[str], None],
    stopped: asyncio.Event,
    keeper: Keeper | None = None,
) -> None:
    """Serves until `stopped` is set.

    The port is taken first, so that a port in use is reported at once; `/readyz` says 503 until
    every model has run, and whenever one cannot.

    Raises:
        ConfigError: the address cannot be listened on.
        IdolError: a model cannot be opened, or the stage stopped.
    """
    server = Server(config, engine.cast, avatars=avatars, keeper=keeper)
    server.problem = lambda: engine.problem
    if keeper is not None:
        keeper.on_failure = server.metrics.memory_failures.inc
    engine.watch_ticks(server.metrics.tick.observe)
    engine.watch_skips(server.metrics.frames_skipped.inc)
    engine.watch_evictions(server.metrics.evicted)
    engine.watch_turns(server.metrics.turn)
    engine.watch_replies(server.metrics.replied)
    engine.watch_workers(server.metrics.worker)
    async with open_server(server):
        warming = asyncio.create_task(engine.warm_up())
        stopping = asyncio.create_task(stopped.wait())
        first = asyncio.FIRST_COMPLETED
        try:
            await asyncio.wait([warming, stopping, engine.ticking], return_when=first)
            if warming.done():
                warming.result()
                server.is_warm = True
                when_ready(server.url)
                await asyncio.wait([stopping, engine.ticking], return_when=first)
        finally:
            server.is_warm = False
            engine.drain()
            for task in (warming, stopping):
                task.cancel()
            await asyncio.wait([warming, stopping])
        if engine.ticking.done():
            log.error("the stage stopped")
            engine.ticking.result()
