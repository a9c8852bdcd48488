"""The media streams of one connection: which are open, in what form, and what goes into them."""

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

from msgspec import UNSET

from idol_protocol.client_events import AudioWish, FaceWish, IdolStreamsConfigure, PoseWish
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
from idol_protocol.errors import ProtocolError
from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolAudioSkipped, IdolStreamClosed, IdolStreamOpened
from idol_protocol.server_events import ResponseOutputAudioDelta, ServerEvent
from idol_runtime.server.journal import Journal
from idol_runtime.server.media import FrameLane, face_delta, frame_step, pose_delta
from idol_runtime.server.metrics import ServerMetrics
from idol_runtime.server.outbox import Outbox
from idol_runtime.server.response import Response

GROUP_FRAMES = 8
MAX_SAMPLES = 12_000
"""Sound in one message: half a second, 24 kB, or 32 kB as base64 with its event around it."""

MAX_STREAM_ID = 65_535

Moving: TypeAlias = Literal["face", "pose"]


class Streams:
    """Audio, face and pose of one connection; dropped with it."""

    def __init__(
        self,
        outbox: Outbox,
        journal: Journal,
        emit: Callable[[ServerEvent], None],
        metrics: ServerMetrics,
        *,
        binary: bool,
    ) -> None:
        self._outbox = outbox
        self._journal = journal
        self._emit = emit
        self._metrics = metrics
        self._binary = binary
        outbox.on_sound_lost = self._sound_lost
        self._is_sound_lost = False
        self._last_id = 0
        self._seqs: dict[int, int] = {}
        self._audio: IdolStreamOpened | None = None
        self._lanes: dict[Moving, FrameLane[Any]] = {}

    def open_defaults(self) -> None:
        """Sound for everyone; face and pose too where they travel as binary messages."""
        face, pose = (FaceWish(), PoseWish()) if self._binary else (None, None)
        self.configure(IdolStreamsConfigure(audio=AudioWish(), face=face, pose=pose))

    def configure(self, wish: IdolStreamsConfigure) -> None:
        """Opens, changes and closes streams.

        Raises:
            ProtocolError: frames a second that cannot be had; nothing has changed then.
        """
        for name, wanted in (("face", wish.face), ("pose", wish.pose)):
            if isinstance(wanted, FaceWish | PoseWish) and frame_step(wanted.fps) is None:
                raise ProtocolError(
                    f"Expected 60 frames a second or a divisor of it, found {wanted.fps}; "
                    "choose one of 60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2 and 1.",
                    code="invalid_field",
                    param=f"{name}.fps",
                )
        if wish.audio is not UNSET:
            self._configure_audio(wish.audio)
        if wish.face is not UNSET:
            self._close_lane("face")
            if wish.face is not None:
                dtype = wish.face.dtype if self._binary else "json"
                opened = opened_face(self._new_id(), dtype, wish.face.fps)
                self._open_lane("face", opened, encode_face, face_delta)
        if wish.pose is not UNSET:
            self._close_lane("pose")
            if wish.pose is not None:
                dtype = wish.pose.dtype if self._binary else "json"
                opened = opened_pose(self._new_id(), dtype, wish.pose.fps)
                self._open_lane("pose", opened, encode_pose, pose_delta)

    def drop(self) -> None:
        """The connection is gone; nothing that is left of it holds these streams."""
        self._lanes.clear()
        self._outbox.lanes.clear()
        self._outbox.on_sound_lost = lambda pts_us: None

    def sound(self, chunk: AudioChunk, response: Response | None) -> None:
        if self._audio is None or self._is_sound_lost:
            return
        for start in range(0, len(chunk.samples), MAX_SAMPLES):
            samples = chunk.samples[start : start + MAX_SAMPLES]
            pts_us = chunk.pts_us + round(start * 1_000_000 / AUDIO_RATE_HZ)
            if self._binary:
                header = self._header(Kind.AUDIO, self._audio.stream_id, pts_us)
                self._outbox.put_sound(encode_audio(header, samples), pts_us)
            elif response is not None:
                pcm = b64encode(samples.astype("<i2").tobytes()).decode()
                delta = ResponseOutputAudioDelta(
                    response_id=response.id, item_id=response.item_id, delta=pcm
                )
                self._outbox.put_sound(self._journal.note(delta), pts_us)

    def utterance_begins(self) -> None:
        """Sound that the client was too slow for is left out until here."""
        self._is_sound_lost = False

    def move(self, name: Moving, frame: FaceFrame | PoseFrame) -> None:
        lane = self._lanes.get(name)
        if lane is not None and lane.offer(frame):
            self._outbox.wake()

    def _configure_audio(self, wish: AudioWish | None) -> None:
        if self._audio is not None:
            self._emit(IdolStreamClosed(stream_id=self._audio.stream_id))
        self._audio = None
        if wish is not None:
            self._audio = opened_audio(self._new_id(), "pcm16" if self._binary else "json")
            self._announce(self._audio)

    def _open_lane(
        self,
        name: Moving,
        opened: IdolStreamOpened,
        encode: Callable[..., bytes],
        delta: Callable[..., ServerEvent],
    ) -> None:
        def render(frames: list[Any]) -> str | bytes:
            if not self._binary:
                return self._journal.note(delta(opened.stream_id, frames[0]))
            header = self._header(Kind[name.upper()], opened.stream_id, frames[0].pts_us)
            return encode(header, frames, opened.dtype)

        lane: FrameLane[Any] = FrameLane(
            opened,
            render,
            group=GROUP_FRAMES if self._binary else 1,
            on_drop=partial(self._dropped, name),
        )
        self._lanes[name] = lane
        self._outbox.lanes.append(lane)
        self._announce(opened)

    def _close_lane(self, name: Moving) -> None:
        if lane := self._lanes.pop(name, None):
            self._outbox.lanes.remove(lane)
            self._emit(IdolStreamClosed(stream_id=lane.opened.stream_id))

    def _dropped(self, name: Moving) -> None:
        self._metrics.frames_dropped.labels(name).inc()

    def _sound_lost(self, pts_us: int) -> None:
        self._is_sound_lost = True
        self._metrics.sound_lost.inc()
        if self._audio is not None:
            self._emit(IdolAudioSkipped(stream_id=self._audio.stream_id, pts_us=pts_us))

    def _announce(self, opened: IdolStreamOpened) -> None:
        self._seqs[opened.stream_id] = 0
        self._emit(opened)

    def _new_id(self) -> int:
        open_ids = {lane.opened.stream_id for lane in self._lanes.values()}
        if self._audio is not None:
            open_ids.add(self._audio.stream_id)
        while True:
            self._last_id = self._last_id % MAX_STREAM_ID + 1
            if self._last_id not in open_ids:
                return self._last_id

    def _header(self, kind: Kind, stream_id: int, pts_us: int) -> Header:
        seq = self._seqs[stream_id]
        self._seqs[stream_id] = (seq + 1) % 2**32
        return Header(kind, stream_id, seq, pts_us)
