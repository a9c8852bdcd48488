"""Whatever a client sends, it gets a sentence back and keeps its connection where it can."""

import asyncio
import json

import pytest

from tests.server.conftest import Event, Scene


def message_item(text: object, role: str = "user", kind: str = "input_text") -> Event:
    content = [{"type": kind, "text": text}]
    item = {"type": "message", "role": role, "content": content}
    return {"type": "conversation.item.create", "event_id": "mine", "item": item}


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{not json", "invalid_json", None),
        ("[1, 2]", "invalid_field", None),
        ('{"type":"response.explode"}', "unknown_event", "type"),
        ('{"no":"type"}', "missing_field", "type"),
        ('{"type":"conversation.item.create"}', "missing_field", "item"),
        (message_item(3), "invalid_field", "item.content[0].text"),
        (message_item(""), "empty_text", "item.content"),
        (message_item(" \n\t"), "empty_text", "item.content"),
        (message_item("x" * 8_001), "text_too_long", "item.content"),
        (message_item("x" * 60_000), "text_too_long", "item.content"),
        (message_item("x" * 1_048_576), "message_too_large", None),
        (message_item("hi", role="assistant"), "invalid_field", "item.content[0].type"),
        (message_item("hi", kind="output_text"), "invalid_field", "item.content[0].type"),
        (b"\x01\x01\x00\x00", "binary_not_accepted", None),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "audio_input_unsupported", "type"),
        ({"type": "input_audio_buffer.commit"}, "audio_input_unsupported", "type"),
        ({"type": "input_audio_buffer.clear"}, "audio_input_unsupported", "type"),
        ({"type": "conversation.item.delete", "item_id": "none"}, "item_not_found", "item_id"),
        ({"type": "conversation.item.retrieve", "item_id": "none"}, "item_not_found", "item_id"),
        (
            {"type": "session.update", "session": {"tools": [{"type": "function"}]}},
            "unsupported_field",
            "session.tools",
        ),
        (
            {"type": "session.update", "session": {"audio": {"output": {"speed": 0.3}}}},
            "unsupported_field",
            "session.audio.output.speed",
        ),
        (
            {
                "type": "session.update",
                "session": {"audio": {"output": {"format": {"type": "audio/pcmu"}}}},
            },
            "unsupported_field",
            "session.audio.output.format",
        ),
        (
            {"type": "response.create", "response": {"conversation": "another"}},
            "unsupported_field",
            "response.conversation",
        ),
        (
            {"type": "response.create", "response": {"input": [{"type": "function_call"}]}},
            "invalid_field",
            "response.input[0].type",
        ),
        (
            {"type": "idol.streams.configure", "face": {"dtype": "f32", "fps": 29}},
            "invalid_field",
            "face.fps",
        ),
        (
            {"type": "idol.streams.configure", "pose": {"dtype": "u8"}},
            "invalid_field",
            "pose.dtype",
        ),
        ({"type": "idol.resume", "token": "guess"}, "session_not_found", "token"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
async def test_a_bad_message_gets_a_sentence_and_the_connection_lives(
    scene: Scene, message: Event | str | bytes, code: str, param: str | None
) -> None:
    async with scene.client() as client:
        await client.send(message)
        error = await client.error()
        assert (error["code"], error["param"]) == (code, param)
        assert error["type"] == "invalid_request_error"
        assert error["message"][0].isupper()
        assert error["message"].endswith(".")
        await client.alive()


async def test_an_error_names_the_event_that_caused_it(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send(message_item(""))
        assert (await client.error())["event_id"] == "mine"


async def test_a_message_that_cannot_be_held_closes_with_1009(scene: Scene) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    writer.write(
        b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    length = 5 * 1024 * 1024
    writer.write(bytes([0x81, 0x80 | 127]) + length.to_bytes(8, "big") + bytes(4))
    async with asyncio.timeout(10):
        sent = await reader.read()
    close = sent[sent.rindex(b"\x03\xf1") :]
    assert int.from_bytes(close[:2], "big") == 1009
    assert b"exceeds limit of 4194304 bytes" in close
    writer.close()
    await writer.wait_closed()


async def test_emoji_alone_are_text(scene: Scene) -> None:
    async with scene.client() as client:
        events = await client.ask("\N{STRAWBERRY}\N{SPARKLES}")
    assert events[-1]["response"]["status"] == "completed"
    assert scene.stage.dialogue.requests[-1].messages[-1].content == "\N{STRAWBERRY}\N{SPARKLES}"


async def test_a_taken_item_id_is_refused(scene: Scene) -> None:
    async with scene.client() as client:
        event = message_item("hi")
        event["item"]["id"] = "same"
        await client.send(event)
        await client.until("conversation.item.done")
        await client.send(event)
        assert (await client.error())["code"] == "invalid_item_id"


async def test_what_users_say_is_in_no_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        async with scene.client() as client:
            await client.ask("my secret name is Miso")
            await client.send(message_item("my secret name is Miso" * 1_000))
            await client.error()
            await client.send('{"type":"my secret name is Miso"}')
            await client.error()
    ours = [each for each in caplog.records if not each.name.startswith("websockets.client")]
    assert not any("Miso" in json.dumps([each.getMessage(), str(vars(each))]) for each in ours)


async def test_errors_are_counted_by_code(scene: Scene) -> None:
    async with scene.client() as client:
        await client.send("{")
        await client.error()
    assert b'idol_client_errors_total{code="invalid_json"} 1.0' in scene.server.metrics.page()
