"""Sessions whose connection is gone wait for their clients, within bounds."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.server.conftest import OpenScene, Scene
from tests.server.returning import close, lose, nobody_is_connected, refusal, resume, token_of


async def test_all_who_were_connected_can_come_back(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_connections": 20})
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(scene.client("idol.v1")) for _ in range(20)]
        tokens = [await token_of(client) for client in clients]
        for client in clients:
            await client.say("Hi.")
        for client in clients:
            client.socket.transport.abort()
    await nobody_is_connected(scene)
    async with AsyncExitStack() as stack:
        for token in tokens:
            await resume(await stack.enter_async_context(scene.client("idol.v1")), token)


async def test_sessions_that_wait_are_bounded_in_bytes_and_who_had_to_leave_is_told_why(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(limits={"max_waiting_bytes": 20_000})
    tokens = []
    for _ in range(3):
        async with scene.client("idol.v1") as client:
            tokens.append(await token_of(client))
            await client.say("long " * 800)
            await lose(client)
        await nobody_is_connected(scene)
    assert "waited longest" in await refusal(scene, tokens[0])
    async with scene.client("idol.v1") as client:
        await resume(client, tokens[2])


async def test_a_session_that_nobody_comes_back_to_ends(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"resume_s": 0.01})
    async with scene.client("idol.v1") as client:
        token = await token_of(client)
        await client.ask("Hi.")
        await lose(client)
    async with asyncio.timeout(5):
        while not scene.stage.left:
            await asyncio.sleep(0)
    await refusal(scene, token)


@pytest.mark.parametrize("code", [1000, 1005])
async def test_a_client_that_says_goodbye_leaves_nothing_behind(scene: Scene, code: int) -> None:
    async with scene.client("idol.v1") as client:
        token = await token_of(client)
        await client.ask("Hi.")
        await close(client, code)
    async with asyncio.timeout(5):
        while not scene.stage.left:
            await asyncio.sleep(0)
    await refusal(scene, token)


@pytest.mark.parametrize("code", [1001, 4000])
async def test_a_page_that_is_reloaded_comes_back(scene: Scene, code: int) -> None:
    """Browsers send 1001 when a page is reloaded or left."""
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("Hi.")
        await close(first, code)
    async with scene.client("idol.v1") as second:
        await second.send({"type": "idol.resume", "token": token})
        await second.until("idol.resumed")


async def test_too_many_waiting_sessions_let_the_oldest_go(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_waiting_sessions": 1})
    tokens = []
    for _ in range(2):
        async with scene.client("idol.v1") as client:
            tokens.append(await token_of(client))
            await client.ask("Hi.")
            await lose(client)
        await nobody_is_connected(scene)
    await refusal(scene, tokens[0])
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.resume", "token": tokens[1]})
        await client.until("idol.resumed")


async def test_sessions_that_break_at_once_do_not_wait_past_the_limit(
    open_scene: OpenScene,
) -> None:
    """Each that has to leave is in the middle of an answer, which takes a while to end."""
    scene = await open_scene(limits={"max_waiting_sessions": 1})
    scene.stage.dialogue.never_ends = True
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(scene.client("idol.v1")) for _ in range(4)]
        for client in clients:
            await client.say("Sing.")
            await client.send({"type": "response.create"})
            await client.until("idol.utterance.started")
        for client in clients:
            client.socket.transport.abort()
    await nobody_is_connected(scene)
    async with asyncio.timeout(5):
        while len(scene.stage.performers) > 1:
            await asyncio.sleep(0)
