"""Who may connect: addresses, origins and tokens."""

import asyncio
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from idol_runtime.errors import ConfigError
from idol_runtime.server.access import refuse_origin, subprotocols_of, tokens_of
from idol_runtime.server.config import ServerConfig, check_config
from tests.server.conftest import OpenScene, Scene

LOCAL = ServerConfig()
PUBLIC = ServerConfig(host="0.0.0.0", token="t", allowed_origins=("https://friend.example",))


@pytest.mark.parametrize(
    ("config", "host", "origin", "is_allowed"),
    [
        (LOCAL, "127.0.0.1:8765", None, True),
        (LOCAL, "localhost:8765", "http://localhost:8765", True),
        (LOCAL, "[::1]:8765", "http://127.0.0.1:3000", True),
        (LOCAL, "127.0.0.1:8765", "https://evil.example", False),
        (LOCAL, "127.0.0.1:8765", "null", False),
        (LOCAL, "127.0.0.1:8765", "http://[broken", False),
        (LOCAL, "rebound.example:8765", "http://rebound.example:8765", False),
        (LOCAL, "rebound.example:8765", None, False),
        (PUBLIC, "idol.example:8765", None, True),
        (PUBLIC, "idol.example:8765", "http://idol.example:8765", True),
        (PUBLIC, "idol.example:8765", "http://other.example:8765", False),
        (PUBLIC, "idol.example:8765", "https://friend.example", True),
    ],
)
def test_pages_of_other_hosts_are_refused(
    config: ServerConfig, host: str, origin: str | None, is_allowed: bool
) -> None:
    headers = Headers([("Host", host)] + ([("Origin", origin)] if origin else []))
    assert (refuse_origin(headers, config) is None) == is_allowed


@pytest.mark.parametrize("config", [LOCAL, PUBLIC])
def test_a_page_that_names_no_host_is_refused(config: ServerConfig) -> None:
    headers = Headers([("Origin", "https://other.example")])
    assert "may not connect" in str(refuse_origin(headers, config))


def test_two_origins_are_refused() -> None:
    headers = Headers([("Host", "localhost"), ("Origin", "http://localhost"), ("Origin", "x")])
    assert "several" in str(refuse_origin(headers, LOCAL))


def test_tokens_are_read_from_the_header_and_the_subprotocols() -> None:
    headers = Headers(
        [
            ("Authorization", "bearer one"),
            ("Sec-WebSocket-Protocol", "realtime,openai-insecure-api-key.two"),
        ]
    )
    assert subprotocols_of(headers) == ["realtime", "openai-insecure-api-key.two"]
    assert tokens_of(headers, subprotocols_of(headers)) == ["one", "two"]
    assert tokens_of(Headers([("Authorization", "Basic x")]), []) == []
    assert tokens_of(Headers([("Authorization", "Bearer ")]), []) == []


@pytest.mark.parametrize(
    "config",
    [
        ServerConfig(host="0.0.0.0"),
        ServerConfig(host="192.168.1.5"),
        ServerConfig(host="example.org"),
        ServerConfig(token=" "),
        ServerConfig(port=70_000),
    ],
)
def test_an_unsafe_or_impossible_configuration_is_refused(config: ServerConfig) -> None:
    with pytest.raises(ConfigError, match=r"\.$"):
        check_config(config)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    check_config(ServerConfig(host=host))


async def test_a_page_of_another_host_cannot_connect(scene: Scene) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(scene.address, origin=Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403
    assert b'idol_ws_refused_total{reason="origin"} 1.0' in scene.server.metrics.page()


async def test_the_token_opens_by_header_and_by_subprotocol(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    bearer = {"Authorization": "Bearer right"}
    async with scene.client(additional_headers=bearer) as client:
        assert (await client.next())["type"] == "session.created"
    async with scene.client("idol.v1", "openai-insecure-api-key.right") as client:
        assert (await client.next())["type"] == "session.created"
        assert client.socket.subprotocol == "idol.v1"


async def test_a_wrong_token_is_refused_at_the_handshake(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    for headers, offered in (
        ({"Authorization": "Bearer wrong"}, ()),
        ({}, ("realtime", "openai-insecure-api-key.wrong")),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with scene.client(*offered, additional_headers=headers):
                pass
        assert refused.value.response.status_code == 401


async def test_the_token_may_be_the_first_event(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    async with scene.client("idol.v1") as client:
        await client.send({"type": "idol.authenticate", "token": "right"})
        assert (await client.next())["type"] == "session.created"
        await client.alive()


@pytest.mark.parametrize(
    "first",
    [
        '{"type":"idol.authenticate","token":"wrong"}',
        '{"type":"response.create"}',
        '{"type":"idol.authenticate","token":"\\ud800"}',
        "{not json",
        b"\x00",
    ],
)
async def test_any_other_first_event_closes_with_4401_and_a_sentence(
    open_scene: OpenScene, first: str | bytes
) -> None:
    scene = await open_scene(token="right")
    async with scene.client() as client:
        await client.send(first)
        error = await client.next()
        assert error["type"] == "error"
        assert error["error"]["message"].endswith(".")
        assert await client.closed() == 4401
    assert scene.stage.performers == []


async def test_a_silent_stranger_is_closed_when_its_time_is_over(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right", limits={"authenticate_s": 0.01})
    async with scene.client() as client:
        assert (await client.next())["error"]["code"] == "unauthorized"
        assert await client.closed() == 4401


async def test_an_unknown_subprotocol_is_refused(scene: Scene) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with scene.client("graphql-ws"):
            pass
    assert refused.value.response.status_code == 400
    assert b"idol.v1" in refused.value.response.body


async def test_subprotocols_without_a_space_are_told_apart(scene: Scene) -> None:
    reader, writer = await _handshake(scene.server.port, "idol.v1,realtime")
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b"101 Switching Protocols" in answer
    assert b"Sec-WebSocket-Protocol: idol.v1" in answer
    writer.close()
    await writer.wait_closed()


async def test_a_connection_too_many_is_refused(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_connections": 1})
    async with scene.client() as client:
        await client.next()
        with pytest.raises(InvalidStatus) as refused:
            async with scene.client():
                pass
        assert refused.value.response.status_code == 503
        await client.alive()


async def test_a_port_in_use_is_told_with_what_to_do(open_scene: OpenScene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"listens on 127.0.0.1:{port} already.*--port"):
            await open_scene(port=port)


async def test_an_address_of_another_machine_is_told_with_what_to_do(open_scene: OpenScene) -> None:
    with pytest.raises(ConfigError, match="--host"):
        await open_scene(host="203.0.113.7", token="t")


async def _handshake(
    port: int, subprotocols: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: "
        + subprotocols.encode()
        + b"\r\n\r\n"
    )
    return reader, writer
