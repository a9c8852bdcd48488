"""livekit-agents' Realtime plugin, unmodified and without a LiveKit server.

Two turns, the first interrupted. Prints what came as JSON.
"""

import asyncio
import json
import logging
import sys
from typing import Any

from livekit.agents import llm
from livekit.plugins import openai


async def main(base_url: str, questions: list[str]) -> None:
    model = openai.realtime.RealtimeModel(base_url=base_url, api_key="any", model="hoshi")
    session = model.session()
    found: dict[str, Any] = {"events": [], "errors": [], "sound": [], "interrupted": [], "said": []}
    awaited: set[str] = set()
    arrived = asyncio.Event()

    def note(event: dict[str, Any]) -> None:
        found["events"].append(event)
        awaited.discard(event["type"])
        if not awaited:
            arrived.set()

    session.on("openai_server_event_received", note)
    session.on("error", lambda event: found["errors"].append(repr(event.error)))
    for question in questions:
        context = session.chat_ctx.copy()
        context.add_message(role="user", content=question)
        await session.update_chat_ctx(context)
        is_first = question == questions[0]
        awaited |= {"response.done"} | ({"conversation.item.truncated"} if is_first else set())
        arrived.clear()
        generation = await session.generate_reply()
        async for message in generation.message_stream:
            await listen(session, message, found, interrupt=is_first)
        await arrived.wait()
    found["said"] = [[each.role, each.text_content] for each in session.chat_ctx.messages()]
    await session.aclose()
    await model.aclose()
    print(json.dumps(found))


async def listen(
    session: Any, message: llm.MessageGeneration, found: dict[str, Any], *, interrupt: bool
) -> None:
    found["sound"].append(0)
    async for frame in message.audio_stream:
        found["sound"][-1] += 2 * frame.samples_per_channel
        if interrupt and found["sound"][-1] > 24_000:
            interrupt = False
            found["interrupted"].append(message.message_id)
            session.interrupt()
            session.truncate(message_id=message.message_id, modalities=["audio"], audio_end_ms=400)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2:]), 240))
