"""Is the body smooth where what it does changes? Against the same body elsewhere."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.pose.conditions import PoseConditions
from training.pose.evaluation.integrity import turns_deg
from training.pose.evaluation.performance import BodyMotion
from training.pose.evaluation.smoothness import low_passed, root_relative

Array = NDArray[Any]

AFTER: Final = FPS // 2
_QUIET: Final = 3 * FPS
"""Frames after a change from which the body counts as undisturbed."""


def activity_changes(given: PoseConditions) -> Array:
    """[B, T]: the frame from which another activity is the strongest."""
    doing = given.activity.argmax(dim=-1).numpy()
    return np.pad(np.diff(doing, axis=1) != 0, ((0, 0), (1, 0)))


def cuts(given: PoseConditions) -> Array:
    """[B, T]: the frame from which a gesture that was at full weight fades before its end."""
    weight, phase = (each.numpy() for each in given.gesture.chunk(2, dim=-1))
    falls = (weight[:, :-1] > 0.99) & (weight[:, 1:] < 0.99) & (weight[:, 1:] > 0)
    cut = falls & (phase[:, :-1] < 0.99)
    return np.pad(cut.any(axis=-1), ((0, 0), (1, 0)))


def in_gesture(given: PoseConditions) -> Array:
    """[B, T]: a gesture is under way or fades."""
    weight = given.gesture.chunk(2, dim=-1)[0]
    found: Array = (weight > 0.05).any(dim=-1).numpy()
    return found


def lively(given: PoseConditions) -> Array:
    """[B, T]: a gesture is under way, or the body dances, and may move fast."""
    dances: Array = given.activity[..., -1].numpy() > 0.05
    return in_gesture(given) | dances


def transitions(done: BodyMotion, given: PoseConditions) -> dict[str, Any]:
    """Filtered jerk and the largest turn in the half second after changes and cuts, and elsewhere.

    `quiet` is what lies 3 s and more after any change or cut and outside gestures and dances;
    `gestures` are those that run to their end undisturbed.
    """
    changes, stopped, busy = activity_changes(given), cuts(given), in_gesture(given)
    dances = given.activity[..., -1].numpy() > 0.05
    jerk = np.stack([_jerk(take) for take in done.takes])
    turns = np.pad(turns_deg(done.local).max(axis=-1), ((0, 0), (1, 0)))
    disturbed = _after(changes | stopped, _QUIET)
    masks = {
        "after_activity_change": _after(changes, AFTER) & ~busy,
        "after_cut_gesture": _after(stopped, AFTER),
        "quiet": ~disturbed & ~busy & ~dances,
        "gestures": ~disturbed & busy & ~dances,
        "dances": ~disturbed & ~busy & dances,
    }
    return {name: _summary(jerk, turns, mask) for name, mask in masks.items()} | {
        "changes": int(changes.sum()),
        "cuts": int(stopped.sum()),
    }


def _summary(jerk: Array, turns: Array, mask: Array) -> dict[str, Any]:
    if not mask.any():
        return {"seconds": 0.0, "jerk_m_s3": None, "jerk_p99": None, "largest_turn_deg": None}
    return {
        "seconds": float(mask.sum() / FPS),
        "jerk_m_s3": float(jerk[mask].mean()),
        "jerk_p99": float(np.quantile(jerk[mask], 0.99)),
        "largest_turn_deg": float(turns[mask].max()),
        "turn_p99_deg": float(np.quantile(turns[mask], 0.99)),
    }


def _after(events: Array, frames: int) -> Array:
    """[B, T]: within `frames` frames from an event on."""
    since = np.zeros_like(events)
    for row, at in zip(*np.nonzero(events), strict=True):
        since[row, at : at + frames] = True
    return since


def _jerk(take: Array) -> Array:
    """[T]: mean over joints, below 6 Hz; joints [T, 22, 3]."""
    joints = low_passed(root_relative(take.astype(np.float64)))
    jerk = np.linalg.norm(np.diff(joints, n=3, axis=0), axis=2).mean(axis=1) * FPS**3
    return np.pad(jerk, (2, 1), mode="edge")
