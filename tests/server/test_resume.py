"""A client that lost its connection comes back to its conversation."""

import asyncio

from idol_protocol.codec import Kind, decode_header
from idol_runtime.timeline import FRAME_SAMPLES
from tests.server.conftest import HOSHI, Event, OpenScene, Scene, SteppedStage
from tests.server.returning import lose, resume, token_of


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
    scene.stage.dialogue.deltas = [f"This is sentence number {i}. " for i in range(120)]
    async with scene.client("idol.v1") as first:
        token = await token_of(first)
        await first.say("Tell me a long story.")
        await first.send({"type": "response.create"})
        seen = await first.until("idol.utterance.started")
        await lose(first)
    [performer] = scene.stage.performers
    is_said = False
    while not (performer.is_unattended and is_said):  # what was ready
        await asyncio.sleep(0)
        is_said = performer.frame * FRAME_SAMPLES >= performer.speech_ends
    assert len(scene.stage.speech.requests) < 120
    async with scene.client("idol.v1") as second:
        last = seen[-1]["event_id"]
        await second.send({"type": "idol.resume", "token": token, "last_event_id": last})
        await second.until("idol.resumed")
        done = (await second.until("response.done"))[-1]
        assert done["response"]["status"] == "completed"
    assert len(scene.stage.speech.requests) == 120


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


async def test_a_conversation_never_ends_and_who_comes_back_knows_what_is_left_of_it(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    members = [stage.member(HOSHI, is_shared=True)]
    scene = await open_scene(limits={"max_items": 20}, members=members)
    there: list[str] = []

    def note(events: list[Event]) -> None:
        for event in events:
            assert event["type"] != "error"
            if event["type"] == "conversation.item.added":
                previous = event["previous_item_id"]
                there.insert(there.index(previous) + 1 if previous else 0, event["item"]["id"])
            elif event["type"] == "conversation.item.deleted":
                there.remove(event["item_id"])

    async with scene.client() as client:
        async with scene.client("idol.v1") as first:
            token = await token_of(first)
            for number in range(15):
                await client.ask(f"This is line {number}.")
                note(seen := await first.until("response.done"))
            await lose(first)
        for number in range(15, 40):
            await client.ask(f"This is line {number}.")
    async with scene.client("idol.v1") as second:
        note(await resume(second, token, seen[-1]["event_id"]))
        await second.send({"type": "idol.clock.ping", "id": 1, "client_us": 1})
        note(await second.until("idol.clock.pong"))
    assert there == [each.id for each in scene.cast.shared("hoshi").items]
    assert 10 <= len(there) <= 20
