"""A client that keeps to nothing: bytes as they are, at the speed of the machine."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9
UPGRADE = (
    "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    token: str


@dataclass(slots=True)
class Wire:
    """An open connection; bytes that come are thrown away where somebody reads them."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def discard(self) -> None:
        while await self.reader.read(1 << 16):
            pass

    async def flood(self, data: bytes) -> None:
        """Sends the same again and again, and reads what comes."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.discard())
            while True:
                await self.send(data)

    async def flood_unread(self, data: bytes) -> None:
        while True:
            await self.send(data)


@asynccontextmanager
async def tcp(target: Target) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(target.host, target.port, limit=1 << 16)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def websocket(target: Target, *, known: bool = True) -> AsyncIterator[Wire]:
    """A WebSocket on our lane; one that is not known says nothing of who it is."""
    async with tcp(target) as wire:
        who = f"Authorization: Bearer {target.token}\r\n" if known else ""
        lane = "Sec-WebSocket-Protocol: idol.v1\r\n"
        await wire.send(f"GET /v1/realtime HTTP/1.1\r\n{UPGRADE}{who}{lane}\r\n".encode())
        answer = await wire.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer:
            raise ConnectionError(answer.decode())
        yield wire


def frame(payload: bytes, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """A frame of a client, under a mask that changes nothing."""
    size = len(payload)
    if size < 126:
        head = bytes([size | 0x80])
    elif size < 1 << 16:
        head = bytes([126 | 0x80]) + size.to_bytes(2, "big")
    else:
        head = bytes([127 | 0x80]) + size.to_bytes(8, "big")
    return bytes([opcode | (0x80 if fin else 0)]) + head + bytes(4) + payload


def event(kind: str, **fields: Any) -> bytes:
    return frame(json.dumps({"type": kind} | fields).encode())


def item(text: str) -> bytes:
    content = [{"type": "input_text", "text": text}]
    message = {"type": "message", "role": "user", "content": content}
    return event("conversation.item.create", item=message)
