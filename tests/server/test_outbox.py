"""The way out of a connection: order, latest-wins lanes, and clients that do not read."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import websockets.frames
from websockets import speedups

from idol_protocol.codec import opened_face
from idol_protocol.frames import FaceFrame
from idol_runtime.server.config import Limits
from idol_runtime.server.media import FrameLane, frame_step
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.timeline import frame_pts
from tests.server.conftest import OpenScene


class Pipe:
    """A connection whose client reads only while it is open."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.is_free = True
        self.is_prompt = True
        self.is_clogged = False
        self.aborted = 0
        self.on_change: Callable[[], None] = lambda: None

    @property
    def taken(self) -> int:
        return len(self.sent)

    def open(self) -> None:
        self.is_free = True
        self.on_change()

    def abort(self) -> None:
        self.aborted += 1

    def write(self, messages: Sequence[str | bytes]) -> bool:
        self.sent += messages
        return True

    async def drained(self) -> None: ...

    async def probe(self) -> None: ...


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


def face(index: int) -> FaceFrame:
    return FaceFrame(frame_pts(index), np.zeros(52, np.float32), np.zeros(7, np.float32))


def lane(dropped: list[int], fps: int = 30, group: int = 8) -> FrameLane[FaceFrame]:
    def render(frames: list[FaceFrame]) -> str:
        return " ".join(str(round(each.pts_us * 30 / 1e6)) for each in frames)

    return FrameLane(
        opened_face(2, "f32", fps), render, group=group, on_drop=lambda: dropped.append(1)
    )


def outbox(pipe: Pipe, limits: Limits | None = None) -> tuple[Outbox, ServerMetrics]:
    metrics = ServerMetrics()
    return Outbox(pipe, limits or Limits(), metrics), metrics


async def test_ordered_messages_go_first_and_in_order(pipe: Pipe) -> None:
    box, _ = outbox(pipe)
    frames = lane([])
    box.lanes.append(frames)
    frames.offer(face(0))
    for message in ("a", "b", "c"):
        box.put(message)
    writing = asyncio.create_task(box.run())
    await box.flushed()
    assert pipe.sent == ["a", "b", "c", "0"]
    writing.cancel()


async def test_a_slow_client_gets_the_newest_frame_and_the_drops_are_counted(pipe: Pipe) -> None:
    box, _ = outbox(pipe, Limits(stall_s=60))
    dropped: list[int] = []
    frames = lane(dropped)
    box.lanes.append(frames)
    pipe.is_free = False
    writing = asyncio.create_task(box.run())
    box.put("control")
    await asyncio.sleep(0)  # the writer now waits
    for index in range(100):
        frames.offer(face(index))
        box.wake()
    pipe.open()
    await box.flushed()
    assert len(dropped) == 99
    assert pipe.sent == ["control", "99"]
    writing.cancel()


async def test_one_busy_lane_does_not_starve_the_other(pipe: Pipe) -> None:
    box, _ = outbox(pipe)
    busy, other = lane([], group=1), lane([], group=1)
    box.lanes.extend([busy, other])
    for index in range(4):
        busy.offer(face(index))
        other.offer(face(10 + index))
    box.wake()
    writing = asyncio.create_task(box.run())
    async with asyncio.timeout(5):
        while len(pipe.sent) < 8:
            await asyncio.sleep(0)
    assert pipe.sent == ["0", "10", "1", "11", "2", "12", "3", "13"]
    writing.cancel()


def test_frames_share_a_message_only_when_they_follow_each_other() -> None:
    frames = lane([], fps=15)
    for index in range(8):
        frames.offer(face(index))
    frames.offer(face(20))
    assert frames.take() == "0 2 4 6"
    assert frames.take() == "20"
    assert not frames.is_waiting


def test_only_divisors_of_sixty_can_be_had() -> None:
    assert [frame_step(fps) for fps in (60, 30, 20, 15, 12, 10, 1)] == [1, 2, 3, 4, 5, 6, 60]
    assert [frame_step(fps) for fps in (120, 29, 0, -30)] == [None] * 4


async def test_a_client_that_takes_nothing_is_dropped(pipe: Pipe) -> None:
    box, metrics = outbox(pipe, Limits(stall_s=0.01))
    pipe.is_free = False
    box.put("control")
    await asyncio.wait_for(box.run(), 5)
    assert pipe.aborted == 1
    assert b'idol_ws_aborted_total{reason="stalled"} 1.0' in metrics.page()


async def test_a_client_too_far_behind_is_dropped_once(pipe: Pipe) -> None:
    box, metrics = outbox(pipe, Limits(max_queued_bytes=1_024))
    for _ in range(50):
        box.put("x" * 100)
    assert pipe.aborted == 1
    assert b'idol_ws_aborted_total{reason="overflow"} 1.0' in metrics.page()
    await asyncio.wait_for(box.run(), 5)
    assert pipe.sent == []


async def test_a_client_whose_message_cannot_be_made_is_dropped_instead_of_left_mute(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(frames: list[FaceFrame]) -> str:
        raise ValueError("my secret name is Miso")

    box, metrics = outbox(pipe)
    broken = FrameLane(opened_face(2, "f32", 30), fail, group=8, on_drop=lambda: None)
    box.lanes.append(broken)
    broken.offer(face(0))
    box.wake()
    await asyncio.wait_for(box.run(), 5)
    assert pipe.aborted == 1
    assert b'idol_ws_aborted_total{reason="defect"} 1.0' in metrics.page()
    assert [each.getMessage() for each in caplog.records] == ["a message could not be made"]
    assert "Miso" not in caplog.text


async def test_a_real_client_that_stops_reading_is_dropped_and_others_go_on(
    open_scene: OpenScene,
) -> None:
    scene = await open_scene(
        limits={
            "stall_s": 0.2,
            "max_queued_bytes": 64_000_000,
            "resume_s": 0.01,
        }
    )
    scene.stage.dialogue.never_ends = True
    stalled = await asyncio.to_thread(_connect_and_never_read, scene.server.port)
    with stalled:
        async with asyncio.timeout(20):
            while not scene.stage.performers:
                await asyncio.sleep(0)
            conversation = scene.stage.performers[0]
            async with scene.client() as client:
                await client.alive()
                while scene.stage.performers[0] is conversation:
                    await asyncio.sleep(0)
                await client.alive()
    assert b'idol_ws_aborted_total{reason="stalled"} 1.0' in scene.server.metrics.page()


def test_masking_runs_in_c() -> None:
    assert vars(websockets.frames)["apply_mask"] is speedups.apply_mask


def _connect_and_never_read(port: int) -> socket.socket:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect(("127.0.0.1", port))
    raw.sendall(
        b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    raw.recv(1_024)
    for event in (
        b'{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        b'"content":[{"type":"input_text","text":"hi"}]}}',
        b'{"type":"response.create"}',
    ):
        # A client frame of at most 125 bytes would need one length byte; these need two more.
        head = bytes([0x81, 0x80 | min(len(event), 126)])
        size = len(event).to_bytes(2, "big") if len(event) > 125 else b""
        raw.sendall(head + size + bytes(4) + event)
    return raw
