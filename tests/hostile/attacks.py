"""What one connection can do to others: a table of functions. Add to it what you would try.

Each runs until it is cancelled or thrown out, and then begins anew; `attacker.py` runs them in a
process of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

from tests.hostile.wire import (
    BINARY,
    CONTINUATION,
    PING,
    UPGRADE,
    Target,
    Wire,
    event,
    frame,
    item,
    tcp,
    websocket,
)

Attack = Callable[[Target], Awaitable[None]]

REPEAT = 200
"""Events that are written at once."""


def _flood(data: bytes, *, known: bool = True, reads: bool = True) -> Attack:
    async def attack(target: Target) -> None:
        async with websocket(target, known=known) as wire:
            await (wire.flood(data) if reads else wire.flood_unread(data))

    return attack


async def _say_nothing(target: Target) -> None:
    """A connection that never says who it is."""
    async with websocket(target, known=False) as wire:
        await wire.discard()


def _sockets(first: bytes) -> Attack:
    """2,000 of sixteen attackers, more than the server has files."""

    async def attack(target: Target) -> None:
        async with AsyncExitStack() as stack:
            wires = [await stack.enter_async_context(tcp(target)) for _ in range(125)]
            for wire in wires:
                await wire.send(first)
            # Those that are thrown out come back, all at once.
            await wires[0].discard()

    return attack


async def _endless_headers(target: Target) -> None:
    async with tcp(target) as wire:
        await wire.send(b"GET / HTTP/1.1\r\n")
        await wire.flood(b"X-Header: " + b"x" * 4000 + b"\r\n")


def _page(path: str, *, reads: bool = True) -> Attack:
    async def attack(target: Target) -> None:
        async with tcp(target) as wire:
            await wire.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            if reads:
                await wire.discard()
            else:
                await asyncio.sleep(0.5)

    return attack


async def _knock(target: Target) -> None:
    """Connects and is gone."""
    async with tcp(target):
        pass


async def _come_and_go(target: Target) -> None:
    """A session each time."""
    async with websocket(target) as wire:
        await wire.reader.read(100)


async def _half_a_large_message(target: Target) -> None:
    async with websocket(target) as wire:
        await wire.send(frame(b"x" * 4_000_000)[:-1])
        await wire.discard()


async def _read_slowly(target: Target) -> None:
    """Ten thousand bytes a second of what comes."""
    async with websocket(target) as wire:
        await wire.send(item("Tell me a long story.") + _ASK)
        while await wire.reader.read(1_000):
            await asyncio.sleep(0.1)


async def _guess_tokens(target: Target) -> None:
    async with websocket(target) as wire:
        await wire.send(event("idol.resume", token="g" * 32))
        await wire.reader.read(4096)


async def _break_and_resume(target: Target) -> None:
    """A session that breaks and is taken up again, and taken over while it is carried."""
    async with websocket(target) as wire:
        token = await _token(wire)
        await wire.send(item("Hello!") + _ASK)
    for _ in range(10):
        async with websocket(target) as held, websocket(target) as wire:
            await held.send(event("idol.resume", token=token))
            await held.reader.readuntil(b'"idol.resumed"')
            token = await _token(held)
            await wire.send(event("idol.resume", token=token))
            await wire.reader.readuntil(b'"idol.resumed"')
            token = await _token(wire)


async def _token(wire: Wire) -> str:
    """The one that the server gives next."""
    await wire.reader.readuntil(b'"idol.resume.token"')
    await wire.reader.readuntil(b'"token":"')
    return (await wire.reader.readuntil(b'"'))[:-1].decode()


_ASK = event("response.create")
_ASK_SHORTLY = event(
    "response.create", response={"output_modalities": ["text"], "max_output_tokens": 1}
)
"""As many answers as can be had: one that is spoken takes its time."""
_SMALL_PING = frame(b"", PING)

_CLOCK = event("idol.clock.ping", id=1, client_us=1)

ATTACKS: Final[dict[str, Attack]] = {
    "clock pings": _flood(_CLOCK * REPEAT),
    "clock pings, nothing read": _flood(_CLOCK * REPEAT, reads=False),
    "asks for answers": _flood(_ASK_SHORTLY * REPEAT),
    "asks and takes back": _flood((_ASK + event("response.cancel")) * REPEAT),
    "asks, hears and takes back": _flood(
        (item("Tell me a story.") + _ASK + _CLOCK * 20 + event("response.cancel")) * 10
    ),
    "gestures": _flood(event("idol.gesture.create", gesture="wave") * REPEAT),
    "moods": _flood(
        (
            event("idol.activity.set", activity="dance", bpm=200)
            + event("idol.emotion.set", emotion={"joy": 1.0})
            + event("idol.activity.set", activity="idle")
            + event("idol.playback.progress", pts_us=1)
        )
        * REPEAT
    ),
    "items": _flood(item("Hello!") * REPEAT),
    "long items": _flood(item("word " * 1500) * 10),
    "session updates": _flood(
        event("session.update", session={"instructions": "Be brief. " * 20}) * REPEAT
    ),
    "streams": _flood(
        event("idol.streams.configure", face={"dtype": "f32", "fps": 30}, pose={"dtype": "f32"})
        * REPEAT
    ),
    "resumption": _flood(event("idol.resume", token="guess") * REPEAT),
    "guesses tokens": _guess_tokens,
    "breaks and resumes": _break_and_resume,
    "reads slowly": _read_slowly,
    "large events": _flood(event("idol.clock.ping", id=1, client_us=1, x="x" * 60_000) * 4),
    "events that are too large": _flood(item("x" * 1_000_000)),
    "half a large message": _half_a_large_message,
    "no events": _flood(
        (
            frame(b"{" * 30)
            + frame(b"[" * 20_000)
            + event("response.explode") * 10
            + event("session.update", session={"temperature": 9}) * 10
            + frame(b"\1\2\3\4", BINARY) * 10
        )
        * 10
    ),
    "fragments": _flood(
        frame(b"{", fin=False)
        + frame(b" ", CONTINUATION, fin=False) * 2000
        + frame(b"}", CONTINUATION)
    ),
    "pings": _flood(_SMALL_PING * 2000),
    "pings, nothing read": _flood(frame(b"p" * 125, PING) * 500, reads=False),
    "pings of a stranger": _flood(_SMALL_PING * 2000, known=False),
    "events of a stranger": _flood(_CLOCK * REPEAT, known=False),
    "says nothing": _say_nothing,
    "silent sockets": _sockets(b""),
    "half requests": _sockets(f"GET /v1/realtime HTTP/1.1\r\n{UPGRADE}".encode()),
    "endless headers": _endless_headers,
    "pages": _page("/"),
    "large files, nothing read": _page("/avatars/hoshi.vrm", reads=False),
    "knocks": _knock,
    "comes and goes": _come_and_go,
}
