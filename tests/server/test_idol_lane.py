"""The binary lane and the face and pose of the JSON lane."""

import asyncio
import itertools

import numpy as np
import pytest

import idol_runtime.server.streams
from idol_protocol.codec import MAX_MESSAGE_BYTES, decode_header
from tests.server.conftest import OpenScene, Scene
from tests.server.media import media_of, opened, streams_of


async def test_audio_face_and_pose_arrive_on_one_clock(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        streams = await streams_of(client)
        assert [each.kind for each in streams.values()] == ["audio", "face", "pose"]
        events = await client.ask("Who are you?")
        await client.alive()
    media = media_of(client, streams)
    assert len(media.samples) == 2_400 * 5
    assert not any(each["type"] == "response.output_audio.delta" for each in events)
    started = [each for each in events if each["type"] == "idol.utterance.started"]
    assert media.audio[0].pts_us == started[0]["pts_us"]
    for before, after in itertools.pairwise(media.audio):
        assert after.pts_us >= before.pts_us + round(len(before.samples) / 0.024) - 1
    face = [each.pts_us for each in media.face]
    assert face == sorted(face)
    assert {each.pts_us for each in media.pose} & set(face)
    np.testing.assert_allclose(media.face[0].weights, 0.25)


async def test_each_stream_counts_its_own_messages_and_none_is_too_long(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        streams = await streams_of(client)
        await client.ask("Who are you?")
        await client.alive()
    assert all(len(each) <= MAX_MESSAGE_BYTES for each in client.media)
    for stream_id in streams:
        headers = [decode_header(each)[0] for each in client.media]
        seqs = [each.seq for each in headers if each.stream_id == stream_id]
        assert seqs == list(range(len(seqs)))
        assert seqs


async def test_streams_can_be_changed_and_closed(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        before = await streams_of(client)
        wish = {"audio": None, "face": {"dtype": "u8", "fps": 15}, "pose": None}
        await client.send({"type": "idol.streams.configure", **wish})
        await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
        events = await client.until("idol.clock.pong")
        closed = {each["stream_id"] for each in events if each["type"] == "idol.stream.closed"}
        assert closed == set(before)
        [face] = opened(events).values()
        assert (face.kind, face.dtype, face.fps) == ("face", "u8", 15)
        client.media.clear()
        await client.ask("Who are you?")
        await client.alive()
    frames = media_of(client, {face.stream_id: face}).face
    steps = {round((b.pts_us - a.pts_us) * 30 / 1e6) for a, b in itertools.pairwise(frames)}
    assert steps
    assert all(step % 2 == 0 for step in steps)


async def test_a_json_client_gets_face_and_pose_only_when_it_asks(scene: Scene) -> None:
    async with scene.client("realtime") as client:
        quiet = await client.ask("Hi.")
        assert not any(each["type"] in ("idol.face.delta", "idol.pose.delta") for each in quiet)
        await client.send({"type": "idol.streams.configure", "face": {}, "pose": {"fps": 10}})
        events = await client.ask("Who are you?")
    face = [each for each in events if each["type"] == "idol.face.delta"]
    pose = [each for each in events if each["type"] == "idol.pose.delta"]
    assert len(face) > len(pose) > 0
    assert face[0]["weights"] == [0.25] * 52
    assert face[0]["head_eyes_deg"] == [0.25] * 7
    assert len(pose[0]["rotations"]) == 22
    assert pose[0]["rotations"][0] == [0.0, 0.0, 0.0, 1.0]
    assert client.media == []


async def test_the_clock_is_the_characters_media_time(scene: Scene) -> None:
    async with scene.client() as client:
        await client.alive()
        for _ in range(30):
            scene.stage.tick()
        await client.send({"type": "idol.clock.ping", "id": 1, "client_us": 99})
        pong = (await client.until("idol.clock.pong"))[-1]
    assert pong["client_us"] == 99
    assert pong["pts_us"] == 1_000_000


async def test_activities_are_announced(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        events = await client.ask("Who are you?")
    shown = [each["activity"] for each in events if each["type"] == "idol.activity"]
    assert "speak" in shown


async def test_a_stream_is_not_given_the_id_of_one_that_is_open(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids wrap around after 65,535."""
    monkeypatch.setattr(idol_runtime.server.streams, "MAX_STREAM_ID", 5)
    async with scene.client("idol.v1") as client:
        ids = set(await streams_of(client))
        for _ in range(10):
            await client.send({"type": "idol.streams.configure", "pose": {}})
            events = await client.until("idol.stream.opened")
            [new] = opened(events)
            ids -= {each["stream_id"] for each in events if each["type"] == "idol.stream.closed"}
            assert new not in ids
            ids.add(new)
        assert len(ids) == 3


async def test_a_client_too_slow_for_sound_is_told_what_it_does_not_hear(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(limits={"max_queued_bytes": 100_000})
    scene.stage.dialogue.deltas = ["la " * 100 + ". "]
    async with scene.client("idol.v1", max_queue=1) as client:
        await client.say("Sing.")
        await client.send({"type": "idol.streams.configure", "face": None, "pose": None})
        client.socket.transport.pause_reading()
        await client.send({"type": "response.create"})
        async with asyncio.timeout(10):
            while b"idol_sound_lost_total 1.0" not in scene.server.metrics.page():
                await asyncio.sleep(0)
        client.socket.transport.resume_reading()
        skipped = (await client.until("idol.audio.skipped"))[-1]
        assert skipped["pts_us"] > 0
        await client.until("response.done")
        client.media.clear()
        await client.ask("Again.")
        assert client.media
