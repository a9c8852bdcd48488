"""Clients that read slowly over a real connection, in a time that the tests move."""

import asyncio
import json
import socket
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from idol_protocol.codec import (
    HEADER,
    Header,
    Kind,
    encode_face,
    encode_pose,
    opened_face,
    opened_pose,
)
from idol_protocol.frames import FaceFrame, PoseFrame
from idol_runtime.server.config import Limits
from idol_runtime.server.downlink import Downlink
from idol_runtime.server.media import FrameLane
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.timeline import frame_pts
from tests.server.steered_loop import pass_s, run

FPS = 30
TEXT, BINARY, PING, PONG = 1, 2, 9, 10


class Reader:
    """A WebSocket client that takes so many bytes a second and answers pings when it reads them."""

    def __init__(self, rate: float, *, receive_bytes: int, answers: bool) -> None:
        self.rate = rate
        self.texts: list[str] = []
        self.frames: dict[int, list[int]] = {Kind.FACE: [], Kind.POSE: []}
        """Of each kind, the frames that came."""
        self._answers = answers
        self._raw = socket.socket()
        self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._may_read = 0.0

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._raw.setblocking(False)
        await loop.sock_connect(self._raw, ("127.0.0.1", port))
        await loop.sock_sendall(
            self._raw,
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n",
        )
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += await loop.sock_recv(self._raw, 1)
        self._buffer = b""

    def read(self, seconds: float) -> None:
        # The kernel's time is not ours: what it holds back for a moment would come seconds late.
        self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._may_read += self.rate * seconds
        with suppress(BlockingIOError, ConnectionResetError):
            while self._may_read >= 1 and (data := self._raw.recv(int(self._may_read))):
                self._may_read -= len(data)
                self._buffer += data
        self._may_read = min(self._may_read, self.rate)
        while (message := self._next()) is not None:
            self._take(*message)

    def close(self) -> None:
        self._raw.close()

    def _next(self) -> tuple[int, bytes] | None:
        if len(self._buffer) < 4:
            return None
        size, start = self._buffer[1] & 127, 2
        if size == 126:
            size, start = int.from_bytes(self._buffer[2:4], "big"), 4
        if len(self._buffer) < start + size:
            return None
        payload = self._buffer[start : start + size]
        kind, self._buffer = self._buffer[0] & 15, self._buffer[start + size :]
        return kind, payload

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.texts.append(payload.decode())
        elif opcode == BINARY:
            _, kind, _, _, pts_us = HEADER.unpack_from(payload)
            self.frames[kind].append(round(pts_us * FPS / 1e6))
        elif opcode == PING and self._answers:
            with suppress(OSError):
                self._raw.send(bytes([0x80 | PONG, 0x80 | len(payload)]) + bytes(4) + payload)


class Served:
    """A connection with a face and a pose at 30 frames a second, as `Connection` has it."""

    def __init__(self, socket: ServerConnection, metrics: ServerMetrics) -> None:
        downlink = Downlink(socket, unsent_bytes=Limits().unsent_bytes)
        self.outbox = Outbox(downlink, Limits(), metrics)

        def face(frames: list[FaceFrame]) -> bytes:
            return encode_face(Header(Kind.FACE, 1, 0, frames[0].pts_us), frames[:1], "f32")

        def pose(frames: list[PoseFrame]) -> bytes:
            return encode_pose(Header(Kind.POSE, 2, 0, frames[0].pts_us), frames[:1], "f32")

        self.face = FrameLane[FaceFrame](
            opened_face(1, "f32", FPS), face, group=1, on_drop=lambda: None
        )
        self.pose = FrameLane[PoseFrame](
            opened_pose(2, "f32", FPS), pose, group=1, on_drop=lambda: None
        )
        self.outbox.lanes.extend([self.face, self.pose])

    def tick(self, frame: int) -> None:
        pts_us = frame_pts(frame)
        self.face.offer(FaceFrame(pts_us, np.zeros(52, np.float32), np.zeros(7, np.float32)))
        rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (22, 1))
        self.pose.offer(PoseFrame(pts_us, rotations, np.zeros(3, np.float32)))
        self.outbox.wake()


