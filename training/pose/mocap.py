"""The realism prior: stretches of real motion capture in which somebody is upright and in place.

The CMU subjects at hand climb, box, walk and run; they do not gesture, and nobody simply stands.
What they can teach is how a real trunk and real arms move while the hips stay where they are.
Postures differ by task, so each window is taken relative to its own mean, and what is faster than
people move is optical noise, so it is filtered out: from what is made, too, or its presence alone
would tell the two apart. Their collar bones were not captured, and stand still.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import firwin
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from idol_protocol.skeleton import OFFSETS_M
from training.humanoid.clip import Clip
from training.humanoid.skeleton import rot6d_from_matrix
from training.motion_files.acclaim import read_archive

PRIOR_BONES: Final = tuple(
    POSE_BONES.index(bone)
    for bone in (
        *("spine", "chest", "upperChest"),
        *("leftUpperArm", "leftLowerArm", "rightUpperArm", "rightLowerArm"),
    )
)
PRIOR_CHANNELS: Final = tuple(6 * bone + value for bone in PRIOR_BONES for value in range(6))
"""Their columns in the generator's motion."""
CUTOFF_HZ: Final = 6.0
"""Winter, "Biomechanics and Motor Control of Human Movement": what is human is slower."""
_LOW_PASS: Final = torch.from_numpy(firwin(15, CUTOFF_HZ, fs=FPS))
_CALM_M_S: Final = 0.5
_HIPS_HEIGHT_M: Final = (0.78, 0.98)
_UPRIGHT: Final = 0.94
"""Least cosine between the pelvis and the vertical."""


def calm_windows(archives: Sequence[Path], frames: int) -> Tensor:
    """Windows [W, frames, 42] of `PRIOR_CHANNELS`, as they were captured."""
    windows = [
        window
        for path in archives
        for clip in read_archive(path, fps=FPS)
        for window in _windows(clip, frames)
    ]
    if not windows:
        return torch.zeros(0, frames, len(PRIOR_CHANNELS))
    return torch.stack(windows)


def slow(motion: Tensor) -> Tensor:
    """[B, T - 14, C]: what of motion [B, T, C] is slower than 6 Hz, without a lag."""
    slower: Tensor = motion.unfold(1, len(_LOW_PASS), 1) @ _LOW_PASS.to(motion)
    return slower


def about_mean(motion: Tensor) -> Tensor:
    """[B, T, C] with each window's own mean taken away."""
    return motion - motion.mean(dim=1, keepdim=True)


def pace(motion: Tensor) -> Tensor:
    """How fast windows [B, T, C] move, [B], never 0."""
    return motion.diff(dim=1).square().mean(dim=(1, 2)).sqrt().clamp_min(1e-5)


def is_calm(clip: Clip) -> NDArray[np.bool_]:
    """[T]: upright at standing height, the hips slower than 0.5 m/s over half a second."""
    steps = np.linalg.norm(
        np.diff(clip.hips_m[:, [0, 2]], axis=0, prepend=clip.hips_m[:1, [0, 2]]), axis=1
    )
    speed = np.convolve(steps * FPS, np.ones(FPS // 2) / (FPS // 2), mode="same")
    height = clip.hips_m[:, 1] + OFFSETS_M[0][1]
    standing = (height > _HIPS_HEIGHT_M[0]) & (height < _HIPS_HEIGHT_M[1])
    calm: NDArray[np.bool_] = (speed < _CALM_M_S) & standing & (clip.local[:, 0, 1, 1] > _UPRIGHT)
    return calm


def _windows(clip: Clip, frames: int) -> list[Tensor]:
    if len(clip.local) < frames:
        return []
    calm = is_calm(clip)
    turns = torch.from_numpy(clip.local[:, list(PRIOR_BONES)])
    motion = rot6d_from_matrix(turns).flatten(-2).float()
    starts = range(0, len(calm) - frames + 1, frames // 4)
    return [motion[at : at + frames] for at in starts if calm[at : at + frames].all()]
