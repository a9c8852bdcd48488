"""A shutdown says goodbye, lets answers end, and takes bounded time."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus

from idol_runtime.server.serve import stop_signals
from tests.server.conftest import OpenScene, Scene
from tests.server.returning import until_counted


async def test_clients_are_told_then_closed_with_1012(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.alive()
        stopping = asyncio.create_task(scene.server.shutdown())
        goodbye = (await client.until("idol.goaway"))[-1]
        assert goodbye["in_ms"] == 10_000
        assert goodbye["reason"]
        assert await client.closed() == 1012
        await stopping
    assert scene.stage.performers == []


async def test_an_answer_in_progress_is_finished_first(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.say("Hi.")
        await client.send({"type": "response.create"})
        await client.until("response.created")
        stopping = asyncio.create_task(scene.server.shutdown())
        done = (await client.until("response.done"))[-1]
        assert done["response"]["status"] == "completed"
        await stopping


async def test_an_answer_that_never_ends_does_not_hold_the_shutdown(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"drain_s": 0.2})
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1", close_timeout=0.1) as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        await client.until("idol.utterance.started")
        await asyncio.wait_for(scene.server.shutdown(), 5)
    assert scene.stage.performers == []


async def test_nobody_new_is_let_in_while_draining(scene: Scene) -> None:
    scene.server.is_draining = True
    with pytest.raises(InvalidStatus) as refused:
        async with scene.client("idol.v1"):
            pass
    assert refused.value.response.status_code == 503
    scene.server.is_draining = False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_shuts_the_server_down(scene: Scene, number: signal.Signals) -> None:
    async with scene.client("idol.v1") as client:
        await client.alive()
        with stop_signals() as stopped:
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stopped.wait(), 5)
        stopping = asyncio.create_task(scene.server.shutdown())
        await client.until("idol.goaway")
        await asyncio.wait_for(stopping, 5)
    assert scene.server.is_draining


async def test_many_sessions_that_wait_do_not_hold_a_shutdown_up(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"answer_s": 20})
    scene.stage.dialogue.never_ends = True
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(scene.client("idol.v1")) for _ in range(12)]
        for client in clients:
            await client.say("Sing.")
            await client.send({"type": "response.create"})
            await client.until("response.created")
            client.socket.transport.abort()
    await until_counted(scene, "idol_sessions_waiting", 12)
    async with asyncio.timeout(30):
        await scene.server.shutdown()
    assert not scene.stage.performers
    assert b"idol_sessions_waiting 0.0" in scene.server.metrics.page()
