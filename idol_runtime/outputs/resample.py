"""Frames at other times than the generators': linear for weights and degrees, slerp for bones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from idol_protocol.frames import FaceFrame, PoseFrame
from idol_runtime.motion.rotations import slerp


def resample_face(frames: Sequence[FaceFrame], times_us: NDArray[np.float64]) -> list[FaceFrame]:
    """One frame at each time; before the first and after the last frame, those are held."""
    if not frames:
        return []
    known = np.array([frame.pts_us for frame in frames], np.float64)
    values = np.stack([np.concatenate([each.weights, each.head_eyes_deg]) for each in frames])
    before, share = _place(known, times_us)
    after = np.minimum(before + 1, len(frames) - 1)
    mixed = values[before] * (1 - share)[:, None] + values[after] * share[:, None]
    mixed = mixed.astype(np.float32)
    count = len(ARKIT_BLENDSHAPES)
    return [
        FaceFrame(round(time_us), row[:count], row[count:])
        for time_us, row in zip(times_us.tolist(), mixed, strict=True)
    ]


def resample_pose(frames: Sequence[PoseFrame], times_us: NDArray[np.float64]) -> list[PoseFrame]:
    """One frame at each time; before the first and after the last frame, those are held."""
    if not frames:
        return []
    known = np.array([frame.pts_us for frame in frames], np.float64)
    rotations = np.stack([frame.rotations for frame in frames])
    hips = np.stack([frame.hips_m for frame in frames])
    before, share = _place(known, times_us)
    after = np.minimum(before + 1, len(frames) - 1)
    turned = slerp(rotations[before], rotations[after], share[:, None].astype(np.float32))
    moved = hips[before] * (1 - share)[:, None] + hips[after] * share[:, None]
    return [
        PoseFrame(round(time_us), rotation.astype(np.float32), move.astype(np.float32))
        for time_us, rotation, move in zip(times_us.tolist(), turned, moved, strict=True)
    ]


def _place(
    known: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """For each wanted time, the index of the frame before it and the share of the one after."""
    before = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 1)
    after = np.minimum(before + 1, len(known) - 1)
    gap = known[after] - known[before]
    share = np.divide(wanted - known[before], gap, out=np.zeros_like(wanted), where=gap > 0)
    return before, np.clip(share, 0.0, 1.0)
