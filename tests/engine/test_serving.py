"""A server around real workers: when it is ready, and how it stops."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from idol_runtime.character import load_character
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.engine.engine import CastEntry, EngineConfig, open_engine
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.serve import serve

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here"
)


@dataclass
class Running:
    client: httpx.AsyncClient
    stopped: asyncio.Event
    serving: asyncio.Task[None]

    async def readiness(self) -> tuple[int, str]:
        response = await self.client.get("/readyz")
        return response.status_code, response.text.strip()

    async def until(self, status: int) -> str:
        """What it says when it first says so."""
        async with asyncio.timeout(60):
            while (said := await self.readiness())[0] != status:
                pass
        return said[1]

    def stop_worker(self, name: str) -> None:
        [process] = [
            each for each in multiprocessing.active_children() if each.name == f"idol-{name}"
        ]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)

    async def end(self) -> None:
        self.stopped.set()
        await asyncio.wait_for(self.serving, 10)


@asynccontextmanager
async def running(folders: ModelFolders, desk: Path) -> AsyncIterator[Running]:
    entry = CastEntry("ren", load_character(desk / "ren"), folders)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    url: asyncio.Future[str] = loop.create_future()
    async with open_engine([entry], EngineConfig("cpu", threads=1), at_once=True) as engine:
        config = ServerConfig(port=0)
        serving = asyncio.create_task(
            serve(config, engine, avatars={}, when_ready=url.set_result, stopped=stopped)
        )
        try:
            async with httpx.AsyncClient(base_url=await url) as client:
                yield Running(client, stopped, serving)
        finally:
            stopped.set()
            await asyncio.wait([serving])
    assert not multiprocessing.active_children()


@pytest.mark.slow
async def test_it_is_ready_only_while_every_worker_answers(
    folders: ModelFolders, desk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with running(folders, desk) as server:
        assert await server.readiness() == (200, "ready")
        server.stop_worker("speech")
        assert "speech process has given no sign of life" in await server.until(503)
        assert await server.until(200) == "ready"
        metrics = (await server.client.get("/metrics")).text
        assert 'idol_worker_hangs_total{worker="speech"} 1.0' in metrics
        assert 'idol_worker_restarts_total{worker="speech"} 1.0' in metrics
        await server.end()


@pytest.mark.parametrize("name", ["dialogue", "speech"])
async def test_a_stopped_worker_does_not_hold_up_the_end(
    folders: ModelFolders, desk: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.CRITICAL)
    async with running(folders, desk) as server:
        server.stop_worker(name)
        await server.end()


async def test_a_start_can_be_stopped(folders: ModelFolders, desk: Path) -> None:
    entry = CastEntry("ren", load_character(desk / "ren"), folders)
    stopped = asyncio.Event()
    stopped.set()

    def ready(url: str) -> None:
        raise AssertionError("it was stopped before")

    async with open_engine([entry], EngineConfig("cpu", threads=1), at_once=True) as engine:
        config = ServerConfig(port=0)
        serving = serve(config, engine, avatars={}, when_ready=ready, stopped=stopped)
        await asyncio.wait_for(serving, 10)
    assert not multiprocessing.active_children()
