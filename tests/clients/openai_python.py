"""OpenAI's Python client, unmodified: two turns, the first interrupted. Prints all as JSON."""

import asyncio
import base64
import json
import sys
from typing import Any

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection


async def main(base_url: str, questions: list[str]) -> None:
    found: dict[str, Any] = {"events": [], "errors": [], "sound": [], "interrupted": [], "said": []}
    async with (
        openai.AsyncOpenAI(api_key="any", base_url=base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        await connection.session.update(
            session={
                "type": "realtime",
                "instructions": "You are Hoshi, who loves the sea.",
                "audio": {
                    "input": {"turn_detection": {"type": "server_vad"}},
                    "output": {"voice": "marin"},
                },
            }
        )
        for question in questions:
            await connection.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": question}],
                }
            )
            await connection.response.create()
            await turn(connection, found, interrupt=question == questions[0])
    print(json.dumps(found))


async def turn(
    connection: AsyncRealtimeConnection, found: dict[str, Any], *, interrupt: bool
) -> None:
    """Reads on until the answer has ended, and the client has seen what is left of it."""
    last = "conversation.item.retrieved" if interrupt else "response.done"
    found["sound"].append(0)
    async for event in connection:
        found["events"].append(event.to_dict(mode="json"))
        match event.type:
            case "error":
                found["errors"].append(event.error.message)
            case "response.output_audio.delta":
                found["sound"][-1] += len(base64.b64decode(event.delta))
                if interrupt and found["sound"][-1] > 24_000:
                    interrupt = False
                    found["interrupted"].append(event.item_id)
                    await connection.response.cancel()
                    await connection.conversation.item.truncate(
                        item_id=event.item_id, content_index=0, audio_end_ms=400
                    )
                    await connection.conversation.item.retrieve(item_id=event.item_id)
            case "response.output_audio_transcript.done":
                found["said"].append(event.transcript)
        if event.type == last:
            return


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2:]), 240))
