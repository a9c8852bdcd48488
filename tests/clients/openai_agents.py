"""openai-agents, unmodified: two turns, the first interrupted. Prints what came as JSON."""

import asyncio
import json
import logging
import sys
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeModelConfig, RealtimeRunner, RealtimeSession


async def main(url: str, questions: list[str]) -> None:
    agent = RealtimeAgent(name="Visitor", instructions="You are Hoshi, who loves the sea.")
    config: RealtimeModelConfig = {"api_key": "any", "url": url}
    found: dict[str, Any] = {"events": [], "errors": [], "sound": [], "interrupted": [], "said": []}
    async with await RealtimeRunner(agent).run(model_config=config) as session:
        for question in questions:
            await session.send_message(question)
            await turn(session, found, interrupt=question == questions[0])
    print(json.dumps(found))


async def turn(session: RealtimeSession, found: dict[str, Any], *, interrupt: bool) -> None:
    """Reads on until the answer has ended, and was truncated if it was interrupted."""
    awaited = {"response.done", "conversation.item.truncated"} if interrupt else {"response.done"}
    found["sound"].append(0)
    async for event in session:
        match event.type:
            case "error":
                found["errors"].append(repr(event.error))
            case "audio":
                found["sound"][-1] += len(event.audio.data)
                if interrupt and found["sound"][-1] > 24_000:
                    interrupt = False
                    await session.interrupt()
            case "audio_interrupted":
                found["interrupted"].append(event.item_id)
            case "history_updated":
                found["said"] = [each.model_dump() for each in event.history]
            case "raw_model_event" if event.data.type == "raw_server_event":
                found["events"].append(event.data.data)
                awaited.discard(event.data.data["type"])
        if not awaited or found["errors"]:
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(asyncio.wait_for(main(sys.argv[1], sys.argv[2:]), 240))
