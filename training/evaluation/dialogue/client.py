"""A client of the product: it says lines over a WebSocket and hears replies."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from training.dialogue.cue_syntax import FELT, ActionCall
from training.evaluation.dialogue.heard import HeardReply

PATIENCE_S: Final = 120.0
FELT_ABOVE: Final = 0.25
"""An emotion counts from there on."""
_DECLARED: Final = re.compile(
    r"(?P<name>[a-zA-Z_][\w-]*) (?P<shape>\{.*\})(?: \((?P<description>[^()]*)\))?"
)


class ServerSaidError(Exception):
    """The server answered with an error; the message is its own."""


def tool_of(declared: str) -> dict[str, Any]:
    """`give_item {"item": "sword|shield", "count": number} (gives an item)` as a tool.

    Raises:
        ValueError: it is not written like that.
    """
    match = _DECLARED.fullmatch(declared.strip())
    if match is None:
        raise ValueError(f"Expected `name {{...}} (what it does)`, found {declared!r}.")
    shape = re.sub(r":\s*(number|integer|text|string|boolean)\b", r': "\1"', match["shape"])
    fields: dict[str, str] = json.loads(shape)
    return {
        "type": "function",
        "name": match["name"],
        "description": match["description"] or "",
        "parameters": {
            "type": "object",
            "properties": {name: _schema(value) for name, value in fields.items()},
            "required": list(fields),
        },
    }


def _schema(value: str) -> dict[str, Any]:
    match value:
        case "number" | "integer" | "boolean":
            return {"type": "integer" if value == "number" else value}
        case "text" | "string":
            return {"type": "string"}
    return {"type": "string", "enum": value.split("|")}


class ProductClient:
    """One session."""

    def __init__(self, socket: ClientConnection, clock: Callable[[], float]) -> None:
        self._socket, self._clock = socket, clock
        self._facts: list[str] = []
        self.notes: list[str] = []
        """What the server does not know yet, a sentence each."""

    async def begin(self, actions: Sequence[str]) -> None:
        await self._until("session.created")
        await self._update({"output_modalities": ["text"]})
        if actions:
            try:
                await self._update({"tools": [tool_of(each) for each in actions]})
            except ServerSaidError as error:
                self.notes.append(f"Actions were not declared: {error}")

    async def know(self, notes: Sequence[str]) -> None:
        """Tells what is so in the client's world, in place of what was."""
        gone: dict[str, str | None] = {f"note.{at}": None for at in range(len(self._facts))}
        facts = gone | {f"note.{at}": note for at, note in enumerate(notes)}
        self._facts = list(notes)
        if facts:
            await self._send({"type": "idol.world.update", "facts": facts})
            await self._until("idol.world.updated")

    async def say(self, text: str) -> HeardReply:
        """Says a line and waits for all of the reply."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return await self._answer_to(item)

    async def result(self, call_id: str, output: str) -> HeardReply:
        """Says what came of an action, and waits for what follows."""
        return await self._answer_to(
            {"type": "function_call_output", "call_id": call_id, "output": output}
        )

    async def _answer_to(self, item: dict[str, Any]) -> HeardReply:
        begun = self._clock()
        await self._send({"type": "conversation.item.create", "item": item})
        await self._send({"type": "response.create"})
        heard = HeardReply()
        while True:
            event = await self._receive()
            match event["type"]:
                case "response.output_text.delta":
                    if heard.first_text_s is None and event["delta"].strip():
                        heard.first_text_s = self._clock() - begun
                    heard.speech += event["delta"]
                case "idol.emotion":
                    levels: dict[str, float] = event["emotion"]
                    felt = [name for name in FELT if (levels.get(name) or 0) >= FELT_ABOVE]
                    heard.emotions += felt
                case "idol.gesture":
                    heard.gestures.append(event["gesture"])
                case "idol.activity" if event["activity"] == "dance":
                    heard.gestures.append("dance")
                case "idol.action":
                    arguments = json.loads(event["arguments"])
                    heard.calls.append(ActionCall(event["name"], arguments))
                    heard.call_ids.append(event["call_id"])
                case "response.done":
                    heard.status = event["response"]["status"]
                    heard.whole_s = self._clock() - begun
                    heard.speech = heard.speech.strip()
                    return heard
                case "error":
                    raise ServerSaidError(event["error"]["message"])

    async def _update(self, session: dict[str, Any]) -> None:
        """Raises ServerSaidError where a part of it was left out, which is said after the rest."""
        await self._send({"type": "session.update", "session": {"type": "realtime", **session}})
        await self._send({"type": "idol.clock.ping", "id": 1, "client_us": 0})
        refused = ""
        while (event := await self._receive())["type"] != "idol.clock.pong":
            if event["type"] == "error":
                refused = event["error"]["message"]
        if refused:
            raise ServerSaidError(refused)

    async def _until(self, kind: str) -> dict[str, Any]:
        while True:
            event = await self._receive()
            if event["type"] == "error":
                raise ServerSaidError(event["error"]["message"])
            if event["type"] == kind:
                return event

    async def _send(self, event: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(event))

    async def _receive(self) -> dict[str, Any]:
        while True:
            message = await self._socket.recv()
            if isinstance(message, str):
                event: dict[str, Any] = json.loads(message)
                return event


@asynccontextmanager
async def session(
    address: str,
    character: str,
    actions: Sequence[str],
    *,
    query: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[ProductClient]:
    """A session with a character of a server at `host:port`."""
    url = f"ws://{address}/v1/realtime?model={character}{query}"
    async with connect(url, open_timeout=PATIENCE_S, ping_timeout=None) as socket:
        client = ProductClient(socket, clock)
        await client.begin(actions)
        yield client
