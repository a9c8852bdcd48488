"""Do bodies repeat themselves or each other?

Windows of 2 s are compared at every pair of times, exactly, at 10 frames/s, which is enough for
bodies that stand, by ten telling joints. Two distances: of the postures, in cm a joint, and of the
movement alone, which leaves out where the body was and how much it moved: 0 is the same movement,
sqrt(2) another one.
Joints [T, 22, 3] in metres at 30 frames/s.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.pose.evaluation.smoothness import TELLING_AT

Array = NDArray[Any]

STEP: Final = 3
"""Frames between two looks."""
WINDOW: Final = 2 * FPS // STEP
"""Looks in a window of 2 s."""
APART: Final = 2 * WINDOW
"""Looks between two windows of one performance that count as different times: 4 s from start to
start, so that the two do not touch."""
_BLOCK = 500


def diversity_cm(joints: Array) -> float:
    """Mean distance of a joint between bodies that differ in seed alone; [seeds, T, J, 3]."""
    pairs = combinations(joints, 2)
    return float(np.mean([np.linalg.norm(a - b, axis=-1).mean() for a, b in pairs]) * 100)


def closest(takes: Sequence[Array]) -> dict[str, Any]:
    """Nearest windows over all pairs of takes and all times of either."""
    found = [_nearest(a, b, itself=False) for a, b in combinations(takes, 2)]
    return _best(found)


def closest_to_itself(takes: Sequence[Array]) -> dict[str, Any]:
    """Nearest windows of one take at different times, the nearest of all takes."""
    return _best([_nearest(take, take, itself=True) for take in takes])


def posture_distances(a: Array, b: Array) -> Array:
    """Mean joint distance [n, m] in metres between windows of two takes, by where they start."""
    a, b = (take[::STEP, TELLING_AT].astype(np.float32) for take in (a, b))
    frames = np.empty((len(a), len(b)), np.float32)
    for at in range(0, len(a), _BLOCK):
        rows = np.zeros((len(a[at : at + _BLOCK]), len(b)), np.float32)
        for joint in range(a.shape[1]):
            rows += _apart(a[at : at + _BLOCK, joint], b[:, joint])
        frames[at : at + _BLOCK] = rows / a.shape[1]
    n, m = len(a) - WINDOW + 1, len(b) - WINDOW + 1
    windows = np.zeros((n, m), np.float32)
    for shift in range(WINDOW):
        windows += frames[shift : shift + n, shift : shift + m]
    return windows / WINDOW


def movement_distances(a: Array, b: Array) -> Array:
    """How unlike the movements in windows of two takes are [n, m], from 0 to 2.

    Windows less their own mean, brought to unit length: what remains is the movement's form.
    """
    one, other = _forms(a), _forms(b)
    distances: Array = np.sqrt(np.maximum(2 - 2 * one @ other.T, 0))
    return distances


def recurrence(joints: Array, *, every_s: float = 1.0) -> Array:
    """Mean joint distance [n, n] in cm between moments of one take, `every_s` apart."""
    moments = joints[:: round(every_s * FPS), TELLING_AT].astype(np.float32)
    total = sum(_apart(moments[:, j], moments[:, j]) for j in range(moments.shape[1]))
    distances: Array = np.asarray(total) / moments.shape[1] * 100
    return distances


def _nearest(a: Array, b: Array, *, itself: bool) -> dict[str, float]:
    posture, movement = posture_distances(a, b), movement_distances(a, b)
    if itself:
        near = np.abs(np.subtract.outer(np.arange(len(posture)), np.arange(len(posture)))) < APART
        posture[near] = movement[near] = np.inf
    seen = posture[np.isfinite(posture)]
    at = np.unravel_index(int(posture.argmin()), posture.shape)
    return {
        "posture_cm": float(posture.min() * 100),
        "posture_median_cm": float(np.median(seen[:: max(1, len(seen) // 200_000)]) * 100),
        "movement": float(movement.min()),
        "at_s": float(at[0] * STEP / FPS),
        "and_s": float(at[1] * STEP / FPS),
    }


def _best(found: Sequence[dict[str, float]]) -> dict[str, Any]:
    nearest = min(found, key=lambda each: each["posture_cm"])
    return {
        **nearest,
        "movement": min(each["movement"] for each in found),
        "posture_median_cm": float(np.mean([each["posture_median_cm"] for each in found])),
        "compared": len(found),
    }


def _apart(a: Array, b: Array) -> Array:
    """Distances [n, m] between points [n, 3] and [m, 3]."""
    # Around their middle, where the products of the expanded square lose least.
    middle = b.mean(axis=0)
    a, b = a - middle, b - middle
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    distances: Array = np.sqrt(np.maximum(squared, 0))
    return distances


def _forms(take: Array) -> Array:
    """[n, 30 * WINDOW] of unit length."""
    looks = take[::STEP, TELLING_AT].astype(np.float32)
    looks = looks.reshape(len(looks), -1)
    views = np.lib.stride_tricks.sliding_window_view(looks, WINDOW, axis=0)
    moved = (views - views.mean(axis=-1, keepdims=True)).reshape(len(views), -1)
    forms: Array = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return forms
