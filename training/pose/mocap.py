"""The realism prior: calm stretches of real motion capture.

The CMU subjects at hand climb, box, walk and run; they do not gesture, and nobody simply stands.
What they can teach is how a real trunk moves: the spine and shoulders in stretches where the hips
stay in place, upright. Postures differ by task, so each window is taken relative to its own mean.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from training.features import FPS
from training.pose.amc import Clip, read_archive
from training.pose.skeleton import OFFSETS_M, rot6d_from_matrix

TRUNK: Final = tuple(
    POSE_BONES.index(bone)
    for bone in ("spine", "chest", "upperChest", "leftShoulder", "rightShoulder")
)
TRUNK_CHANNELS: Final = tuple(6 * bone + value for bone in TRUNK for value in range(6))
"""The trunk's columns in the generator's motion."""
CALM_M_S: Final = 0.3
_HIPS_HEIGHT_M: Final = (0.78, 0.98)
_UPRIGHT: Final = 0.94
"""Least cosine between the pelvis and the vertical."""


def calm_trunks(archives: Sequence[Path], frames: int) -> Tensor:
    """Windows [W, frames, 30] of the trunk's 6D rotations, relative to their own mean."""
    windows = [
        window
        for path in archives
        for clip in read_archive(path, fps=FPS)
        for window in _calm_windows(clip, frames)
    ]
    if not windows:
        return torch.zeros(0, frames, len(TRUNK_CHANNELS))
    return about_mean(torch.stack(windows))


def about_mean(motion: Tensor) -> Tensor:
    """[B, T, C] with each clip's own mean taken away."""
    return motion - motion.mean(dim=1, keepdim=True)


def is_calm(clip: Clip) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """[T]: upright at standing height, the hips slower than 0.3 m/s over half a second."""
    steps = np.linalg.norm(
        np.diff(clip.hips_m[:, [0, 2]], axis=0, prepend=clip.hips_m[:1, [0, 2]]), axis=1
    )
    speed = np.convolve(steps * FPS, np.ones(FPS // 2) / (FPS // 2), mode="same")
    height = clip.hips_m[:, 1] + OFFSETS_M[0][1]
    standing = (height > _HIPS_HEIGHT_M[0]) & (height < _HIPS_HEIGHT_M[1])
    calm: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (speed < CALM_M_S) & standing & (clip.local[:, 0, 1, 1] > _UPRIGHT)
    )
    return calm


def _calm_windows(clip: Clip, frames: int) -> list[Tensor]:
    calm = is_calm(clip)
    trunk = rot6d_from_matrix(torch.from_numpy(clip.local[:, list(TRUNK)]).float()).flatten(-2)
    starts = range(0, len(calm) - frames + 1, frames // 4)
    return [trunk[at : at + frames] for at in starts if calm[at : at + frames].all()]
