"""Gestures and the dance on the wire."""

import pytest
from msgspec.structs import replace

from idol_protocol.channels import GESTURES
from tests.server.conftest import HOSHI, Event, OpenScene, Scene


def named(events: list[Event], kind: str) -> list[Event]:
    return [each for each in events if each["type"] == kind]


async def test_a_gesture_of_an_answer_is_told_on_the_media_clock_and_never_in_its_words(
    scene: Scene,
) -> None:
    scene.stage.dialogue.deltas = ["Hello ", "there, my dear old fri", "end [wa", "ve]", ". *nods*"]
    async with scene.client("idol.v1") as client:
        events = await client.ask("Hi.")
    written = "".join(
        each["delta"] for each in named(events, "response.output_audio_transcript.delta")
    )
    assert written == "Hello there, my dear old friend."
    [done] = named(events, "response.output_audio_transcript.done")
    assert done["transcript"] == "Hello there, my dear old friend."
    subtitles = [each["text"] for each in named(events, "idol.utterance.started")]
    assert " ".join(subtitles) == "Hello there, my dear old friend."
    [request, *_] = [each.text for each in scene.stage.speech.requests]
    assert "[" not in request
    gestures = named(events, "idol.gesture")
    assert [each["gesture"] for each in gestures] == ["wave", "nod"]
    [created] = named(events, "response.created")
    for each in gestures:
        assert each["response_id"] == created["response"]["id"]
        assert each["utterance_id"] == named(events, "idol.utterance.started")[-1]["utterance_id"]
        assert each["stroke_pts_us"] - each["pts_us"] == 500_000
        assert each["duration_us"] == 1_000_000


async def test_the_dialogue_model_reads_its_own_tags_again_and_the_client_never_does(
    scene: Scene,
) -> None:
    scene.stage.dialogue.deltas = ["[wave] Hello there. ", "*bows* Bye."]
    async with scene.client("idol.v1") as client:
        events = await client.ask("Hi.")
        item_id = named(events, "response.output_item.done")[0]["item"]["id"]
        await client.send({"type": "conversation.item.retrieve", "item_id": item_id})
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        await client.ask("Again.")
    assert item["content"][0]["transcript"] == "Hello there. Bye."
    remembered = scene.stage.dialogue.requests[-1].messages
    assert [each.content for each in remembered if each.role == "assistant"][-1] == (
        "[wave] Hello there. [bow] Bye."
    )


async def test_an_answer_cut_to_what_was_heard_is_remembered_with_the_tags_of_those_words(
    scene: Scene,
) -> None:
    scene.stage.dialogue.deltas = ["Hello, [wave] my dear old friend there. [bow] How are you?"]
    async with scene.client("idol.v1") as client:
        events = await client.ask("Hi.")
        item_id = named(events, "response.output_item.done")[0]["item"]["id"]
        wish = {"item_id": item_id, "content_index": 0, "audio_end_ms": 450}
        await client.send({"type": "conversation.item.truncate", **wish})
        await client.until("conversation.item.truncated")
        await client.send({"type": "conversation.item.retrieve", "item_id": item_id})
        item = (await client.until("conversation.item.retrieved"))[-1]["item"]
        await client.ask("Again.")
    assert item["content"][0]["transcript"].startswith("Hello, my dear")
    assert "How" not in item["content"][0]["transcript"]
    remembered = scene.stage.dialogue.requests[-1].messages
    said = [each.content for each in remembered if each.role == "assistant"][-1]
    assert said.startswith("Hello, [wave] my dear")
    assert "bow" not in said


async def test_a_cancelled_answer_is_remembered_with_its_tags(scene: Scene) -> None:
    scene.stage.dialogue.deltas = ["[wave] Hello. "]
    scene.stage.dialogue.never_ends = True
    async with scene.client("idol.v1") as client:
        await client.say("Hi.")
        await client.send({"type": "response.create"})
        await client.until("idol.utterance.started")
        await client.send({"type": "response.cancel"})
        events = await client.until("response.done")
        scene.stage.dialogue.never_ends = False
        await client.ask("Again.")
    [done] = named(events, "response.output_audio_transcript.done")
    assert "[" not in done["transcript"]
    remembered = scene.stage.dialogue.requests[-1].messages
    said = [each.content for each in remembered if each.role == "assistant"][-1]
    assert said.startswith("[wave] Hello.")


