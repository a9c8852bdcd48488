"""Media on its way to one connection: the streams it asked for, in the form it asked for."""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolFaceDelta, IdolPoseDelta, IdolStreamOpened
from idol_runtime.timeline import FPS

MAX_WAITING_FRAMES = 8
"""Frames that may wait for a client before the oldest gives way: a quarter of a second."""

F = TypeVar("F", FaceFrame, PoseFrame)


def frame_step(fps: int) -> int | None:
    """Every how many frames of the stage one is sent, or None if `fps` cannot be had."""
    return FPS // fps if fps > 0 and FPS % fps == 0 else None


class FrameLane(Generic[F]):
    """Frames of one stream that wait to be sent; frames that follow each other share a message."""

    def __init__(
        self,
        opened: IdolStreamOpened,
        render: Callable[[list[Any]], str | bytes],
        *,
        group: int,
        on_drop: Callable[[], None],
    ) -> None:
        self.opened = opened
        self._step = FPS // (opened.fps or FPS)
        self._render = render
        self._group = group
        self._on_drop = on_drop
        self._waiting: deque[F] = deque()
        self._is_behind = False

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def offer(self, frame: F) -> bool:
        """Whether the frame now waits; frames between those of the stream's fps do not."""
        if _index(frame) % self._step:
            return False
        if len(self._waiting) == MAX_WAITING_FRAMES:
            self._drop()
            self._is_behind = True
        self._waiting.append(frame)
        return True

    def take(self) -> str | bytes:
        """The message of the next frames; of the newest alone for a client that fell behind."""
        while self._is_behind and len(self._waiting) > 1:
            self._drop()
        self._is_behind = False
        frames = [self._waiting.popleft()]
        while (
            self._waiting
            and len(frames) < self._group
            and _index(self._waiting[0]) == _index(frames[-1]) + self._step
        ):
            frames.append(self._waiting.popleft())
        return self._render(frames)

    def _drop(self) -> None:
        self._waiting.popleft()
        self._on_drop()


def face_delta(stream_id: int, frame: FaceFrame) -> IdolFaceDelta:
    return IdolFaceDelta(
        stream_id=stream_id,
        pts_us=frame.pts_us,
        weights=_rounded(frame.weights),
        head_eyes_deg=_rounded(frame.head_eyes_deg),
    )


def pose_delta(stream_id: int, frame: PoseFrame) -> IdolPoseDelta:
    return IdolPoseDelta(
        stream_id=stream_id,
        pts_us=frame.pts_us,
        rotations=[_rounded(each) for each in frame.rotations],
        hips_m=_rounded(frame.hips_m),
    )


def _index(frame: FaceFrame | PoseFrame) -> int:
    return round(frame.pts_us * FPS / 1_000_000)


def _rounded(values: NDArray[np.float32]) -> list[float]:
    """Four digits: finer than any rig shows, a third of the bytes."""
    return [round(float(value), 4) for value in values]
