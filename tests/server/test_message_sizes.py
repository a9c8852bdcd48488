"""No message is over 32 KiB, whatever a client sends and whatever is answered."""

import json
from typing import Any

import pytest

from idol_protocol.codec import MAX_MESSAGE_BYTES
from idol_protocol.items import MAX_REPLY_BYTES
from idol_protocol.server_events import ConversationItemDeleted
from idol_runtime.server.journal import Journal
from tests.server.conftest import Client, Event, OpenScene, Scene

LONG = {
    "escapes": "\x01" * 7_999 + "x",
    "emoji": "\N{GRINNING FACE}" * 8_000,
    "kanji": "\u732b" * 8_000,
    "letters": "x" * 8_000,
}


class Weighed(Client):
    """A client that looks at how long each message is."""

    longest = 0

    async def next(self) -> Event:
        message = await self.socket.recv()
        size = len(message if isinstance(message, bytes) else message.encode())
        self.longest = max(self.longest, size)
        assert size <= MAX_MESSAGE_BYTES
        if isinstance(message, bytes):
            return await self.next()
        event: Event = json.loads(message)
        return event


def message(*texts: str) -> Event:
    content = [{"type": "input_text", "text": each} for each in texts]
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item}


EVENTS: dict[str, Event] = {
    **{f"item of {name}": message(text) for name, text in LONG.items()},
    "item of many parts": message(*["a"] * 1_200),
    **{
        f"instructions of {name}": {
            "type": "session.update",
            "session": {"type": "realtime", "instructions": text},
        }
        for name, text in LONG.items()
    },
    "metadata": {
        "type": "response.create",
        "response": {"metadata": {f"{n:02}": "\x01" * 500 for n in range(16)}},
    },
    "event_id": {"type": "response.cancel", "event_id": "x" * 60_000},
    "event_id of a known event": {"type": "idol.clock.ping", "event_id": "\x01" * 10_000},
    "type": {"type": "\x01" * 10_000},
    "field": {"type": "session.update", "session": {"type": "realtime", "x" * 50_000: 1}},
    "response_id": {"type": "response.cancel", "response_id": "\x01" * 10_000},
    "item_id": {"type": "conversation.item.delete", "item_id": "\x01" * 64},
    "previous_item_id": message("Hi.") | {"previous_item_id": "\x01" * 10_000},
    "voice": {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"output": {"voice": "\x01" * 256}}},
    },
}


@pytest.mark.parametrize("name", EVENTS)
async def test_whatever_is_asked_is_answered_in_short_messages(scene: Scene, name: str) -> None:
    async with scene.client("idol.v1") as plain:
        client = Weighed(plain.socket)
        await client.send(EVENTS[name])
        await client.alive()
        await client.ask("Hi.")
        assert client.longest > 0


async def test_what_is_too_long_as_json_is_refused_in_a_sentence(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send(EVENTS["item of escapes"])
        error = await client.error()
        assert error["code"] == "text_too_long"
        assert "bytes as JSON" in error["message"]
        await client.send(EVENTS["instructions of escapes"])
        assert (await client.error())["param"] == "session.instructions"
        await client.send(EVENTS["metadata"])
        assert (await client.error())["param"] == "response.metadata"
        await client.send(EVENTS["item of kanji"])
        await client.until("conversation.item.done")


@pytest.mark.parametrize("delta", ["\N{GRINNING FACE} la. ", "\x01. ", "word "])
async def test_an_answer_ends_where_no_message_could_hold_it(
    open_scene: OpenScene, delta: str
) -> None:
    scene = await open_scene()
    scene.stage.dialogue.deltas = [delta] * 20_000
    metadata: dict[str, Any] = {f"{n:02}": "x" * 512 for n in range(16)}
    async with scene.client() as plain:
        client = Weighed(plain.socket)
        events = await client.ask("Sing.", output_modalities=["text"], metadata=metadata)
    response = events[-1]["response"]
    assert response["status"] == "incomplete"
    assert response["metadata"] == metadata
    assert client.longest > MAX_REPLY_BYTES


async def test_an_event_that_no_message_holds_is_told_by_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = Journal(max_events=10, max_bytes=1_000_000)
    sent = journal.note(ConversationItemDeleted(item_id="secret" * 10_000))
    assert len(sent) < 1_000
    assert '"message_too_large"' in sent
    assert "conversation.item.deleted" in sent
    assert '"event_1"' in sent
    assert "secret" not in sent
    assert "secret" not in caplog.text
