"""Every event of the plain lane is one that OpenAI's own models know, with the types they give."""

from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.server.conftest import Client, Event, Scene

SERVER_EVENT: TypeAdapter[RealtimeServerEvent] = TypeAdapter(RealtimeServerEvent)


async def everything(client: Client, scene: Scene) -> list[Event]:
    """A session with errors, both modalities, a cut, a deletion, a reading and a cancellation."""
    events = await client.until("session.created")

    async def ask(event: Event | str, last: str) -> Event:
        await client.send(event)
        nonlocal events
        events += await client.until(last)
        return events[-1]

    async def turn(**response: object) -> Event:
        content = [{"type": "input_text", "text": "Who are you?"}]
        item = {"type": "message", "role": "user", "content": content}
        await ask({"type": "conversation.item.create", "item": item}, "conversation.item.done")
        create = {"type": "response.create", "response": response}
        done: Event = (await ask(create, "response.done"))["response"]["output"][0]
        return done

    await ask("{not json", "error")
    await ask({"type": "input_audio_buffer.append", "audio": "AAAA"}, "error")
    session: Event = {"type": "realtime", "tools": [{"type": "function", "name": "ring"}]}
    await ask({"type": "session.update", "session": session}, "session.updated")
    session = {"type": "realtime", "prompt": {"id": "pmpt_1"}}
    await ask({"type": "session.update", "session": session}, "error")
    spoken = await turn(metadata={"mine": "1"})
    about = {"item_id": spoken["id"]}
    cut = {"type": "conversation.item.truncate", "content_index": 0, "audio_end_ms": 100}
    await ask({**cut, **about}, "conversation.item.truncated")
    await ask({"type": "conversation.item.retrieve", **about}, "conversation.item.retrieved")
    await ask({"type": "conversation.item.delete", **about}, "conversation.item.deleted")
    await turn(output_modalities=["text"])
    await turn(output_modalities=["text"], conversation="none", input=[])
    scene.stage.dialogue.never_ends = True
    await ask({"type": "response.create"}, "response.output_audio.delta")
    await ask({"type": "response.cancel"}, "response.done")
    scene.stage.dialogue.fails_with = RuntimeError("a defect")
    await turn()
    return events


async def test_openais_models_read_all_that_a_session_sends(scene: Scene) -> None:
    async with scene.client("realtime") as client:
        events = await everything(client, scene)
    statuses = [each["response"]["status"] for each in events if each["type"] == "response.done"]
    assert statuses == ["completed"] * 3 + ["cancelled", "failed"]
    for event in events:
        read = SERVER_EVENT.validate_python(event)
        assert read.type == event["type"]
