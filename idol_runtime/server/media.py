"""Media on its way to one connection: the streams it asked for, in the form it asked for."""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FaceFrame, PoseFrame
from idol_protocol.idol_events import IdolFaceDelta, IdolPoseDelta, IdolStreamOpened
from idol_runtime.server.between import midway
from idol_runtime.timeline import FPS

MAX_FPS = 2 * FPS
"""Frames that a character makes, and one between each two."""
MIN_WAITING_FRAMES = 8
"""Frames that may wait for a client before the oldest gives way; at 60 a second, twice as many."""

F = TypeVar("F", FaceFrame, PoseFrame)


def frame_step(fps: int) -> int | None:
    """Every how many of `MAX_FPS` frames one is sent, or None if `fps` cannot be had."""
    return MAX_FPS // fps if fps > 0 and MAX_FPS % fps == 0 else None


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
        fps = opened.fps or FPS
        self._step = MAX_FPS // fps
        self._most = max(MIN_WAITING_FRAMES, fps // 4)
        self._render = render
        self._group = group
        self._on_drop = on_drop
        self._waiting: deque[F] = deque()
        self._last: F | None = None
        """What the character made last."""
        self._is_behind = False

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def offer(self, frame: F) -> bool:
        """Takes the next frame that the character made, and what the stream has before it.

        Returns:
            Whether frames wait now that did not before.
        """
        index, last = _index(frame), self._last
        self._last = frame
        if is_between := last is not None and _index(last) == index - 2 and self._has(index - 1):
            assert last is not None
            self._wait(midway(last, frame, _pts_us(index - 1)))
        if is_whole := self._has(index):
            self._wait(frame)
        return is_between or is_whole

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

    def _has(self, index: int) -> bool:
        return index % self._step == 0

    def _wait(self, frame: F) -> None:
        if len(self._waiting) == self._most:
            self._drop()
            self._is_behind = True
        self._waiting.append(frame)

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
    """The number of a frame among `MAX_FPS` a second."""
    return round(frame.pts_us * MAX_FPS / 1_000_000)


def _pts_us(index: int) -> int:
    return round(index * 1_000_000 / MAX_FPS)


def _rounded(values: NDArray[np.float32]) -> list[float]:
    """Four digits: finer than any rig shows, a third of the bytes."""
    return [round(float(value), 4) for value in values]