class Room:
    """A server with one client."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.metrics = ServerMetrics()
        self.frame = 0
        self._served: asyncio.Future[Served] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> "Room":
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            compression=None,
            ping_interval=None,
            write_limit=(0, 0),
        )
        await self.reader.connect(self._server.sockets[0].getsockname()[1])
        self.served = await self._served
        return self

    async def __aexit__(self, *failed: object) -> None:
        self.reader.close()
        self.served.outbox.stop()
        self._server.close()
        await self._server.wait_closed()

    async def play(self, seconds: float, *, says_bytes_per_s: int = 0) -> None:
        """Frames are made and read; a control event a second, and sound if anything is said."""
        for _ in range(round(seconds * FPS)):
            self.served.tick(self.frame)
            if self.frame % FPS == 0:
                self.served.outbox.put(json.dumps({"at": self.frame}))
            if says_bytes_per_s:
                sound = b" " * (says_bytes_per_s // FPS)
                self.served.outbox.put_sound(sound.decode(), frame_pts(self.frame))
            self.frame += 1
            pass_s(1 / FPS)
            for _ in range(4):
                await asyncio.sleep(0)
            self.reader.read(1 / FPS)

    def is_aborted(self) -> bool:
        return self.served.outbox.is_over

    async def _serve(self, socket: ServerConnection) -> None:
        served = Served(socket, self.metrics)
        self._served.set_result(served)
        await served.outbox.run()
        await socket.wait_closed()

    @property
    def told(self) -> list[int]:
        """The frames at which the control events were said that came."""
        return [json.loads(each)["at"] for each in self.reader.texts if each.strip()]


@pytest.mark.parametrize("receive_bytes", [16 * 1024, 128 * 1024])
@pytest.mark.parametrize(
    ("rate", "least_fps", "late_s"), [(3_000, 2.5, 5.0), (10_000, 10.0, 2.0), (30_000, 28.0, 1.0)]
)
def test_a_slow_client_is_sent_what_it_can_take_and_lives(
    rate: float, least_fps: float, late_s: float, receive_bytes: int
) -> None:
    async def play() -> None:
        async with Room(Reader(rate, receive_bytes=receive_bytes, answers=True)) as room:
            await room.play(40)
            assert not room.is_aborted()
            assert room.told == list(range(0, len(room.told) * FPS, FPS))
            assert len(room.told) >= 40 - late_s
            for frames in room.reader.frames.values():
                assert all(one < other for one, other in pairwise(frames))
                lately = [each for each in frames if each > room.frame - 20 * FPS]
                assert len(lately) >= least_fps * 18
                assert (room.frame - frames[-1]) / FPS < late_s

    run(play())


def test_a_client_that_answers_no_pings_is_served_as_the_kernel_lets_it() -> None:
    async def play() -> None:
        async with Room(Reader(10_000, receive_bytes=16 * 1024, answers=False)) as room:
            await room.play(40)
            assert not room.is_aborted()
            assert room.told == list(range(0, len(room.told) * FPS, FPS))
            assert all(len(each) > 300 for each in room.reader.frames.values())

    run(play())


def test_a_client_too_slow_for_sound_loses_sound_and_hears_all_control() -> None:
    async def play() -> None:
        async with Room(Reader(10_000, receive_bytes=16 * 1024, answers=True)) as room:
            lost: list[int] = []
            room.served.outbox.on_sound_lost = lost.append
            await room.play(60, says_bytes_per_s=48_000)
            assert not room.is_aborted()
            assert lost
            room.reader.rate = 1_000_000
            await room.play(3)
            assert room.told == list(range(0, room.told[-1] + 1, FPS))
            assert room.told[-1] > room.frame - 2 * FPS

    run(play())


def test_a_client_that_takes_nothing_for_half_a_minute_is_dropped() -> None:
    async def play() -> None:
        async with Room(Reader(10_000, receive_bytes=4_096, answers=True)) as room:
            await room.play(5)
            room.reader.rate = 0
            await room.play(Limits().stall_s - 3)
            assert not room.is_aborted()
            for _ in range(30):  # the kernels' buffers fill up first
                if not room.is_aborted():
                    await room.play(5)
            assert room.is_aborted()
            assert b'idol_ws_aborted_total{reason="stalled"} 1.0' in room.metrics.page()

    run(play())
