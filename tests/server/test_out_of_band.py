"""Answers to what a client gives, and answers that do not join the conversation."""

import asyncio

from tests.server.conftest import HOSHI, Event, OpenScene, Scene, SteppedStage

CONVERSATION = {"conversation.item.added", "conversation.item.done"}


def said(text: str) -> Event:
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


def aside(*given: Event, **response: object) -> Event:
    own = {"conversation": "none", "output_modalities": ["text"], **response}
    return {"type": "response.create", "response": {**own, **({"input": given} if given else {})}}


def read(scene: Scene) -> list[str]:
    return [each.content for each in scene.stage.dialogue.requests[-1].messages[1:]]


async def test_an_answer_outside_of_the_conversation_leaves_no_trace_in_it(scene: Scene) -> None:
    async with scene.client() as client:
        await client.say("What is the moon?")
        await client.send(aside(instructions="One word.", metadata={"topic": "moon"}))
        events = await client.until("response.done")
        assert not CONVERSATION & {each["type"] for each in events}
        done = events[-1]["response"]
        assert done["metadata"] == events[0]["response"]["metadata"] == {"topic": "moon"}
        assert done["conversation_id"] is None
        assert done["status"] == "completed"
        assert done["output"][0]["content"][0]["text"] == "Hello there. How are you?"
        assert scene.stage.dialogue.requests[-1].messages[0].content == "One word."
        assert read(scene) == ["What is the moon?"]
        assert scene.stage.speech.requests == []
        await client.send(
            {"type": "conversation.item.retrieve", "item_id": done["output"][0]["id"]}
        )
        assert (await client.error())["code"] == "item_not_found"
        await client.ask("And the sun?")
    assert read(scene) == ["What is the moon?", "And the sun?"]


async def test_what_a_client_gives_takes_the_place_of_the_conversation(scene: Scene) -> None:
    async with scene.client() as client:
        first = await client.say("My name is Ann.")
        await client.say("I like cats.")
        reference = {"type": "item_reference", "id": first["id"]}
        await client.send(aside(reference, said("What is my name?")))
        await client.until("response.done")
        assert read(scene) == ["My name is Ann.", "What is my name?"]
        response = {"input": [said("Count to two.")]}
        await client.send({"type": "response.create", "response": response})
        events = await client.until("response.done")
        assert {each["type"] for each in events} >= CONVERSATION
        assert read(scene) == ["Count to two."]
        await client.ask("Go on.")
    assert read(scene) == [
        "My name is Ann.",
        "I like cats.",
        "Hello there. How are you?",
        "Go on.",
    ]


async def test_what_is_given_is_checked_before_a_response_is_announced(scene: Scene) -> None:
    async with scene.client() as client:
        for given, code, param in (
            ({"type": "item_reference", "id": "none"}, "item_not_found", "response.input[1].id"),
            (said(" "), "empty_text", "response.input[1].content"),
            (
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "output_text", "text": ""}],
                },
                "invalid_field",
                "response.input[1].content[0].type",
            ),
        ):
            for joins in ("none", "auto"):
                await client.send(aside(said("Hi."), given, conversation=joins))
                events = await client.until("error")
                error = events[-1]["error"]
                assert (error["code"], error["param"]) == (code, param)
                assert not any(each["type"] == "response.created" for each in events)
        await client.alive()


async def test_text_can_be_asked_for_beside_an_answer_and_a_second_voice_cannot(
    scene: Scene,
) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.say("Sing.")
        await client.send({"type": "response.create"})
        song = (await client.until("response.created"))[-1]["response"]["id"]
        await client.send(aside(said("What is one and one?")))
        aside_id = (await client.until("response.output_text.delta"))[-1]["response_id"]
        assert aside_id != song
        await client.send({"type": "response.cancel", "response_id": aside_id})
        assert (await client.until("response.done"))[-1]["response"]["id"] == aside_id
        await client.send({"type": "response.create", "response": {"conversation": "none"}})
        assert (await client.error())["code"] == "conversation_already_has_active_response"


async def test_a_spoken_answer_may_stay_outside_of_the_conversation(scene: Scene) -> None:
    async with scene.client() as client:
        await client.say("Hi.")
        await client.send({"type": "response.create", "response": {"conversation": "none"}})
        events = await client.until("response.done")
        assert any(each["type"] == "response.output_audio.delta" for each in events)
        assert not CONVERSATION & {each["type"] for each in events}
        await client.ask("Again.")
    assert read(scene) == ["Hi.", "Again."]


async def test_only_so_many_answers_are_written_at_once_and_each_can_be_cancelled(
    scene: Scene,
) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        ids = []
        for _ in range(4):
            await client.send(aside(said("Write on.")))
            ids.append((await client.until("response.created"))[-1]["response"]["id"])
        await client.send(aside(said("Write on.")))
        assert (await client.error())["code"] == "too_many_responses"
        await client.send({"type": "response.cancel"})
        assert (await client.error())["code"] == "response_cancel_not_active"
        for each in ids:
            await client.send({"type": "response.cancel", "response_id": each})
            done = (await client.until("response.done"))[-1]["response"]
            assert (done["id"], done["status"]) == (each, "cancelled")
        scene.stage.dialogue.never_ends = False
        await client.send(aside(said("Write.")))
        assert (await client.until("response.done"))[-1]["response"]["status"] == "completed"


async def test_nobody_else_reads_what_is_written_aside(
    open_scene: OpenScene, stage: SteppedStage
) -> None:
    scene = await open_scene(members=[stage.member(HOSHI, is_shared=True)])
    async with scene.client() as one, scene.client() as other:
        await one.alive()
        await other.alive()
        await one.send(aside(said("A secret?")))
        await one.until("response.done")
        await other.send({"type": "idol.clock.ping", "id": 7, "client_us": 5})
        events = await other.until("idol.clock.pong")
    assert not any(each["type"].startswith(("response.", "conversation.")) for each in events)


async def test_who_leaves_takes_its_answers_along(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    async with scene.client() as client:
        await client.send(aside(said("Write on.")))
        await client.until("response.output_text.delta")
    async with asyncio.timeout(10):
        while not scene.stage.dialogue.closed:
            await asyncio.sleep(0)
