"""The door: strangers are few and soon gone; whatever a request holds, it gets a sentence."""

import asyncio
import resource
import socket
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from idol_runtime.server.door import places
from tests.server.conftest import OpenScene, Scene

BEARER = {"Authorization": "Bearer right"}
LONG_ITEM = {
    "type": "conversation.item.create",
    "item": {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "word " * 1500}],
    },
}


async def test_connections_that_say_nothing_keep_nobody_out(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right", limits={"max_connections": 2, "max_strangers": 4})
    async with AsyncExitStack() as stack:
        for _ in range(12):
            await stack.enter_async_context(scene.client())
        late = await stack.enter_async_context(scene.client("idol.v1"))
        await late.send({"type": "idol.authenticate", "token": "right"})
        assert (await late.next())["type"] == "session.created"
        other = await stack.enter_async_context(scene.client(additional_headers=BEARER))
        assert (await other.next())["type"] == "session.created"
    assert b'idol_ws_refused_total{reason="displaced"}' in scene.server.metrics.page()


async def test_who_sends_more_than_is_read_gives_its_place_up(open_scene: OpenScene) -> None:
    limits = {"max_connections": 1, "max_behind_s": 0.1, "units_at_once": 10.0, "units_per_s": 10.0}
    scene = await open_scene(limits=limits)
    async with scene.client("idol.v1") as flooding:
        await flooding.say("Hello.")
        for _ in range(3000):
            await flooding.socket.send('{"type": "input_audio_buffer.clear"}')
        async with asyncio.timeout(10), AsyncExitStack() as stack:
            while True:
                with suppress(InvalidStatus):  # not behind for so long yet
                    honest = await stack.enter_async_context(scene.client("idol.v1"))
                    break
            await honest.alive()
    assert b"idol_sessions_waiting 1.0" in scene.server.metrics.page()


async def test_who_is_read_keeps_its_place(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_connections": 1, "max_behind_s": 0.001})
    async with scene.client("idol.v1") as client:
        for _ in range(10):
            await client.say("word " * 1500)
            await client.alive()
            with pytest.raises(InvalidStatus):
                async with scene.client():
                    pass
        await client.alive()


async def test_silent_sockets_keep_nobody_out(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_strangers": 4})
    silent = [await asyncio.open_connection("127.0.0.1", scene.server.port) for _ in range(12)]
    async with scene.client() as client:
        await client.alive()
    for reader, _ in silent[:8]:
        assert await rest(reader) == b""
    for _, writer in silent:
        writer.transport.abort()


async def test_pages_that_nobody_reads_keep_nobody_out(
    open_scene: OpenScene, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_bytes(b"x" * 20_000_000)
    scene = await open_scene(web=tmp_path, limits={"max_strangers": 6})
    address = ("127.0.0.1", scene.server.port)
    with ExitStack() as stack:
        for _ in range(6):
            unread = stack.enter_context(socket.create_connection(address))
            unread.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.get_running_loop().run_in_executor(None, unread.recv, 12)
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(2):
            stack.enter_context(socket.create_connection(address))
        async with scene.client() as client:
            await client.alive()
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"alive" in await rest(reader)
        writer.transport.abort()


async def test_a_socket_that_never_ends_its_request_is_closed(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"handshake_s": 0.05})
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    assert await rest(reader) == b""
    writer.transport.abort()


async def test_handshakes_at_once_get_no_more_places_than_there_are(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_connections": 3})
    is_over = asyncio.Event()

    async def one() -> int:
        try:
            async with scene.client() as client:
                await client.next()
                await is_over.wait()
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    pending = {asyncio.create_task(one()) for _ in range(12)}
    results: list[int] = []
    async with asyncio.timeout(10):
        while len(results) < 9:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            results += [each.result() for each in done]
    is_over.set()
    results += await asyncio.gather(*pending)
    assert sorted(results) == [101] * 3 + [503] * 9


async def test_who_proves_itself_where_no_place_is_free_is_told(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right", limits={"max_connections": 1})
    async with scene.client("idol.v1") as first, scene.client("idol.v1") as second:
        await first.send({"type": "idol.authenticate", "token": "right"})
        await first.until("session.created")
        await second.send({"type": "idol.authenticate", "token": "right"})
        assert (await second.next())["error"]["code"] == "full"
        assert await second.closed() == 1013
        await first.alive()


async def test_a_place_is_free_again_when_its_client_has_gone(open_scene: OpenScene) -> None:
    scene = await open_scene(limits={"max_connections": 1})
    for _ in range(3):
        async with asyncio.timeout(10):
            while True:
                with suppress(InvalidStatus):
                    async with scene.client() as client:
                        await client.alive()
                    break


async def test_the_first_message_of_a_stranger_is_short(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    async with scene.client() as stranger:
        await stranger.send({"type": "idol.authenticate", "token": "x" * 5000})
        assert await stranger.closed() == 1009


async def test_what_follows_the_token_at_once_may_be_long(open_scene: OpenScene) -> None:
    scene = await open_scene(token="right")
    async with scene.client() as client:
        await client.send({"type": "idol.authenticate", "token": "right"})
        await client.send(LONG_ITEM)
        events = await client.until("conversation.item.done")
        assert "error" not in [each["type"] for each in events]


async def test_pings_whose_answers_nobody_reads_are_not_read_either(open_scene: OpenScene) -> None:
    boundless = {"units_at_once": 1e6, "units_per_s": 1e6}
    scene = await open_scene(limits=boundless)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        client.connect(("127.0.0.1", scene.server.port))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        head = b"".join(b"%s: %s\r\n" % each for each in UPGRADE)
        request = b"GET /v1/realtime HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n"
        await loop.sock_sendall(client, request)
        assert b" 101 " in await loop.sock_recv(client, 4096)
        pings = (b"\x89\xfd" + bytes(4 + 125)) * 20_000
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await loop.sock_sendall(client, pings)


async def test_a_page_is_sent_as_it_is_read_and_held_once(
    open_scene: OpenScene, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_bytes(b"x" * 20_000_000)
    scene = await open_scene(web=tmp_path, limits={"stall_s": 0.5})
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    get = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    unread = [socket.create_connection(("127.0.0.1", scene.server.port)) for _ in range(20)]
    for each in unread:
        each.sendall(get)
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    writer.write(get)
    assert len(await rest(reader)) > 20_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000
    for each in unread:
        each.close()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("open_files", "members", "strangers"),
    [(20_000, 64, 256), (1024, 64, 256), (256, 64, 64), (64, 24, 8), (8, 3, 1)],
)
def test_few_open_files_mean_few_connections(open_files: int, members: int, strangers: int) -> None:
    assert places(64, 256, open_files) == (members, strangers)
    assert members + strangers < open_files


@pytest.fixture(params=[{}, {"host": "0.0.0.0", "token": "right"}], ids=["here", "public"])
async def any_scene(open_scene: OpenScene, request: pytest.FixtureRequest) -> Scene:
    return await open_scene(**request.param)


TEXTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            *(b"//[", b"http://[", b"http://[::1", b"*", b"", b"/%00", b"/%ff%fe", b"/\xff", b"\0"),
            *(b"http://localhost/v1/realtime", b"/v1/realtime", b"/v1/realtime?model=%ff", b"//"),
            *(b"/avatars/%2e%2e/", b"/avatars/\0.vrm", b"/" + b"a" * 9000, b"null", b"Bearer \xff"),
            *(b"openai-insecure-api-key.\xff", b"idol.v1,,", b"a b", b",", b"\x80", b"[", b"[]:x"),
            *(b"localhost:99999", b"localhost:x", b"\xf0\x9f\x8d\x93", b"http://a@[b", b"/" * 300),
            *(b"/v1/realtime?" + b"a=b&" * 1500, b"http://[v1.x]/", b"data:,x", b"/%2e%2e/%2e%2e"),
        ]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        [
            *(b"Host", b"Origin", b"Authorization", b"Sec-WebSocket-Protocol", b"Cookie", b"Date"),
            *(b"Sec-WebSocket-Key", b"Sec-WebSocket-Version", b"Upgrade", b"Connection", b"\xff"),
            *(b"Content-Length", b"Transfer-Encoding", b"Sec-WebSocket-Extensions", b"Expect"),
        ]
    ),
    st.binary(max_size=10),
)
UPGRADE = [
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
]


@given(
    line=st.tuples(
        st.sampled_from([b"GET", b"GET", b"HEAD", b"POST", b"get", b"", b"\xff", b"CONNECT"]),
        st.one_of(st.just(b"/v1/realtime"), TEXTS),
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b""]),
    ),
    headers=st.lists(st.tuples(NAMES, TEXTS), max_size=4),
    times=st.sampled_from([1, 1, 1, 50]),
    upgrades=st.booleans(),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_every_request_gets_a_sentence(
    any_scene: Scene,
    caplog: pytest.LogCaptureFixture,
    line: tuple[bytes, ...],
    headers: list[tuple[bytes, bytes]],
    times: int,
    upgrades: bool,
) -> None:
    fields = [*(UPGRADE if upgrades else []), *(headers * times)]
    request = b"\r\n".join([b" ".join(line), *(b": ".join(each) for each in fields), b"", b""])
    reader, writer = await asyncio.open_connection("127.0.0.1", any_scene.server.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 ")
    assert not head.startswith(b"HTTP/1.1 500 ")
    assert not [each for each in caplog.records if each.exc_info or each.levelname == "ERROR"]


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server closes, gently or not."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""
