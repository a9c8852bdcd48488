"""The teacher's dance: postures as a pure function of the place in the music.

Keys (`training.pose.dance_moves`) fall on whole counts and are joined by minimum-jerk moves (Flash
and Hogan 1985), which rest on their keys: joints are slowest on the beat. Feet step between counts,
and go sideways only while they are off the floor.
"""

import math
from typing import Final

import torch
from torch import Tensor

from training.pose.arm_poses import ARMS
from training.pose.dance_moves import MOVES as KEYS
from training.pose.dance_moves import Key
from training.pose.posture import SIZE, index, mirrored, posture

MOVES: Final = tuple(KEYS)
COUNTS: Final = 8
_STEP_LIFT_M: Final = 0.06
_GOES: Final = (0.25, 0.75)
"""The part of a step in which the foot is well off the floor and goes to its new place."""
_BOUNCE_M: Final = 0.014
_FEET: Final = [index(f"{side}_foot_{axis}") for side in ("left", "right") for axis in ("x", "z")]
_LIFTS: Final = [index("left_foot_lift"), index("right_foot_lift")]


def dance_posture(
    position: Tensor, choice: Tensor, *, energy: Tensor, style: Tensor, direction: Tensor
) -> Tensor:
    """Postures [B, T, 38] of a dancer.

    Args:
        position: [B, T], place in the eight-count, in [0, 1).
        choice: [B, T, 8], weights of `MOVES`; they sum to 1.
        energy: [B, T] in [0, 1]: 0 sways a little, 1 dances full out.
        style: [B, T, 16], squashed to (-1, 1).
        direction: [B, T] in [-1, 1]: > 0 dances as written, < 0 in the mirror.
    """
    count = COUNTS * position
    at, share = count.floor().long() % COUNTS, count - count.floor()
    keys = _TABLE.to(position.device)
    start = torch.einsum("btm,btmc->btc", choice, keys[:, at].permute(1, 2, 0, 3))
    end = torch.einsum("btm,btmc->btc", choice, keys[:, (at + 1) % COUNTS].permute(1, 2, 0, 3))
    pose = start + minimum_jerk(share)[..., None] * (end - start)
    goes = minimum_jerk(((share - _GOES[0]) / (_GOES[1] - _GOES[0])).clamp(0.0, 1.0))[..., None]
    pose[..., _FEET] = start[..., _FEET] + goes * (end - start)[..., _FEET]
    steps = (end - start)[..., _FEET].abs().unflatten(-1, (2, 2)).amax(dim=-1)
    height = _STEP_LIFT_M * (steps / 0.06).clamp_max(1.0)
    pose[..., _LIFTS] = height * torch.sin(math.pi * share)[..., None].square()
    pose = _sized(pose, count, energy, style)
    side = 0.5 + 0.5 * torch.tanh(4 * direction)[..., None]
    return side * pose + (1 - side) * mirrored(pose)


def minimum_jerk(share: Tensor) -> Tensor:
    """From 0 to 1 with no speed and no acceleration at either end."""
    return share**3 * (10 - 15 * share + 6 * share**2)


def _sized(pose: Tensor, count: Tensor, energy: Tensor, style: Tensor) -> Tensor:
    """Larger or smaller as energy and style say; feet keep their places, the knees bounce."""
    size = (0.3 + 0.65 * energy + 0.08 * style[..., 12] + 0.08 * style[..., 8]).clamp(0.15, 1.1)
    sized = _CALM.to(pose.device) + size[..., None] * (pose - _CALM.to(pose.device))
    sized[..., _FEET], sized[..., _LIFTS] = pose[..., _FEET], pose[..., _LIFTS]
    # The hips go where the feet went, however small the rest is.
    sized[..., index("hips_x")] = pose[..., index("hips_x")]
    beat = torch.cos(2 * math.pi * count)
    bounce = _BOUNCE_M * (1 + 0.5 * style[..., 15]) * (0.4 + energy)
    sized[..., index("hips_y")] = sized[..., index("hips_y")] - bounce * (1.1 + beat)
    sized[..., index("head_pitch")] = sized[..., index("head_pitch")] + 3.0 * energy * beat
    for side in ("left", "right"):
        spread = sized[..., index(f"{side}_down")]
        sized[..., index(f"{side}_down")] = spread - 4.0 * style[..., 14]
    return sized


def _row(key: Key) -> Tensor:
    """[38]"""
    row = posture(
        hips_x=key.hips / 100, hips_y=-key.down / 100, hips_roll=key.roll, hips_yaw=0.25 * key.turn,
        spine_turn=0.75 * key.turn, spine_side=key.side - 0.6 * key.roll, spine_lean=key.lean,
        head_yaw=key.look, head_roll=key.tilt,
        left_foot_x=key.left_x / 100, left_foot_z=key.left_z / 100,
        right_foot_x=key.right_x / 100, right_foot_z=key.right_z / 100,
        hips_z=(key.left_z + key.right_z) / 200,
    )  # fmt: skip
    row[:9], row[9:18] = torch.tensor(ARMS[key.left]), torch.tensor(ARMS[key.right])
    return row


_TABLE: Final = torch.stack([torch.stack([_row(key) for key in KEYS[name]]) for name in MOVES])
"""[moves, 8, 38]"""
_CALM: Final = torch.cat([torch.tensor([ARMS["low"]] * 2).flatten(), torch.zeros(SIZE - 18)])
"""[38], what little energy comes down to."""