async def test_a_text_answer_gestures_at_once(scene: Scene) -> None:
    scene.stage.dialogue.deltas = ["Hello [wave] there."]
    async with scene.client("idol.v1") as client:
        events = await client.ask("Hi.", output_modalities=["text"])
    assert [each["gesture"] for each in named(events, "idol.gesture")] == ["wave"]
    [done] = named(events, "response.output_text.done")
    assert done["text"] == "Hello there."


async def test_the_card_names_the_gestures_the_character_makes(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        card = (await client.until("idol.character"))[-1]["character"]
    assert card["gestures"] == list(GESTURES)


async def test_the_greeting_on_the_card_is_without_tags_and_is_said_with_its_gesture(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(character=replace(HOSHI, greeting="[wave] Hi, I'm Hoshi!"))
    async with scene.client("idol.v1") as client:
        card = (await client.until("idol.character"))[-1]["character"]
        await client.send({"type": "response.create"})
        events = await client.until("response.done")
    assert card["greeting"] == "Hi, I'm Hoshi!"
    assert [each["gesture"] for each in named(events, "idol.gesture")] == ["wave"]


async def test_a_client_asks_for_a_gesture_now_or_on_a_media_time(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.gesture.create", "gesture": "clap"})
        now = (await client.until("idol.gesture"))[-1]
        await client.send(
            {"type": "idol.gesture.create", "gesture": "nod", "stroke_pts_us": 600_000}
        )
        later = (await client.until("idol.gesture"))[-1]
    assert (now["gesture"], now["pts_us"], now["response_id"]) == ("clap", 0, None)
    assert (later["gesture"], later["pts_us"], later["stroke_pts_us"]) == ("nod", 100_000, 600_000)


@pytest.mark.parametrize(
    ("event", "code", "says"),
    [
        ({"gesture": "moonwalk"}, "invalid_field", "expected one of bow, cheer"),
        ({}, "missing_field", "`gesture` is missing"),
        ({"gesture": "nod", "stroke_pts_us": 10**9}, "stroke_too_late", "at most 60 s"),
    ],
)
async def test_a_gesture_that_cannot_be_made_is_refused(
    scene: Scene, event: Event, code: str, says: str
) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.gesture.create", **event})
        error = await client.error()
    assert error["code"] == code
    assert says in error["message"]


async def test_a_gesture_of_another_character_is_refused_with_those_of_this_one(
    open_scene: OpenScene,
) -> None:
    shy = replace(HOSHI, gestures=("nod", "bow"))
    scene = await open_scene(character=shy)
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.gesture.create", "gesture": "cheer"})
        error = await client.error()
    assert error["code"] == "gesture_not_allowed"
    assert "(nod, bow), found cheer" in error["message"]


async def test_the_same_gesture_twice_at_a_time_is_refused(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.gesture.create", "gesture": "clap"})
        await client.send({"type": "idol.gesture.create", "gesture": "clap"})
        error = await client.error()
    assert error["code"] == "gesture_in_progress"


async def test_a_dance_goes_on_through_an_answer_to_the_beat_it_was_given(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.send(
            {
                "type": "idol.activity.set",
                "activity": "dance",
                "bpm": 96,
                "first_beat_pts_us": 250_000,
                "intensity": 0.9,
            }
        )
        events = await client.ask("Hi.")
        performer = scene.stage.performers[0]
        beats = performer.beats
        assert beats is not None
        place, intensity = beats.row(0.25 + 60 / 96)
        await client.send({"type": "idol.activity.set", "activity": "listen"})
        await client.alive()
        assert (performer.beats, performer.resting) == (None, "listen")
    assert [each["activity"] for each in named(events, "idol.activity")] == ["dance"]
    assert (place, intensity) == pytest.approx((1 / 8, 0.9))


async def test_music_without_a_dance_is_refused(scene: Scene) -> None:
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.activity.set", "activity": "idle", "bpm": 120})
        error = await client.error()
    assert (error["code"], error["param"]) == ("invalid_field", "bpm")
    assert "dance alone" in error["message"]
