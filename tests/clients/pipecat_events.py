"""pipecat's own event models: what they write is taken, what comes is read by them.

Two turns, the first interrupted. Prints what came as JSON.
"""

import asyncio
import base64
import json
import sys
from typing import Any

from pipecat.services.openai.realtime import events
from websockets.asyncio.client import ClientConnection, connect


async def main(url: str, questions: list[str]) -> None:
    found: dict[str, Any] = {"events": [], "errors": [], "sound": [], "interrupted": [], "said": []}
    async with connect(url, additional_headers={"Authorization": "Bearer any"}) as socket:
        properties = events.SessionProperties(
            instructions="You are Hoshi, who loves the sea.",
            audio=events.AudioConfiguration(
                input=events.AudioInput(
                    transcription=events.InputAudioTranscription(),
                    turn_detection=events.SemanticTurnDetection(),
                    noise_reduction=events.InputAudioNoiseReduction(type="near_field"),
                ),
                output=events.AudioOutput(voice="ash"),
            ),
        )
        await send(socket, events.SessionUpdateEvent(session=properties))
        for question in questions:
            words = [events.ItemContent(type="input_text", text=question)]
            item = events.ConversationItem(role="user", type="message", content=words)
            await send(socket, events.ConversationItemCreateEvent(item=item))
            await send(socket, events.ResponseCreateEvent(response=events.ResponseProperties()))
            await turn(socket, found, interrupt=question == questions[0])
    print(json.dumps(found))


async def send(socket: ClientConnection, event: events.ClientEvent) -> None:
    """As `OpenAIRealtimeLLMService` does."""
    await socket.send(json.dumps(event.model_dump(exclude_none=True)))


async def turn(socket: ClientConnection, found: dict[str, Any], *, interrupt: bool) -> None:
    """Reads on until the answer has ended, and the client has seen what is left of it."""
    last = "conversation.item.retrieved" if interrupt else "response.done"
    found["sound"].append(0)
    async for message in socket:
        found["events"].append(json.loads(message))
        event = events.parse_server_event(message)
        if event is None:
            found["errors"].append(f"unknown to pipecat: {message[:100]!r}")
            continue
        match event.type:
            case "error":
                found["errors"].append(event.error.message)
            case "response.output_audio.delta":
                found["sound"][-1] += len(base64.b64decode(event.delta))
                if interrupt and found["sound"][-1] > 24_000:
                    interrupt = False
                    found["interrupted"].append(event.item_id)
                    await send(socket, events.ResponseCancelEvent())
                    cut = events.ConversationItemTruncateEvent(
                        item_id=event.item_id, content_index=0, audio_end_ms=400
                    )
                    await send(socket, cut)
                    await send(socket, events.ConversationItemRetrieveEvent(item_id=event.item_id))
            case "response.output_audio_transcript.done":
                found["said"].append(event.transcript)
        if event.type == last:
            return


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2:]), 240))
