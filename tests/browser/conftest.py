"""A stage page in Chromium, and a tiny server that speaks the binary lane to it."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from idol_protocol.channels import ARKIT_BLENDSHAPES, GESTURES, POSE_BONES
from idol_protocol.codec import (
    Header,
    Kind,
    encode_audio,
    encode_face,
    encode_pose,
    opened_audio,
    opened_face,
    opened_pose,
)
from idol_protocol.frames import FaceFrame, PoseFrame
from idol_protocol.idol_events import CharacterInfo, IdolCharacter
from idol_runtime.character import DEFAULT_CHARACTER
from idol_runtime.server.avatars import Avatars
from idol_runtime.server.pages import Pages
from tests.serving import WEB
from tests.serving import chromium as open_chromium

FPS = 30


class StageServer:
    """Serves the page; tests say what it sends. All its methods may be called from the test."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._pages = Pages(WEB, Avatars({}))
        self.avatar_url: str | None = None
        self.show_avatar("hoshi", DEFAULT_CHARACTER / "hoshi.vrm")
        self._connections: list[ServerConnection] = []
        self._seq = 0
        self.received: list[dict[str, Any]] = []
        self.num_connections = 0
        self.addresses: list[str] = []
        """Path and query of each connection."""
        self.dtype: Any = "f16"
        self._server: Server = self._do(self._serve())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"

    def close(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def show_avatar(self, name: str, file: Path) -> None:
        """What pages that are opened from now on are told to show."""
        avatars = Avatars({name: file})
        self.avatar_url = avatars.url(name)
        self._pages = Pages(WEB, avatars)

    async def _close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def _do(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(timeout=20)

    async def _serve(self) -> Server:
        return await serve(
            self._converse,
            "127.0.0.1",
            0,
            process_request=self._page,
            subprotocols=[Subprotocol("idol.v1")],
            compression=None,
        )

    async def _page(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.split("?")[0]
        return None if path == "/v1/realtime" else await self._pages.respond(path)

    async def _converse(self, connection: ServerConnection) -> None:
        self._connections.append(connection)
        self.num_connections += 1
        assert connection.request is not None
        self.addresses.append(connection.request.path)
        hello = CharacterInfo(
            name="Hoshi",
            language="en",
            greeting="Hi!",
            avatar_url=self.avatar_url,
            actions=[],
            gestures=list(GESTURES),
        )
        streams = (opened_audio(1), opened_face(2, self.dtype, FPS), opened_pose(3, "f32", FPS))
        for event in (IdolCharacter(character=hello), *streams):
            await connection.send(msgspec.json.encode(event).decode())
        async for message in connection:
            event = json.loads(message)
            self.received.append(event)
            if event["type"] == "idol.clock.ping":
                pong = {"id": event["id"], "client_us": event["client_us"], "pts_us": self.now_us}
                await connection.send(json.dumps({"type": "idol.clock.pong", **pong}))

    @property
    def now_us(self) -> int:
        return time.monotonic_ns() // 1000

    def event(self, **fields: Any) -> None:
        self._do(self._connections[-1].send(json.dumps(fields)))

    def _header(self, kind: Kind, stream_id: int, pts_us: int) -> Header:
        self._seq += 1
        return Header(kind, stream_id, self._seq, pts_us)

    def face(
        self, weights: dict[str, float], *, seconds: float = 4.0, at_us: int | None = None
    ) -> int:
        """Holds a face from now (or `at_us`) on; returns the time of its last frame."""
        row = np.zeros(len(ARKIT_BLENDSHAPES), np.float32)
        for name, weight in weights.items():
            row[ARKIT_BLENDSHAPES.index(name)] = weight
        start = self.now_us if at_us is None else at_us
        frames = [
            FaceFrame(start + k * 1_000_000 // FPS, row, np.zeros(7, np.float32))
            for k in range(round(seconds * FPS))
        ]
        message = encode_face(self._header(Kind.FACE, 2, start), frames, self.dtype)
        self._do(self._connections[-1].send(message))
        return frames[-1].pts_us

    def pose(self, rotations: dict[str, tuple[float, ...]], *, seconds: float = 2.0) -> None:
        """Holds a pose from now on: rotations (x, y, z, w) of some bones, the others at rest."""
        turns = np.tile(np.array([0, 0, 0, 1], np.float32), (len(POSE_BONES), 1))
        for name, quaternion in rotations.items():
            turns[POSE_BONES.index(name)] = quaternion
        start = self.now_us
        frames = [
            PoseFrame(start + k * 1_000_000 // FPS, turns, np.zeros(3, np.float32))
            for k in range(round(seconds * FPS))
        ]
        for at in range(0, len(frames), FPS):
            some = frames[at : at + FPS]
            header = self._header(Kind.POSE, 3, some[0].pts_us)
            self._do(self._connections[-1].send(encode_pose(header, some, "f32")))

    def sound(self, seconds: float, *, lead_s: float = 0.2) -> None:
        t = np.arange(round(seconds * 24_000)) / 24_000
        samples = (8000 * np.sin(2 * np.pi * 220 * t)).astype(np.int16)
        start = self.now_us + round(lead_s * 1e6)
        for k in range(0, len(samples), 800):
            header = self._header(Kind.AUDIO, 1, start + round(k / 24_000 * 1e6))
            self._do(self._connections[-1].send(encode_audio(header, samples[k : k + 800])))

    def drop(self) -> None:
        """Cuts the connection without a closing handshake."""
        connection = self._connections[-1]
        self._loop.call_soon_threadsafe(connection.transport.abort)

    def close_with(self, code: int) -> None:
        """Closes the connection with a goodbye."""
        self._do(self._connections[-1].close(code))

    def sent(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.received if event["type"] == kind]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def server() -> Iterator[StageServer]:
    server = StageServer()
    yield server
    server.close()


@pytest.fixture
def open_stage(chromium: Any, server: StageServer) -> Iterator[Callable[..., Any]]:
    contexts = []

    def open_page(
        query: str = "", *, width: int = 320, height: int = 320, wait_for_her: bool = True
    ) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(server.url + query)
        page.wait_for_function("window.__stage?.connected")
        if server.avatar_url is not None and wait_for_her:
            page.wait_for_function("window.__stage.ready")
        page.wait_for_function("window.__stage.playheadUs !== null")
        return page

    yield open_page
    for context in contexts:
        context.close()
