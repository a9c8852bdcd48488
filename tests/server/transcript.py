"""One turn as it goes over the wire: protocol/fixtures/turn.jsonl, shown by protocol/README.md.

python -m tests.server.transcript    writes it anew; then run python protocol/generate.py

A real server with scripted models; what differs from run to run (ids, tokens) is numbered.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from idol_protocol.codec import decode_header
from idol_runtime.engine.cast import LiveCast
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.server import Server, open_server
from tests.server.conftest import Client, Event, Served, SteppedStage

PATH = Path(__file__).parents[2] / "protocol" / "fixtures" / "turn.jsonl"
QUESTION = "Who are you?"
REPLY = ["I'm ", "Hoshi. [wave] ", "Nice to meet you!"]

Line = dict[str, Any]
"""`from`: client or server; `event`, or for binary messages `media`: what kind, of what stream."""


async def record() -> list[Line]:
    """A session from its first event to the end of an answer."""
    stage = SteppedStage()
    stage.dialogue.deltas = REPLY
    cast = LiveCast(stage, [stage.member()])
    server = Server(ServerConfig(port=0), cast)
    ticking = asyncio.create_task(stage.run())
    try:
        async with open_server(server), Served(server, cast).client("idol.v1") as client:
            return readable(await _turn(client))
    finally:
        ticking.cancel()
        await cast.aclose()


async def _turn(client: Client) -> list[Line]:
    lines: list[Line] = []

    async def until(kind: str) -> None:
        event: Event = {"type": ""}
        while event["type"] != kind:
            before = len(client.media)
            event = await client.next()
            for message in client.media[before:]:
                _note_media(lines, message)
            lines.append({"from": "server", "event": event})

    async def send(event: Event) -> None:
        lines.append({"from": "client", "event": event})
        await client.send(event)

    await until("idol.stream.opened")
    streams = [line["event"]["kind"] for line in lines if "kind" in line["event"]]
    while set(streams) < {"audio", "face", "pose"}:
        await until("idol.stream.opened")
        streams.append(lines[-1]["event"]["kind"])
    content = [{"type": "input_text", "text": QUESTION}]
    item = {"type": "message", "role": "user", "content": content}
    await send({"type": "conversation.item.create", "event_id": "mine", "item": item})
    await until("conversation.item.done")
    await send({"type": "response.create"})
    await until("response.done")
    return lines


def _note_media(lines: list[Line], message: bytes) -> None:
    header, _ = decode_header(message)
    media = {"kind": header.kind.name.lower(), "stream_id": header.stream_id}
    if {"from": "server", "media": media} not in lines[-3:]:
        lines.append({"from": "server", "media": media})


def readable(lines: list[Line]) -> list[Line]:
    """Ids numbered in the order in which they come, secrets and long lists cut, times rounded."""
    names: dict[str, str] = {}

    def read(value: Any, key: str) -> Any:
        match value:
            case dict():
                return {name: read(each, name) for name, each in value.items()}
            case list() if key == "channels" and len(value) > 3:
                return [*value[:2], "..."]
            case list():
                return [read(each, key) for each in value]
            case float():
                return round(value, 2)
            case str() if key == "token":
                return "..."
            case str() if key == "id" or key.endswith("_id"):
                kind = value.split("_")[0]
                known = sum(each.startswith(f"{kind}_") for each in names.values())
                return names.setdefault(value, f"{kind}_{known + 1}" if "_" in value else value)
        return value

    return [read(line, "") for line in lines]


def main() -> None:
    lines = asyncio.run(record())
    PATH.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


if __name__ == "__main__":
    main()
