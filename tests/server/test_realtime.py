"""The Realtime conversation over loopback, with scripted models."""

import base64

import numpy as np
import pytest

from idol_runtime.errors import WorkerError
from tests.server.conftest import Event, OpenScene, Scene


def types(events: list[Event]) -> list[str]:
    return [each["type"] for each in events]


def without_idol(events: list[Event]) -> list[str]:
    found: list[str] = []
    for kind in types(events):
        if not kind.startswith("idol.") and (not found or found[-1] != kind):
            found.append(kind)
    return found


def joined(events: list[Event], kind: str) -> str:
    return "".join(each["delta"] for each in events if each["type"] == kind)


async def test_a_connection_begins_with_the_session_and_the_character(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        created = await client.next()
        assert created["type"] == "session.created"
        assert created["session"]["type"] == "realtime"
        assert created["session"]["output_modalities"] == ["audio"]
        character = await client.next()
        assert character["type"] == "idol.character"
        assert character["character"]["name"] == "Hoshi"


async def test_a_spoken_answer_has_all_its_events_in_order(scene: Scene) -> None:
    async with scene.client() as client:
        events = await client.ask("Who are you?")
    order = without_idol(events)
    deltas = {"response.output_audio.delta", "response.output_audio_transcript.delta"}
    assert deltas <= set(order)
    assert [each for each in order if each not in deltas] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    done = events[-1]["response"]
    assert done["status"] == "completed"
    said = joined(events, "response.output_audio_transcript.delta")
    assert said == "Hello there. How are you?"
    assert done["output"][0]["content"] == [{"type": "output_audio", "transcript": said}]
    assert done["usage"]["input_tokens"] == 20
    assert done["usage"]["output_tokens"] == 3
    assert done["usage"]["input_token_details"]["cached_tokens"] == 12


async def test_the_sound_of_an_answer_arrives_whole(scene: Scene) -> None:
    async with scene.client("realtime") as client:
        events = await client.ask("Who are you?")
    parts = [each["delta"] for each in events if each["type"] == "response.output_audio.delta"]
    pcm = np.frombuffer(b"".join(base64.b64decode(each) for each in parts), "<i2")
    assert len(pcm) == 2_400 * 5
    assert np.abs(pcm).max() > 7_000


async def test_utterances_and_phonemes_are_told_with_their_media_time(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        events = await client.ask("Who are you?")
    started = [each for each in events if each["type"] == "idol.utterance.started"]
    ended = [each for each in events if each["type"] == "idol.utterance.ended"]
    phonemes = [each for each in events if each["type"] == "idol.phonemes"]
    assert " ".join(each["text"] for each in started) == "Hello there. How are you?"
    assert len(started) == len(ended) == len(phonemes)
    for begin, end, spans in zip(started, ended, phonemes, strict=True):
        assert begin["response_id"] == events[-1]["response"]["id"]
        assert begin["utterance_id"] == end["utterance_id"] == spans["utterance_id"]
        assert end["pts_us"] > begin["pts_us"] == spans["pts_us"]
        assert spans["phonemes"][0] == {"symbol": "h", "start_s": 0.0, "end_s": 0.1}


async def test_a_turn_reports_what_it_cost(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        events = await client.ask("Who are you?")
    metrics = next(each for each in events if each["type"] == "idol.turn.metrics")
    assert metrics["response_id"] == events[-1]["response"]["id"]
    for name in ("ttft_ms", "first_clause_ms", "first_audio_ms", "total_ms"):
        assert metrics[name] > 0
    assert metrics["speech_s"] == 0.5


async def test_a_text_answer_is_written_and_not_spoken(scene: Scene) -> None:
    async with scene.client() as client:
        events = await client.ask("Who are you?", output_modalities=["text"])
    assert joined(events, "response.output_text.delta") == "Hello there. How are you?"
    assert not any("audio" in each["type"] for each in events)
    assert events[-1]["response"]["output"][0]["content"] == [
        {"type": "output_text", "text": "Hello there. How are you?"}
    ]
    assert scene.stage.speech.requests == []


async def test_an_empty_conversation_is_answered_with_the_greeting(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send({"type": "response.create"})
        events = await client.until("response.done")
    assert joined(events, "response.output_audio_transcript.delta") == "Hi, I'm Hoshi!"
    assert scene.stage.dialogue.requests == []


async def test_the_dialogue_model_reads_the_whole_conversation(scene: Scene) -> None:
    async with scene.client() as client:
        await client.ask("First.")
        await client.ask("Second.")
    roles = [(each.role, each.content) for each in scene.stage.dialogue.requests[-1].messages]
    assert roles == [
        ("system", "You are Hoshi."),
        ("user", "First."),
        ("assistant", "Hello there. How are you?"),
        ("user", "Second."),
    ]


async def test_settings_of_the_session_reach_the_models(scene: Scene) -> None:
    async with scene.client() as client:
        audio = {"output": {"voice": "af_bella", "speed": 1.25}}
        session = {
            "type": "realtime",
            "instructions": "Talk about cats.",
            "max_output_tokens": 12,
            "temperature": 0.25,
            "audio": audio,
        }
        await client.send({"type": "session.update", "session": session})
        updated = (await client.until("session.updated"))[-1]["session"]
        assert updated["instructions"] == "Talk about cats."
        assert updated["audio"]["output"]["voice"] == "af_bella"
        assert updated["temperature"] == 0.25
        await client.ask("Hi.")
    asked, spoken = scene.stage.dialogue.requests[-1], scene.stage.speech.requests[-1]
    assert asked.messages[0].content == "Talk about cats."
    assert (asked.max_tokens, asked.sampling.temperature) == (12, 0.25)
    assert (spoken.voice, spoken.speed) == ("af_bella", 1.25)


async def test_settings_of_a_response_are_for_it_alone(scene: Scene) -> None:
    async with scene.client() as client:
        await client.ask("Hi.", instructions="Whisper.", max_output_tokens=5)
        await client.ask("Hi again.")
    first, second = scene.stage.dialogue.requests
    assert first.messages[0].content.endswith("Whisper.")
    assert first.max_tokens == 5
    assert "Whisper." not in second.messages[0].content
    assert second.max_tokens is None


async def test_a_cancelled_answer_stops_is_cut_and_keeps_what_was_spoken(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1") as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        await client.until("idol.utterance.ended")
        await client.send({"type": "response.cancel"})
        events = await client.until("response.done")
        done = events[-1]["response"]
        assert done["status"] == "cancelled"
        assert done["status_details"] == {
            "type": "cancelled",
            "reason": "client_cancelled",
            "error": None,
        }
        cut = next(each for each in events if each["type"] == "idol.playback.cut")
        assert cut["response_id"] == done["id"]
        assert scene.stage.dialogue.closed == 1
        said = done["output"][0]["content"][0]["transcript"]
        assert said.startswith("Hello there.")
        scene.stage.dialogue.never_ends = False
        await client.ask("And now?")
    history = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert history[1:] == ["Sing.", said, "And now?"]


async def test_a_cancelled_answer_forgets_what_the_client_had_not_played(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1") as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        first = (await client.until("idol.utterance.started"))[-1]
        await client.until("idol.utterance.started")
        progress = {"type": "idol.playback.progress", "pts_us": first["pts_us"] + 1}
        await client.send(progress)
        await client.send({"type": "response.cancel"})
        done = (await client.until("response.done"))[-1]["response"]
    assert done["output"][0]["content"][0]["transcript"] == first["text"]


async def test_an_answer_can_be_cancelled_before_it_began(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        await client.send({"type": "response.cancel"})
        assert (await client.until("response.done"))[-1]["response"]["status"] == "cancelled"
        await client.alive()


async def test_a_second_answer_at_a_time_is_refused(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        await client.send({"type": "response.create", "event_id": "second"})
        error = await client.error()
        assert error["code"] == "conversation_already_has_active_response"
        assert error["event_id"] == "second"
        await client.send({"type": "response.cancel"})
        await client.until("response.done")


async def test_cancelling_nothing_is_an_error(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send({"type": "response.cancel"})
        assert (await client.error())["code"] == "response_cancel_not_active"
        await client.alive()


async def test_a_failing_model_fails_the_answer_and_not_the_session(scene: Scene) -> None:
    scene.stage.dialogue.fails_with = WorkerError("The dialogue process ended; try again.")
    async with scene.client() as client:
        failed = (await client.ask("Hi."))[-1]["response"]
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["message"].endswith("try again.")
        scene.stage.dialogue.fails_with = None
        assert (await client.ask("Hi again."))[-1]["response"]["status"] == "completed"


async def test_a_defect_fails_the_answer_without_telling_what_was_said(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.stage.dialogue.fails_with = ValueError("my secret name is Miso")
    with caplog.at_level("DEBUG"):
        async with scene.client() as client:
            failed = (await client.ask("my secret name is Miso"))[-1]["response"]
            await client.alive()
    assert failed["status_details"]["error"]["code"] == "internal_error"
    assert "Miso" not in failed["status_details"]["error"]["message"]
    ours = [each for each in caplog.records if not each.name.startswith("websockets.client")]
    assert any(each.message == "turn failed" for each in ours)
    assert not any("Miso" in each.getMessage() or "Miso" in str(each.exc_info) for each in ours)


async def test_an_answer_at_its_token_limit_is_incomplete(scene: Scene) -> None:
    scene.stage.dialogue.finish_reason = "length"
    async with scene.client() as client:
        done = (await client.ask("Hi."))[-1]["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"]["reason"] == "max_output_tokens"


async def test_items_can_be_inserted_read_and_deleted(scene: Scene) -> None:
    def message(role: str, kind: str, text: str) -> Event:
        return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}

    async with scene.client() as client:
        first = await client.say("First.")
        rule = message("system", "input_text", "Be brief.")
        create = {"type": "conversation.item.create", "item": rule, "previous_item_id": "root"}
        await client.send(create)
        assert (await client.until("conversation.item.done"))[-1]["previous_item_id"] is None
        reply = message("assistant", "output_text", "Yes?")
        create = {
            "type": "conversation.item.create",
            "item": {**reply, "id": "mine"},
            "previous_item_id": first["id"],
        }
        await client.send(create)
        added = (await client.until("conversation.item.added"))[-1]
        assert added["previous_item_id"] == first["id"]
        await client.send({"type": "conversation.item.retrieve", "item_id": "mine"})
        read = (await client.until("conversation.item.retrieved"))[-1]["item"]
        assert read["content"][0]["text"] == "Yes?"
        await client.send({"type": "conversation.item.delete", "item_id": first["id"]})
        await client.until("conversation.item.deleted")
        await client.ask("Go on.")
    heard = [each.content for each in scene.stage.dialogue.requests[-1].messages]
    assert heard == ["You are Hoshi.", "Be brief.", "Yes?", "Go on."]


async def test_two_connections_have_conversations_of_their_own(scene: Scene) -> None:
    async with scene.client() as one, scene.client() as other:
        await one.ask("My name is Ann.")
        await other.ask("Who am I?")
    assert len(scene.stage.dialogue.requests[-1].messages) == 2


async def test_a_closed_connection_takes_its_character_off_the_stage(scene: Scene) -> None:
    async with scene.client() as client:
        await client.ask("Hi.")
        assert len(scene.stage.performers) == 1
    await scene.server.shutdown()
    assert scene.stage.performers == []
    assert len(scene.stage.left) == 1


@pytest.mark.parametrize("limits", [{"max_items": 3}, {"max_conversation_bytes": 1_050}])
async def test_a_full_conversation_refuses_an_answer_before_it_announces_one(
    open_scene: OpenScene, limits: dict[str, int]
) -> None:
    scene = await open_scene(limits=limits)
    async with scene.client() as client:
        first = await client.say("x" * 1_000)
        await client.ask("y")
        await client.send({"type": "response.create"})
        events = await client.until("error")
        assert events[-1]["error"]["code"] == "conversation_full"
        assert "response.created" not in types(events)
        await client.send({"type": "conversation.item.delete", "item_id": first["id"]})
        await client.send({"type": "response.create"})
        await client.until("response.done")
