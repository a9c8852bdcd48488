"""`?watch`: the overlay looks on, at a private character's newest session or at a shared one."""

import asyncio

import pytest
from msgspec.structs import replace

from tests.server.conftest import HOSHI, Client, Event, OpenScene, Scene, SteppedStage

SAID = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]}
REQUESTS: list[Event] = [
    {"type": "response.create"},
    {"type": "response.cancel"},
    {"type": "conversation.item.create", "item": SAID},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 0},
    {"type": "idol.gesture.create", "gesture": "wave"},
    {"type": "idol.activity.set", "activity": "dance"},
    {"type": "idol.emotion.set", "emotion": {"happy": 1.0}},
]  # fmt: skip


async def began(client: Client) -> None:
    await client.alive()


async def test_who_watches_sees_and_hears_what_the_newest_session_does(scene: Scene) -> None:
    async with scene.client("idol.v1") as old, scene.client("idol.v1") as new:
        await began(old)
        await began(new)
        async with scene.client("idol.v1", query="?model=hoshi&watch") as overlay:
            await began(overlay)
            assert len(scene.stage.performers) == 2
            mine = await new.ask("Who are you?")
            seen = await overlay.until("response.done")
            assert spoken(seen) == spoken(mine) == "Hello there. How are you?"
            assert overlay.media
            await old.ask("And you?")
            await overlay.alive()
            await overlay.send({"type": "idol.clock.ping", "id": 7, "client_us": 5})
            later = await overlay.until("idol.clock.pong")
            assert not spoken(later)


def spoken(events: list[Event]) -> str:
    return " ".join(each["text"] for each in events if each["type"] == "idol.utterance.started")


async def test_one_that_looks_on_in_mid_answer_is_shown_that_it_has_begun(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1") as client:
        await client.say("Sing!")
        await client.send({"type": "response.create"})
        await client.until("response.created")
        async with scene.client("idol.v1", query="?watch") as overlay:
            await overlay.until("response.created")


@pytest.mark.parametrize("request_event", REQUESTS, ids=lambda event: str(event["type"]))
async def test_who_watches_may_ask_for_nothing(scene: Scene, request_event: Event) -> None:
    async with (
        scene.client("idol.v1") as client,
        scene.client("idol.v1", query="?watch") as overlay,
    ):
        await began(client)
        await overlay.send(request_event)
        error = await overlay.error()
        assert error["code"] == "not_in_audience"
        assert "without `?watch`" in error["message"]
        await client.ask("Hello?")


async def test_what_a_watcher_says_to_have_played_changes_nothing(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with (
        scene.client("idol.v1") as client,
        scene.client("idol.v1", query="?watch") as overlay,
    ):
        await client.say("Sing!")
        await client.send({"type": "response.create"})
        await client.until("idol.utterance.started")
        await overlay.send({"type": "idol.playback.progress", "pts_us": 0})
        await overlay.alive()
        await client.send({"type": "idol.playback.progress", "pts_us": 60_000_000})
        await client.send({"type": "response.cancel"})
        done = (await client.until("response.done"))[-1]["response"]
        assert done["output"][0]["content"][0]["transcript"]


async def test_she_is_there_alone_until_a_session_begins_and_then_the_watcher_is_sent_on(
    scene: Scene,
) -> None:
    async with scene.client("idol.v1", query="?watch") as overlay:
        await began(overlay)
        assert len(scene.stage.performers) == 1
        async with scene.client("idol.v1") as client:
            await began(client)
            assert await overlay.closed() == 1012
            async with scene.client("idol.v1", query="?watch") as again:
                await began(again)
                assert len(scene.stage.performers) == 1
                await client.ask("Hello?")
                await again.until("response.done")


async def test_a_watcher_is_sent_on_when_a_newer_session_begins_and_when_its_own_leaves(
    scene: Scene,
) -> None:
    async with scene.client("idol.v1") as old:
        await began(old)
        async with scene.client("idol.v1", query="?watch") as overlay:
            await began(overlay)
            async with scene.client("idol.v1") as new:
                await began(new)
                assert await overlay.closed() == 1012
                async with scene.client("idol.v1", query="?watch") as again:
                    await began(again)
                    await new.socket.close()
                    assert await again.closed() == 1012
        async with scene.client("idol.v1", query="?watch") as last:
            await began(last)
            await old.ask("Are you there?")
            await last.until("response.done")


async def test_a_session_that_is_not_watched_may_leave(scene: Scene) -> None:
    async with scene.client("idol.v1") as old, scene.client("idol.v1") as new:
        await began(old)
        await began(new)
        async with scene.client("idol.v1", query="?watch") as overlay:
            await began(overlay)
            await old.socket.close()
            await new.ask("Hello?")
            await overlay.until("response.done")


async def test_watchers_do_not_watch_each_other_and_leave_nobody_behind(scene: Scene) -> None:
    async with (
        scene.client("idol.v1", query="?watch") as one,
        scene.client("idol.v1", query="?watch") as other,
    ):
        await began(one)
        await began(other)
        await one.alive()
        await other.alive()
        assert len(scene.stage.performers) == 2
        one.socket.transport.abort()
    async with asyncio.timeout(10):
        while scene.stage.performers:  # nothing waits for `idol.resume`
            await asyncio.sleep(0)


async def test_a_shared_character_is_watched_as_it_is_by_anyone(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    scene = await open_scene(
        members=[stage.member(replace(HOSHI, audience="host"), is_shared=True)],
        token="viewers",
        host_token="host",
    )
    headers = {"Authorization": "Bearer viewers"}
    async with (
        scene.client(additional_headers={"Authorization": "Bearer host"}) as host,
        scene.client(query="?watch", additional_headers=headers) as overlay,
    ):
        await began(overlay)
        assert len(stage.performers) == 1
        await host.ask("Hello?")
        await overlay.until("response.done")


@pytest.mark.parametrize("in_handshake", [True, False])
async def test_the_private_sessions_of_others_are_for_the_host_alone(
    open_scene: OpenScene, stage: SteppedStage, in_handshake: bool
) -> None:
    scene = await open_scene(token="viewers", host_token="host")

    async def watch(client: Client, token: str) -> None:
        if not in_handshake:
            await client.send({"type": "idol.authenticate", "token": token})

    def headers(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"} if in_handshake else {}

    async with scene.client(query="?watch", additional_headers=headers("viewers")) as viewer:
        await watch(viewer, "viewers")
        error = await viewer.error()
        assert error["code"] == "not_in_audience"
        assert "host's token" in error["message"]
        assert await viewer.closed() == 4403
    assert not stage.performers
    async with scene.client(query="?watch", additional_headers=headers("host")) as host:
        await watch(host, "host")
        await began(host)


async def test_a_page_that_comes_back_to_its_session_does_not_send_its_watchers_away(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(settle_s=30)
    async with scene.client("idol.v1") as first:
        token = (await first.until("idol.resume.token"))[-1]["token"]
        await first.say("Hello.")
        async with scene.client("idol.v1", query="?watch") as overlay:
            await began(overlay)
            await first.socket.close(1001)
            async with scene.client("idol.v1") as second:
                await second.send({"type": "idol.resume", "token": token})
                await second.until("idol.resumed")
                await second.ask("Are you still there?")
                await overlay.until("response.done")
