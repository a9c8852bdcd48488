"""Feet and floor: skating, floating, sinking and honest steps.

A contact point is an ankle or the root of the toes; it stands on the floor when it is no higher
than 1.5 cm above where it is in the rest pose. Joints in metres at 30 frames/s.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from idol_protocol.skeleton import OFFSETS_M, PARENTS

Array = NDArray[Any]

NEAR_M: Final = 0.015
_POINTS: Final = [POSE_BONES.index(f"{s}{p}") for s in ("left", "right") for p in ("Foot", "Toes")]
_MOVES_CM_S: Final = 1.0


def _rest_height(bone: int) -> float:
    return OFFSETS_M[bone][1] + (_rest_height(PARENTS[bone]) if PARENTS[bone] >= 0 else 0.0)


_REST_M: Final = np.array([_rest_height(bone) for bone in _POINTS])


def contact(takes: Sequence[Array]) -> dict[str, float]:
    """Skate in cm/s of points that stand, the same where it exceeds 1 cm/s as a share of frames,
    the share of foot-frames that are lifted, and how far the lower foot is above or below the
    floor; takes [T, 22, 3] of two frames or more.
    """
    skates, feet, depths, steps = [], [], [], 0
    for take in takes:
        points = take[:, _POINTS]
        height = points[..., 1] - _REST_M
        stands = (height[1:] < NEAR_M) & (height[:-1] < NEAR_M)
        speed = np.linalg.norm(np.diff(points[..., [0, 2]], axis=0), axis=-1) * FPS * 100
        skates.append(speed[stands])
        depths.append(-height.min())
        feet.append(height.reshape(len(take), 2, 2).min(axis=-1))
        lifted = feet[-1] > NEAR_M
        steps += int((lifted[1:] & ~lifted[:-1]).sum())
    skate, foot = np.concatenate(skates), np.concatenate(feet)
    lower = foot.min(axis=-1)
    return {
        "skate_cm_s": float(skate.mean()) if skate.size else 0.0,
        "skate_p99_cm_s": float(np.quantile(skate, 0.99)) if skate.size else 0.0,
        "skating_share": float((skate > _MOVES_CM_S).mean()) if skate.size else 0.0,
        "lifted_share": float((foot > NEAR_M).mean()),
        "highest_lift_cm": float(max(foot.max(), 0) * 100),
        "steps_a_minute": steps / (len(foot) / FPS / 60),
        "floating_share": float((lower > NEAR_M).mean()),
        "highest_float_cm": float(max(lower.max(), 0) * 100),
        "deepest_sink_cm": float(max(*depths, 0) * 100),
    }
