"""The scores of the dance as tensors of keys.

Beside the channels of a posture the keys have columns of their own: where the middle between the
feet is, how far the weight takes the hips from there (metres), and for each arm whether its hand
touches something.
"""

from typing import Final

import torch
from torch import Tensor

from training.pose.dance_arms import ARMS, TOUCHING
from training.pose.dance_moves import MOVES, Row, Score
from training.pose.posture import ARM, LEFT_ARM, RIGHT_ARM, SIZE, index

COUNTS: Final = 8
MIDDLE: Final = slice(SIZE, SIZE + 2)
"""Of the feet, x and z."""
SWAY: Final = SIZE + 2
TOUCHES: Final = slice(SIZE + 3, SIZE + 5)
"""Left and right."""
_COLUMNS: Final = SIZE + 5
_SLOTS: Final = 16
_HALF_STANCE_M: Final = 0.08
_SWAY: Final = 0.62
"""The share of the way from the middle to over a foot that the hips go."""
_ROLL_DEG: Final = 4.0
"""How much higher the hip over the standing leg is."""
_HANDS_LAG: Final = 0.10
_HEAD_LAG: Final = 0.06
"""Counts by which hands and head follow."""


def _homes(score: Score) -> Tensor:
    """[8, 2, 2]: x and z in metres of the left and the right foot on each count."""
    homes = torch.zeros(COUNTS, 2, 2)
    for count, step in score.steps.items():
        foot = ("left", "right").index(step.foot)
        homes[count:, foot] = torch.tensor([step.x, step.z]) / 100
    return homes


def _tracks(score: Score) -> dict[int, Tensor]:
    """Keys by column, as many as the row has."""
    places = _homes(score)
    left, right = places.unbind(1)
    weight = _row(score.weight)
    tracks = {
        index("spine_turn"): _row(score.turn),
        index("spine_side"): _row(score.side),
        index("spine_lean"): _row(score.lean),
        index("hips_yaw"): _row(score.yaw),
        index("hips_roll"): _ROLL_DEG * weight + _row(score.roll),
        index("hips_y"): -0.01 * _row(score.down),
        index("hips_z"): 0.01 * _row(score.push),
        index("head_yaw"): _row(score.look),
        index("head_pitch"): _row(score.nod),
        index("head_roll"): _row(score.tilt),
        MIDDLE.start: 0.5 * (left[:, 0] - right[:, 0]),
        MIDDLE.start + 1: 0.5 * (left[:, 1] + right[:, 1]),
        SWAY: _SWAY * (_HALF_STANCE_M + 0.5 * (left[:, 0] + right[:, 0])) * weight,
    }
    for arm, part, poses in ((0, LEFT_ARM, score.left), (1, RIGHT_ARM, score.right)):
        angles = torch.tensor([ARMS[pose] for pose in poses])
        tracks |= {part.start + at: angles[:, at] for at in range(len(ARM))}
        tracks[TOUCHES.start + arm] = _row(tuple(float(pose in TOUCHING) for pose in poses))
    return tracks


def _row(values: Row) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def _table() -> tuple[Tensor, Tensor]:
    """Keys [moves, 16, columns] and the counts between two keys of a column [moves, columns]."""
    keys = torch.zeros(len(MOVES), _SLOTS, _COLUMNS)
    spans = torch.full((len(MOVES), _COLUMNS), float(COUNTS))
    for move, score in enumerate(MOVES.values()):
        for column, row in _tracks(score).items():
            keys[move, : len(row), column] = row
            spans[move, column] = COUNTS / len(row)
    return keys, spans


def _lag() -> Tensor:
    lag = torch.zeros(_COLUMNS)
    for side in ("left", "right"):
        for name in ("turn", "wrist", "tilt"):
            lag[index(f"{side}_{name}")] = _HANDS_LAG
    for name in ("yaw", "pitch", "roll"):
        lag[index(f"head_{name}")] = _HEAD_LAG
    return lag


KEYS, SPANS = _table()
LAG: Final = _lag()
"""[columns], in counts."""
HOMES: Final = torch.stack([_homes(score) for score in MOVES.values()])
"""[moves, 8, 2, 2]"""
CALM: Final = torch.cat([torch.tensor([ARMS["low"]] * 2).flatten(), torch.zeros(SIZE - 18)])
"""[38], what little energy comes down to."""
