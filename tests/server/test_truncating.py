"""An answer that is cut to what was heard of it, by what a client says."""

import pytest

from tests.server.conftest import Event, Scene


async def test_truncating_an_answer_keeps_the_words_that_were_heard(scene: Scene) -> None:
    async with scene.client() as client:
        item = (await client.ask("Hi."))[-1]["response"]["output"][0]
        cut = {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0}
        await client.send({**cut, "audio_end_ms": 9_000})
        assert (await client.error())["code"] == "audio_end_too_late"
        await client.send({**cut, "audio_end_ms": 200})
        assert (await client.until("conversation.item.truncated"))[-1]["audio_end_ms"] == 200
        await client.send({"type": "conversation.item.retrieve", "item_id": item["id"]})
        read = (await client.until("conversation.item.retrieved"))[-1]["item"]
    assert read["content"][0]["transcript"] == "Hello there."


@pytest.mark.parametrize("audio_end_ms", [0, 100])
async def test_truncating_what_is_being_said_stops_it_there(
    scene: Scene, audio_end_ms: int
) -> None:
    """As openai-agents interrupts: it truncates first, and cancels then."""
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        sound = (await client.until("response.output_audio.delta"))[-1]
        cut = {"type": "conversation.item.truncate", "item_id": sound["item_id"]}
        cut |= {"content_index": 0, "audio_end_ms": audio_end_ms}
        await client.until("response.output_audio.delta")
        for event in (cut, {"type": "response.cancel"}, {"type": "response.cancel"}):
            await client.send(event)
        done, truncated, error = (await client.until("error"))[-3:]
        assert done["response"]["status"] == "cancelled"
        assert (truncated["item_id"], truncated["audio_end_ms"]) == (cut["item_id"], audio_end_ms)
        assert error["error"]["code"] == "response_cancel_not_active"  # of the second
        scene.stage.dialogue.never_ends = False
        await client.ask("Go on.")
    said = scene.stage.dialogue.requests[-1].messages[-2]
    expected = ("user", "Sing.") if audio_end_ms == 0 else ("assistant", "Hello")
    assert (said.role, said.content) == expected


@pytest.mark.parametrize(
    ("wish", "response"),
    [
        ({"content_index": 1, "audio_end_ms": 0}, {}),
        ({"content_index": 0, "audio_end_ms": 3_600_000}, {}),
        ({"content_index": 0, "audio_end_ms": 0}, {"output_modalities": ["text"]}),
    ],
)
async def test_what_cannot_be_truncated_goes_on(
    scene: Scene, wish: dict[str, int], response: Event
) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create", "response": response})
        item_id = (await client.until("conversation.item.added"))[-1]["item"]["id"]
        await client.send({"type": "conversation.item.truncate", "item_id": item_id, **wish})
        await client.error()
        await client.send({"type": "response.cancel"})
        assert (await client.until("response.done"))[-1]["response"]["status"] == "cancelled"


@pytest.mark.parametrize("text", ["Hi.", "\N{STRAWBERRY}"])
async def test_an_answer_cancelled_before_any_sound_can_be_truncated_to_nothing(
    scene: Scene, text: str
) -> None:
    scene.stage.dialogue.deltas = [text]
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        await client.send({"type": "response.cancel"})
        item = (await client.until("response.done"))[-1]["response"]["output"][0]
        cut = {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0}
        await client.send({**cut, "audio_end_ms": 0})
        assert (await client.until("conversation.item.truncated"))[-1]["item_id"] == item["id"]
        await client.send({**cut, "audio_end_ms": 10**30})
        assert (await client.error())["code"] == "audio_end_too_late"
        await client.alive()


async def test_what_was_truncated_does_not_come_back(scene: Scene) -> None:
    async with scene.client() as client:
        item = (await client.ask("Hi."))[-1]["response"]["output"][0]
        cut = {"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0}
        await client.send({**cut, "audio_end_ms": 200})
        await client.until("conversation.item.truncated")
        await client.send({**cut, "audio_end_ms": 500})
        assert (await client.error())["code"] == "audio_end_too_late"
        await client.send({**cut, "audio_end_ms": 200})
        await client.until("conversation.item.truncated")
        await client.send({"type": "conversation.item.retrieve", "item_id": item["id"]})
        read = (await client.until("conversation.item.retrieved"))[-1]["item"]
    assert read["content"][0]["transcript"] == "Hello there."
