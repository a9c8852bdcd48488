"""Can one tell which gesture it was? Templates are the teacher's, of other bodies.

Nearest template by dynamic time warping (Sakoe and Chiba 1978, a band of a fifth) on the paths of
wrists and head in the frame of the hips' rest, 24 moments from beginning to end. `nothing` is a
class of its own: a body that ignores what it is asked falls into it.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES, POSE_BONES
from training.pose.evaluation.performance import BodyMotion
from training.pose.evaluation.scenes import LEAD, Asked

Array = NDArray[Any]

NOTHING: Final = "nothing"
CLASSES: Final = (*GESTURES, NOTHING)
CHANCE: Final = 1 / len(GESTURES)
MOMENTS: Final = 24
_BAND: Final = MOMENTS // 5
_WRISTS: Final = [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]
_HEAD: Final = POSE_BONES.index("head")
_CHEST: Final = POSE_BONES.index("upperChest")
_GAZE_M: Final = 0.8
"""How many metres a turn of the head by a radian counts: nods are small paths."""


def paths(done: BodyMotion, asked: Asked) -> Array:
    """[B, MOMENTS, D] of the wrists, the head and where it looks, from onset to end."""
    rows = []
    for row, frames in enumerate(asked.length):
        at = np.linspace(LEAD, LEAD + frames, MOMENTS).round().astype(int)
        joints, world = done.joints[row, at], done.world[row, at]
        gaze = world[:, _HEAD, :, 2] * _GAZE_M
        tilt = world[:, _HEAD, :, 0] * _GAZE_M
        chest = joints[:, _CHEST] - done.joints[row, LEAD, 0]
        hands = (joints[:, _WRISTS] - joints[:, None, _CHEST]).reshape(MOMENTS, -1)
        # Where hands and head were before is the body's own business.
        hands = hands - hands[0]
        before = world[0, _HEAD]
        turned = np.concatenate([gaze - before[:, 2] * _GAZE_M, tilt - before[:, 0] * _GAZE_M], 1)
        rows.append(np.concatenate([hands, turned, chest], axis=1))
    return np.stack(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Labelled paths."""

    paths: Array
    """[N, MOMENTS, D]"""
    labels: NDArray[np.intp]
    """[N], index in `CLASSES`."""

    @classmethod
    def of(cls, gesturing: tuple[BodyMotion, Asked], idle: tuple[BodyMotion, Asked]) -> Self:
        """From bodies that gesture and, for `nothing`, the same asked times without a gesture."""
        # As many of nothing as of each gesture, else they would outvote the small ones.
        still = paths(*idle)[:: len(GESTURES)]
        return cls(
            np.concatenate([paths(*gesturing), still]),
            np.concatenate([gesturing[1].gesture, np.full(len(still), len(GESTURES))]),
        )

    def recognise(self, unknown: Array, nearest: int = 3) -> NDArray[np.intp]:
        """Index in `CLASSES` of each path [N, MOMENTS, D]: the vote of the nearest templates."""
        distances = warped_distances(unknown, self.paths)
        order = np.argsort(distances, axis=1)[:, :nearest]
        votes = np.zeros((len(unknown), len(CLASSES)))
        for rank in range(nearest):
            # The nearer one decides a draw.
            np.add.at(votes, (np.arange(len(unknown)), self.labels[order[:, rank]]), 1 - 0.1 * rank)
        return votes.argmax(axis=1)


def warped_distances(a: Array, b: Array) -> Array:
    """Dynamic time warping [n, m] between paths [n, L, D] and [m, L, D], metres a moment."""
    length = a.shape[1]
    previous = np.full((length + 1, len(a), len(b)), np.inf)
    previous[0] = 0
    for i in range(length):
        current = np.full_like(previous, np.inf)
        for j in range(max(0, i - _BAND), min(length, i + _BAND + 1)):
            gap = a[:, i, None] - b[None, :, j]
            step = np.minimum(np.minimum(previous[j], previous[j + 1]), current[j])
            current[j + 1] = np.linalg.norm(gap, axis=-1) + step
        previous = current
    distances: Array = previous[length] / length
    return distances


def recognition(templates: Templates, done: BodyMotion, asked: Asked) -> dict[str, Any]:
    """How many gestures are recognised, by which, and what they are taken for."""
    found = templates.recognise(paths(done, asked))
    confusion = np.zeros((len(GESTURES), len(CLASSES)), int)
    np.add.at(confusion, (asked.gesture, found), 1)
    asked_for = sorted(set(asked.gesture.tolist()))
    right = found == asked.gesture
    return {
        "accuracy": float(right.mean()),
        "standard_error": float(np.sqrt(right.mean() * (1 - right.mean()) / len(right))),
        "chance": CHANCE,
        "performances": len(right),
        "by_gesture": {GESTURES[g]: float(right[asked.gesture == g].mean()) for g in asked_for},
        "confusion": confusion.tolist(),
        "classes": list(CLASSES),
    }


def shuffled(asked: Asked, order: NDArray[Any]) -> Asked:
    """The control: each body judged by what another was asked."""
    return Asked(asked.given, asked.gesture[order], asked.length[order])
