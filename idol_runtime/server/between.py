"""Frames between those that a character makes: at 60 a second every other is one."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FaceFrame, PoseFrame

F = TypeVar("F", FaceFrame, PoseFrame)


def midway(before: F, after: F, pts_us: int) -> F:
    """The frame in the middle of two that follow each other.

    Weights, angles and the hips are halfway, rotations on the short way between the two: in the
    middle the normalised sum is what slerp gives.
    """
    if isinstance(before, FaceFrame):
        assert isinstance(after, FaceFrame)
        return FaceFrame(
            pts_us,
            _mean(before.weights, after.weights),
            _mean(before.head_eyes_deg, after.head_eyes_deg),
        )
    assert isinstance(before, PoseFrame)
    assert isinstance(after, PoseFrame)
    along = np.sum(before.rotations * after.rotations, axis=-1, keepdims=True)
    summed = before.rotations + np.where(along < 0, -after.rotations, after.rotations)
    rotations = summed / np.linalg.norm(summed, axis=-1, keepdims=True)
    hips_m = _mean(before.hips_m, after.hips_m)
    return PoseFrame(pts_us, rotations.astype(np.float32, copy=False), hips_m)


def _mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = (one + other) * np.float32(0.5)
    return mean
