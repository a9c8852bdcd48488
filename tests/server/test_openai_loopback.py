"""The official OpenAI client, unmodified, on scripted models."""

import asyncio
import base64
import json

import pytest

from tests.server.conftest import Scene

openai = pytest.importorskip("openai")


async def test_the_openai_client_holds_a_conversation(scene: Scene) -> None:
    client = openai.AsyncOpenAI(
        api_key="any", websocket_base_url=f"ws://127.0.0.1:{scene.server.port}/v1"
    )
    async with asyncio.timeout(20), client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "Be kind."})
        for question in ("Who are you?", "And what do you like?"):
            content = [{"type": "input_text", "text": question}]
            item = {"type": "message", "role": "user", "content": content}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            transcript, sound, done = "", b"", None
            async for event in connection:
                if event.type == "response.output_audio_transcript.delta":
                    transcript += event.delta
                elif event.type == "response.output_audio.delta":
                    sound += base64.b64decode(event.delta)
                elif event.type == "response.done":
                    done = event.response
                    break
                assert event.type != "error"
            assert transcript == "Hello there. How are you?"
            assert len(sound) == 2 * 2_400 * 5
            assert done is not None
            assert done.status == "completed"
            assert done.output[0].content[0].transcript == transcript
            assert done.usage.total_tokens == 23
    await client.close()


async def test_the_openai_client_can_ask_for_text_and_cancel(scene: Scene) -> None:
    scene.stage.dialogue.never_ends = True
    client = openai.AsyncOpenAI(
        api_key="any", websocket_base_url=f"ws://127.0.0.1:{scene.server.port}/v1"
    )
    async with asyncio.timeout(20), client.realtime.connect(model="hoshi") as connection:
        content = [{"type": "input_text", "text": "Sing."}]
        item = {"type": "message", "role": "user", "content": content}
        await connection.conversation.item.create(item=item)
        await connection.response.create(response={"output_modalities": ["text"]})
        async for event in connection:
            if event.type == "response.output_text.delta":
                await connection.response.cancel()
                break
        async for event in connection:
            if event.type == "response.done":
                assert event.response.status == "cancelled"
                break
    await client.close()


async def test_the_openai_client_asks_aside_and_is_told_what_is_left_out(scene: Scene) -> None:
    """A model of its own for the answer, tools that are not there, and a voice of OpenAI's."""
    client = openai.AsyncOpenAI(
        api_key="any", websocket_base_url=f"ws://127.0.0.1:{scene.server.port}/v1"
    )
    async with asyncio.timeout(20), client.realtime.connect(model="gpt-realtime") as connection:
        tool = {"type": "mcp", "server_label": "mine"}
        session = {"type": "realtime", "instructions": "Be kind.", "tools": [tool]}
        await connection.session.update(
            session={**session, "audio": {"output": {"voice": "marin"}}}, event_id="mine"
        )
        events = {}
        async for event in connection:
            events[event.type] = event
            if event.type == "error":
                break
        assert events["session.updated"].session.instructions == "Be kind."
        assert events["session.updated"].session.tools == []
        assert (event.error.param, event.error.event_id) == ("session.tools", "mine")
        content = [{"type": "input_text", "text": "Is this about music? Yes or no."}]
        await connection.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"topic": "classify"},
                "input": [{"type": "message", "role": "user", "content": content}],
            }
        )
        async for event in connection:
            assert not event.type.startswith("conversation.")
            if event.type == "response.done":
                break
        assert event.response.metadata == {"topic": "classify"}
        assert event.response.output[0].content[0].text == "Hello there. How are you?"
    await client.close()


async def test_the_openai_client_declares_a_function_and_tells_what_came_of_it(
    scene: Scene,
) -> None:
    scene.stage.dialogue.deltas = ['Let me see. [look_up {"word": "star"}]']
    client = openai.AsyncOpenAI(
        api_key="any", websocket_base_url=f"ws://127.0.0.1:{scene.server.port}/v1"
    )
    word = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    tool = {"type": "function", "name": "look_up", "description": "finds", "parameters": word}
    async with asyncio.timeout(20), client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "tools": [tool]})
        content = [{"type": "input_text", "text": "What is a star?"}]
        item = {"type": "message", "role": "user", "content": content}
        await connection.conversation.item.create(item=item)
        await connection.response.create(response={"output_modalities": ["text"]})
        async for event in connection:
            if event.type == "response.function_call_arguments.done":
                call = event
            if event.type == "response.done":
                break
        assert json.loads(call.arguments) == {"word": "star"}
        assert event.response.output[-1].call_id == call.call_id
        result = {"type": "function_call_output", "call_id": call.call_id, "output": "a sun"}
        await connection.conversation.item.create(item=result)
        scene.stage.dialogue.deltas = ["A star is a sun."]
        await connection.response.create()
        async for event in connection:
            if event.type == "response.done":
                break
        assert event.response.output[0].content[0].transcript == "A star is a sun."
    told = scene.stage.dialogue.requests[-1].messages[-1]
    assert told.content == "The result of look_up: a sun"
    await client.close()
