"""The official OpenAI client, unmodified, talks to a served character on the real models."""

import asyncio
import base64

import numpy as np
import openai
import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    RealtimeConversationItemAssistantMessage,
    RealtimeConversationItemUserMessageParam,
    RealtimeResponse,
)

pytestmark = pytest.mark.models


async def test_the_openai_client_holds_a_spoken_conversation(served: str) -> None:
    client = openai.AsyncOpenAI(api_key="any", base_url=f"http://{served}/v1")
    async with asyncio.timeout(300), client.realtime.connect(model="gpt-realtime") as connection:
        for question in ("Who are you, and what do you like?", "Do you like rainy nights?"):
            await connection.conversation.item.create(item=_words(question))
            await connection.response.create()
            transcript, sound, done = await _answer(connection)
            assert done.status in ("completed", "incomplete")
            assert transcript.strip()
            assert done.output
            [answer] = done.output
            assert isinstance(answer, RealtimeConversationItemAssistantMessage)
            assert answer.content
            assert answer.content[0].transcript == transcript.strip()
            samples = np.frombuffer(sound, "<i2")
            # Speech is 1 to 6 words a second, and a single word takes a while, too.
            words, seconds = len(transcript.split()), len(samples) / 24_000
            assert words / 6 < seconds < words + 1.5, transcript
            assert np.abs(samples).max() > 1_000
            assert done.usage
            assert done.usage.output_tokens
    await client.close()


async def test_the_openai_client_gets_text_alone_and_can_cancel(served: str) -> None:
    client = openai.AsyncOpenAI(api_key="any", websocket_base_url=f"ws://{served}/v1")
    async with asyncio.timeout(300), client.realtime.connect(model="hoshi") as connection:
        await connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "max_output_tokens": 40}
        )
        story = _words("Tell me a long story about the stars.")
        await connection.conversation.item.create(item=story)
        await connection.response.create()
        async for event in connection:
            assert not event.type.startswith("response.output_audio")
            if event.type == "response.output_text.delta":
                await connection.response.cancel()
                break
        async for event in connection:
            if event.type == "response.done":
                assert event.response.status == "cancelled"
                break
    await client.close()


def _words(text: str) -> RealtimeConversationItemUserMessageParam:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


async def _answer(connection: AsyncRealtimeConnection) -> tuple[str, bytes, RealtimeResponse]:
    """Transcript, PCM and the response of one answer."""
    transcript, sound = "", b""
    async for event in connection:
        assert event.type != "error", event.error.message
        if event.type == "response.output_audio_transcript.delta":
            transcript += event.delta
        elif event.type == "response.output_audio.delta":
            sound += base64.b64decode(event.delta)
        elif event.type == "response.done":
            return transcript, sound, event.response
    raise AssertionError("the connection ended before response.done")
