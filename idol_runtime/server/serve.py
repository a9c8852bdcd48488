"""A served character: server and stage page around an engine that runs."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from idol_runtime.conversation.character_handle import Cast
from idol_runtime.conversation.turn_handle import Ended
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

    def watch_evictions(self, on_eviction: Callable[[str], None]) -> None: ...

    def watch_turns(self, on_turn_ended: Callable[[Ended], None]) -> None: ...

    async def warm_up(self) -> None: ...


async def serve(
    config: ServerConfig,
    engine: RunningEngine,
    *,
    avatars: Mapping[str, Path],
    when_ready: Callable[[str], None],
) -> None:
    """Serves until SIGINT or SIGTERM.

    The port is taken first, so that a port in use is reported at once; `/readyz` says 503 until
    every model has run.

    Raises:
        ConfigError: the address cannot be listened on.
        IdolError: a model cannot be opened, or the stage stopped.
    """
    server = Server(config, engine.cast, avatars=avatars)
    engine.watch_ticks(server.metrics.tick.observe)
    engine.watch_evictions(server.metrics.evicted)
    engine.watch_turns(server.metrics.turn)
    async with open_server(server):
        await engine.warm_up()
        server.is_warm = True
        when_ready(server.url)
        stopped = asyncio.create_task(server.serve_until_stopped())
        await asyncio.wait([stopped, engine.ticking], return_when=asyncio.FIRST_COMPLETED)
        server.is_warm = False
        if engine.ticking.done():
            log.error("the stage stopped")
            stopped.cancel()
            engine.ticking.result()
        await stopped
