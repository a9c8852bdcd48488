"""Whose token it is has the session, whoever carries it."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed

from tests.server.conftest import Client, OpenScene, Scene
from tests.server.returning import (
    answer_to_resume,
    lose,
    refusal,
    resume,
    token_of,
    until_counted,
)


async def resume_unheard(scene: Scene, client: Client, token: str) -> str:
    """Takes a session up and reads nothing of it; the token that the connection began with."""
    mine = await token_of(client)
    await until_counted(scene, "idol_sessions_waiting", 1)
    client.socket.transport.pause_reading()
    await client.send({"type": "idol.resume", "token": token})
    await until_counted(scene, "idol_sessions_waiting", 0)
    return mine


async def test_a_token_works_once(scene: Scene) -> None:
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("Hi.")
        await lose(first)
    async with scene.client("idol.v1") as second, scene.client("idol.v1") as third:
        await second.send({"type": "idol.resume", "token": token})
        await second.until("idol.resumed")
        await third.send({"type": "idol.resume", "token": token})
        assert (await third.error())["code"] == "session_not_found"
        await third.alive()


async def test_a_session_is_taken_over_from_a_connection_that_nobody_knows_is_gone(
    scene: Scene,
) -> None:
    async with scene.client("idol.v1") as gone, scene.client("idol.v1") as back:
        token = await token_of(gone)
        await gone.ask("My name is Ann.")
        gone.socket.transport.pause_reading()  # the network is away: no reset, no close
        events = await resume(back, token)
        assert events[-2]["type"] == "idol.resumed"
        await back.ask("Who am I?")
        said = [each.content for each in scene.stage.dialogue.requests[-1].messages]
        assert "My name is Ann." in said
        gone.socket.transport.resume_reading()
        assert await gone.closed() == 4409
        await back.alive()
    async with asyncio.timeout(5):
        while scene.stage.performers:
            await asyncio.sleep(0)


async def test_of_two_that_resume_at_once_one_has_the_session(scene: Scene) -> None:
    async with (
        scene.client("idol.v1") as lost,
        scene.client("idol.v1") as one,
        scene.client("idol.v1") as other,
    ):
        token = await token_of(lost)
        await lost.ask("Hi.")
        await lose(lost)
        for client in (one, other):
            await client.send({"type": "idol.resume", "token": token})
        answers = [await answer_to_resume(client) for client in (one, other)]
        assert sorted(answers) == ["idol.resumed", "session_not_found"]
        await one.alive()
        await other.alive()


async def test_each_return_gives_a_new_token_and_the_old_one_opens_nothing(scene: Scene) -> None:
    async with scene.client("idol.v1") as first:
        tokens = [await token_of(first)]
        await first.ask("Hi.")
        await lose(first)
    for _ in range(3):
        async with scene.client("idol.v1") as client:
            tokens.append((await resume(client, tokens[-1]))[-1]["token"])
            await client.alive()
            await lose(client)
    assert len(set(tokens)) == 4
    for old in tokens[:-1]:
        assert "newer token" in await refusal(scene, old)
    async with scene.client("idol.v1") as client:
        await resume(client, tokens[-1])


async def test_a_token_whose_successor_was_lost_on_the_way_still_opens(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(limits={"answer_s": 0.1})
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("Hi.")
        await lose(first)
    async with scene.client("idol.v1") as deaf:
        mine = await resume_unheard(scene, deaf, token)
        async with scene.client("idol.v1") as back:
            last = (await resume(back, token))[-1]["token"]
            await back.alive()
            await lose(back)
        deaf.socket.transport.resume_reading()
    await refusal(scene, mine)
    async with scene.client("idol.v1") as late:
        await resume(late, last)


async def test_the_token_that_a_connection_began_with_opens_the_session_it_resumed(
    open_scene: OpenScene,
) -> None:
    """A client may have kept it before it read that its `idol.resume` had gone well."""
    scene = await open_scene(limits={"answer_s": 0.1})
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("My name is Ann.")
        await lose(first)
    async with scene.client("idol.v1") as deaf:
        mine = await resume_unheard(scene, deaf, token)
        await lose(deaf)
    async with scene.client("idol.v1") as back:
        await resume(back, mine)
        await back.ask("Who am I?")
    said = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert "My name is Ann." in said


async def test_what_a_connection_still_sends_when_its_session_is_taken_over_hurts_nobody(
    open_scene: OpenScene, caplog: pytest.LogCaptureFixture
) -> None:
    scene = await open_scene(limits={"units_at_once": 20.0, "units_per_s": 200.0})
    async with scene.client("idol.v1") as old, scene.client("idol.v1") as new:
        token = await token_of(old)
        await old.send({"type": "idol.emotion.set", "emotion": {"joy": 1.0}})
        await new.until("idol.stream.opened")
        for number in range(200):
            await old.send({"type": "idol.clock.ping", "id": number, "client_us": 0})
        await old.until("error")  # it is read slowly, and more of it waits
        await new.send({"type": "idol.resume", "token": token})
        await new.until("idol.resumed")
        with pytest.raises(ConnectionClosed):
            while True:
                await old.next()
        await until_counted(scene, "idol_ws_connections", 1)
        await new.alive()
    await scene.server.shutdown()
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
