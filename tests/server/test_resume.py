"""A client that lost its connection comes back to its conversation."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from idol_protocol.codec import Kind, decode_header
from idol_protocol.idol_events import IdolClockPong, IdolGoaway
from idol_runtime.server.journal import Journal
from tests.server.conftest import Client, Event, OpenScene, Scene


async def token_of(client: Client) -> str:
    token: str = (await client.until("idol.resume.token"))[-1]["token"]
    return token


async def lose(client: Client) -> None:
    """Breaks a connection without a goodbye."""
    client.socket.transport.abort()
    await client.socket.wait_closed()


async def close(client: Client, code: int) -> None:
    """Closes a connection; 1005 as browsers do, without a code."""
    if code == CloseCode.NO_STATUS_RCVD:
        client.socket.protocol.send_close()
        client.socket.send_data()
        await client.socket.wait_closed()
    else:
        await client.socket.close(code)


async def test_no_control_event_is_lost_between_two_connections(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.say("Sing.")
        await first.send({"type": "response.create"})
        seen = await first.until("idol.utterance.started")
        last = seen[-1]["event_id"]
        await lose(first)
    scene.stage.dialogue.never_ends = False
    async with scene.client("idol.v1") as second:
        await second.send({"type": "idol.resume", "token": token, "last_event_id": last})
        events = (await second.until("idol.character"))[:0]  # the fresh session's own beginning
        # The answer may have ended before the client came back, or goes on behind what is replayed.
        while not {"response.done", "idol.resumed"} <= {each["type"] for each in events}:
            events.append(await second.next())
    replayed = [each for each in events if each["event_id"].startswith("event_")]
    done = next(each["response"] for each in events if each["type"] == "response.done")
    written = "".join(
        each["delta"]
        for each in [*seen, *replayed]
        if each["type"] == "response.output_audio_transcript.delta"
    )
    assert done["status"] == "completed"
    assert done["output"][0]["content"][0]["transcript"] == written.strip()
    resumed = next(each for each in events if each["type"] == "idol.resumed")
    assert resumed["complete"]
    assert resumed["replayed"] > 0


async def test_a_resumed_session_remembers_what_was_said(scene: Scene) -> None:
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("My name is Ann.")
        await lose(first)
    async with scene.client("idol.v1") as second:
        await second.send({"type": "idol.resume", "token": token})
        await second.until("idol.resumed")
        await second.ask("Who am I?")
    said = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert "My name is Ann." in said
    assert second.media


async def test_face_and_body_move_on_for_who_came_back(scene: Scene) -> None:
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.ask("Hello.")
        await lose(first)
    async with scene.client("idol.v1") as second:
        await second.send({"type": "idol.resume", "token": token})
        await second.until("idol.resumed")
        opened = [await second.until("idol.stream.opened") for _ in range(3)]
        second.media.clear()
        await second.ask("Go on.")
        kinds = {decode_header(each)[0].kind for each in second.media}
        assert kinds == {Kind.AUDIO, Kind.FACE, Kind.POSE}
        ids = {each[-1]["stream_id"] for each in opened}
        assert {decode_header(each)[0].stream_id for each in second.media} == ids


async def test_who_has_lost_its_connection_finds_the_answer_where_it_was(scene: Scene) -> None:
    scene.stage.dialogue.deltas = [f"This is sentence number {i}. " for i in range(40)]
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.say("Tell me a long story.")
        await first.send({"type": "response.create"})
        seen = await first.until("idol.utterance.started")
        await lose(first)
    [performer] = scene.stage.performers
    frame = performer.frame
    while performer.frame < frame + 1500:  # what was ready has long been said
        await asyncio.sleep(0)
    assert len(scene.stage.speech.requests) < 40
    async with scene.client("idol.v1") as second:
        last = seen[-1]["event_id"]
        await second.send({"type": "idol.resume", "token": token, "last_event_id": last})
        await second.until("idol.resumed")
        done = (await second.until("response.done"))[-1]
        assert done["response"]["status"] == "completed"
    assert len(scene.stage.speech.requests) == 40


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


async def resume(client: Client, token: str, last_event_id: str | None = None) -> list[Event]:
    """What a client that comes back is sent, up to its new token."""
    await client.until("idol.stream.opened")  # of the session that the connection began with
    event: Event = {"type": "idol.resume", "token": token}
    await client.send(event | ({"last_event_id": last_event_id} if last_event_id else {}))
    return await client.until("idol.resume.token")


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


async def answer_to_resume(client: Client) -> str:
    while True:
        event = await client.next()
        if event["type"] == "idol.resumed":
            return "idol.resumed"
        if event["type"] == "error":
            return str(event["error"]["code"])


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
        async with scene.client("idol.v1") as client:
            await client.send({"type": "idol.resume", "token": old})
            assert "newer token" in (await client.error())["message"]
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
        mine = await token_of(deaf)
        deaf.socket.transport.pause_reading()
        await deaf.send({"type": "idol.resume", "token": token})
        async with asyncio.timeout(5):
            while b"idol_sessions_waiting 1.0" in scene.server.metrics.page():
                await asyncio.sleep(0)
        async with scene.client("idol.v1") as back:
            last = (await resume(back, token))[-1]["token"]
            await back.alive()
            await lose(back)
        deaf.socket.transport.resume_reading()
    async with scene.client("idol.v1") as late:
        await late.send({"type": "idol.resume", "token": mine})
        assert (await late.error())["code"] == "session_not_found"
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
        mine = await token_of(deaf)
        deaf.socket.transport.pause_reading()
        await deaf.send({"type": "idol.resume", "token": token})
        async with asyncio.timeout(5):
            while b"idol_sessions_waiting 1.0" in scene.server.metrics.page():
                await asyncio.sleep(0)
        await lose(deaf)
    async with scene.client("idol.v1") as back:
        await resume(back, mine)
        await back.ask("Who am I?")
    said = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert "My name is Ann." in said


async def test_what_a_client_set_is_something_to_come_back_to(scene: Scene) -> None:
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.send(
            {"type": "session.update", "session": {"type": "realtime", "instructions": "Rhyme."}}
        )
        await first.until("session.updated")
        await lose(first)
    async with scene.client("idol.v1") as second:
        await resume(second, token)
        await second.ask("Hi.")
    assert "Rhyme." in scene.stage.dialogue.requests[-1].messages[0].content


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


async def nobody_is_connected(scene: Scene) -> None:
    async with asyncio.timeout(5):
        while b"idol_ws_connections 0.0" not in scene.server.metrics.page():
            await asyncio.sleep(0)


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
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.resume", "token": tokens[0]})
        error = await client.error()
        assert error["code"] == "session_not_found"
        assert "waited longest" in error["message"]
    async with scene.client("idol.v1") as client:
        await resume(client, tokens[2])


async def test_a_journal_larger_than_what_may_be_queued_is_replayed_whole(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(limits={"max_queued_bytes": 60_000})
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        for _ in range(40):
            last = await first.say("long " * 800)
        await lose(first)
    async with scene.client("idol.v1") as second:
        events = await resume(second, token)
        assert sum(len(str(each)) for each in events) > 300_000
        assert events[-2] | {"complete": True} == events[-2]
        added = [each for each in events if each["type"] == "conversation.item.done"]
        assert len(added) == 40
        assert added[-1]["item"]["id"] == last["id"]
        await second.alive()


async def test_a_return_is_not_told_of_former_ones(scene: Scene) -> None:
    """A client that breaks in the middle of a replay would keep a token that opens nothing."""
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.say("Hi.")
        await lose(first)
    for _ in range(2):
        async with scene.client("idol.v1") as client:
            events = await resume(client, token)
            token = events[-1]["token"]
            kinds = [each["type"] for each in events]
            assert kinds.count("idol.resumed") == 1
            assert kinds.count("idol.resume.token") == 1
            await client.alive()
            await lose(client)


async def test_only_the_first_event_can_resume(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.alive()
        await client.send({"type": "idol.resume", "token": "any"})
        assert (await client.error())["code"] == "resume_too_late"


async def test_a_session_that_nobody_comes_back_to_ends(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"resume_s": 0.01})
    async with scene.client("idol.v1") as client:
        token = await token_of(client)
        await client.ask("Hi.")
        await lose(client)
    async with asyncio.timeout(5):
        while not scene.stage.left:
            await asyncio.sleep(0)
    async with scene.client("idol.v1") as late:
        await late.send({"type": "idol.resume", "token": token})
        assert (await late.error())["code"] == "session_not_found"


@pytest.mark.parametrize("code", [1000, 1005])
async def test_a_client_that_says_goodbye_leaves_nothing_behind(scene: Scene, code: int) -> None:
    async with scene.client("idol.v1") as client:
        token = await token_of(client)
        await client.ask("Hi.")
        await close(client, code)
    async with asyncio.timeout(5):
        while not scene.stage.left:
            await asyncio.sleep(0)
    async with scene.client("idol.v1") as late:
        await late.send({"type": "idol.resume", "token": token})
        assert (await late.error())["code"] == "session_not_found"


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
        async with asyncio.timeout(5):
            while b"idol_ws_connections 0.0" not in scene.server.metrics.page():
                await asyncio.sleep(0)
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.resume", "token": tokens[0]})
        assert (await client.error())["code"] == "session_not_found"
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
    async with asyncio.timeout(5):
        while b"idol_ws_connections 0.0" not in scene.server.metrics.page():
            await asyncio.sleep(0)
        while len(scene.stage.performers) > 1:
            await asyncio.sleep(0)


def goodbye(number: int) -> IdolGoaway:
    return IdolGoaway(reason="r", in_ms=number)


def test_a_journal_replays_what_follows_an_event() -> None:
    journal = Journal(max_events=10, max_bytes=10_000)
    texts = [journal.note(goodbye(number)) for number in range(4)]
    assert journal.after("event_2") == (texts[2:], True)
    assert journal.after(None) == (texts, True)
    assert journal.after("event_4") == ([], True)
    assert journal.after("not one of ours") == (texts, True)


def test_a_journal_says_when_it_lost_something() -> None:
    journal = Journal(max_events=2, max_bytes=10_000)
    texts = [journal.note(goodbye(number)) for number in range(4)]
    assert journal.after("event_1") == (texts[2:], False)
    assert journal.after("event_2") == (texts[2:], True)


def test_a_journal_is_bounded_in_bytes_and_keeps_no_media() -> None:
    journal = Journal(max_events=100, max_bytes=200)
    for number in range(50):
        journal.note(goodbye(number))
    kept, complete = journal.after(None)
    assert 0 < sum(map(len, kept)) <= 200
    assert not complete
    journal = Journal(max_events=100, max_bytes=200)
    journal.note(IdolClockPong(id=1, client_us=1, pts_us=1))
    assert journal.after(None) == ([], True)


async def test_what_a_connection_still_sends_when_its_session_is_taken_over_hurts_nobody(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene.client("idol.v1") as old, scene.client("idol.v1") as new:
        token = await token_of(old)
        await old.ask("Hi.")
        await new.until("idol.stream.opened")
        for number in range(200):
            await old.send({"type": "idol.clock.ping", "id": number, "client_us": 0})
            if number == 20:
                await new.send({"type": "idol.resume", "token": token})
        await new.until("idol.resumed")
        with pytest.raises(ConnectionClosed):
            while True:
                await old.next()
        await new.alive()
    assert not [each for each in caplog.records if each.levelname == "ERROR"]
