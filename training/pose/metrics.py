"""Measures of generated bodies; pure functions, joints in metres at 30 frames/s.

Shapes: B clips, T frames, J joints.
"""

import torch
from torch import Tensor

from training.features import FPS


def foot_skate_cm_s(ankles: Tensor) -> float:
    """Mean horizontal speed of ankles [B, T, 2, 3] that stand."""
    return float(ankles[..., [0, 2]].diff(dim=1).norm(dim=-1).mean() * FPS * 100)


def jerk_m_s3(joints: Tensor) -> float:
    """Mean length of the third derivative of joints [B, T, J, 3]."""
    return float(joints.diff(n=3, dim=1).norm(dim=-1).mean() * FPS**3)


def largest_turn_deg(local: Tensor) -> float:
    """Largest rotation of any bone from one frame to the next; local [B, T, J, 3, 3]."""
    turn = local[:, :-1].transpose(-1, -2) @ local[:, 1:]
    cosine = (turn.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    return float(torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).max())


def diversity_cm(joints: Tensor) -> float:
    """Mean distance of a joint between clips that differ in seed alone; [seeds, T, J, 3]."""
    apart = (joints[:, None] - joints[None]).norm(dim=-1).mean(dim=(2, 3))
    count = len(joints)
    return float(apart.sum() / (count * (count - 1)) * 100)


def correlation(a: Tensor, b: Tensor) -> float:
    """Pearson's r of two curves of equal shape."""
    a, b = a.flatten() - a.mean(), b.flatten() - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-9))


def voice_relation(effort: Tensor, level: Tensor, lag: int) -> float:
    """R of the voice's level [B, T] and the hands' effort [B, T], `lag` frames later."""
    return correlation(effort[:, lag:], level[:, : level.shape[1] - lag])
