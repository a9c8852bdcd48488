"""What no body does: joints beyond their range, limbs inside limbs, bones that jump."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from training.pose.capsules import PAIRS, depth_m
from training.pose.evaluation.performance import BodyMotion
from training.pose.limits import excess_deg

Array = NDArray[Any]

OVERLAP_M: Final = 0.005
"""Flesh gives so much; less is a touch."""
BEYOND_DEG: Final = 1.0
_PIECE = 1800


def joint_limits(done: BodyMotion) -> dict[str, Any]:
    """Share of frames with a bone more than a degree beyond its range, the worst, and which."""
    excess = _pieces(done, lambda part: excess_deg(torch.from_numpy(part.local)).numpy())
    worst = excess.max(axis=(0, 1))
    beyond = excess > BEYOND_DEG
    return {
        "frames_share": float(beyond.any(axis=-1).mean()),
        "bone_frames": int(beyond.sum()),
        "frames": int(excess.shape[0] * excess.shape[1]),
        "worst_deg": float(worst.max()),
        "worst_bone": POSE_BONES[int(worst.argmax())] if worst.max() > 0 else "none",
        "bones": {
            name: float(beyond[..., at].mean())
            for at, name in enumerate(POSE_BONES)
            if beyond[..., at].any()
        },
    }


def self_penetration(done: BodyMotion) -> dict[str, Any]:
    """Share of frames in which two limbs overlap by more than 5 mm, the deepest, and which."""
    depth = _pieces(
        done,
        lambda part: depth_m(torch.from_numpy(part.joints), torch.from_numpy(part.world)).numpy(),
    )
    worst = depth.max(axis=(0, 1))
    deep = depth > OVERLAP_M
    order = np.argsort(-deep.mean(axis=(0, 1)))[:3]
    return {
        "frames_share": float(deep.any(axis=-1).mean()),
        "frames": int(depth.shape[0] * depth.shape[1]),
        "deepest_cm": float(worst.max() * 100),
        "deepest_pair": "/".join(PAIRS[int(worst.argmax())]) if worst.max() > 0 else "none",
        "pairs": {
            "/".join(PAIRS[i]): float(deep[..., i].mean()) for i in order if deep[..., i].any()
        },
    }


def turns_deg(local: Array) -> Array:
    """Rotation of every bone from one frame to the next [B, T - 1, 22]; local [B, T, 22, 3, 3]."""
    # Of small angles the chord tells more than the trace, whose cosine is flat at 1.
    chord = np.linalg.norm(np.diff(local.astype(np.float64), axis=1), axis=(-2, -1))
    angles: Array = np.rad2deg(2 * np.arcsin(np.clip(chord / np.sqrt(8), 0, 1)))
    return angles


def largest_turns(local: Array, lively: Array) -> dict[str, Any]:
    """Largest turn of a bone in a frame, where gestures and dances run [B, T] and elsewhere."""
    turns = turns_deg(local)
    inside = (lively[:, 1:] | lively[:, :-1]).astype(bool)
    return {
        "in_gestures_and_dances": _largest(turns[inside]),
        "elsewhere": _largest(turns[~inside]),
        "lively_share": float(inside.mean()),
    }


def _largest(turns: Array) -> dict[str, Any]:
    """From [N, 22]."""
    if not len(turns):
        return {"largest_deg": None, "p999_deg": None, "bone": "none"}
    each = turns.max(axis=1)
    return {
        "largest_deg": float(each.max()),
        "p999_deg": float(np.quantile(each, 0.999)),
        "bone": POSE_BONES[int(turns.max(axis=0).argmax())],
    }


def _pieces(done: BodyMotion, measure: Callable[[BodyMotion], Array]) -> Array:
    """A measure [B, T, n] piece by piece, so that it fits into memory."""
    parts = []
    for at in range(0, done.joints.shape[1], _PIECE):
        span = slice(at, at + _PIECE)
        parts.append(measure(done.rows((slice(None), span))))
    whole: Array = np.concatenate(parts, axis=1)
    return whole
