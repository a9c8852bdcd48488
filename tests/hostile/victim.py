"""A client that only wants to see her and to talk: what it notices of others."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from idol_protocol.channels import FACE_CHANNELS
from idol_protocol.codec import Kind, decode_header
from idol_runtime.timeline import FPS
from tests.hostile.wire import Target

FRAME_BYTES = len(FACE_CHANNELS) * 4
"""Of a face of 32-bit floats, which streams have by default."""


class Victim:
    """Reads all that comes, from the start."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.worst_gap_ms = 0.0
        """Between two face frames, as they came."""
        self.worst_skip_ms = 0.0
        """Between two face frames, on the media clock."""
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._came_s = 0.0
        self._pts_us = 0
        self._seen = asyncio.Event()

    def begin(self) -> None:
        """Forgets what was worst so far."""
        self.worst_gap_ms = self.worst_skip_ms = 0.0

    async def read(self) -> None:
        async for message in self.socket:
            if isinstance(message, str):
                self._events.put_nowait(json.loads(message))
            elif message[1] == Kind.FACE:  # idol_protocol.codec
                header, payload = decode_header(message)
                frames = len(payload) // FRAME_BYTES
                self._see(header.pts_us, header.pts_us + round((frames - 1) * 1e6 / FPS))

    async def watch(self, seconds: float) -> None:
        """Returns when so much of her life has been seen."""
        until_us = self._pts_us + seconds * 1e6
        while self._pts_us < until_us:
            self._seen.clear()
            await self._seen.wait()

    async def turn(self, text: str) -> dict[str, Any]:
        """The response to what is said, when it is done."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await self.socket.send(
            json.dumps({"type": "response.create", "response": {"max_output_tokens": 6}})
        )
        while (event := await self._events.get())["type"] != "response.done":
            assert event["type"] != "error", event
        response: dict[str, Any] = event["response"]
        return response

    def _see(self, first_us: int, last_us: int) -> None:
        now_s = time.perf_counter()
        if self._pts_us:
            self.worst_gap_ms = max(self.worst_gap_ms, (now_s - self._came_s) * 1000)
            self.worst_skip_ms = max(self.worst_skip_ms, (first_us - self._pts_us) / 1000)
        self._came_s, self._pts_us = now_s, last_us
        self._seen.set()


@asynccontextmanager
async def victim_of(target: Target) -> AsyncIterator[Victim]:
    headers = {"Authorization": f"Bearer {target.token}"}
    url = f"ws://{target.host}:{target.port}/v1/realtime"
    lane = [Subprotocol("idol.v1")]
    async with connect(url, subprotocols=lane, additional_headers=headers) as socket:
        victim = Victim(socket)
        reading = asyncio.create_task(victim.read())
        try:
            yield victim
        finally:
            reading.cancel()
            await asyncio.wait([reading])
