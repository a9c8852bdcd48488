"""A served character: engine, server and stage page together."""

import asyncio
import logging
from collections.abc import Callable

from idol_runtime.avatar import build_avatar
from idol_runtime.character import Character
from idol_runtime.engine import EngineConfig, open_engine
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.server import Server, open_server
from idol_runtime.services import ModelFolders

log = logging.getLogger(__name__)


async def serve(
    config: ServerConfig,
    character: Character,
    folders: ModelFolders,
    engine_config: EngineConfig,
    *,
    when_ready: Callable[[str], None],
) -> None:
    """Serves until SIGINT or SIGTERM.

    The port is taken first, so that a port in use is told at once; `/readyz` says 503 until every
    model has run.

    Raises:
        ConfigError: the address cannot be listened on.
        IdolError: a model cannot be opened, or the stage stopped.
    """
    async with open_engine(folders, engine_config) as engine:
        server = Server(config, engine, character, avatar=build_avatar)
        engine.stage.on_tick = server.metrics.tick.observe
        async with open_server(server):
            await asyncio.gather(engine.warm_up(character), server.pages.warm_up())
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
