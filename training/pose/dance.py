"""The teacher's dance: postures as a pure function of the place in the music.

The scores (`training.pose.dance_moves`) have their keys on the counts; minimum-jerk moves (Flash
and Hogan 1985) join them and rest on them, so joints are slowest on the beat. Hands and head arrive
a little after what carries them. A foot steps from one count to the next and goes sideways only
while it is well off the floor.
"""

import math
from typing import Final

import torch
from torch import Tensor

from idol_protocol.skeleton import OFFSETS_M
from training.pose.dance_moves import MOVES as SCORES
from training.pose.dance_table import (
    CALM,
    COUNTS,
    HOMES,
    KEYS,
    LAG,
    MIDDLE,
    SPANS,
    SWAY,
    TOUCHES,
)
from training.pose.legs import REACH_M, ankles
from training.pose.posture import ARM, FEET, LEFT_ARM, RIGHT_ARM, SIZE, hips_m, index, mirrored
from training.pose.springs import minimum_jerk

MOVES: Final = tuple(SCORES)
_STEP_LIFT_M: Final = 0.06
_GOES: Final = (0.20, 0.70)
"""The part of a step in which the foot is more than 2 cm off the floor, at full energy, and goes
to its new place."""
_BOUNCE_M: Final = 0.018
_SOFT_M: Final = 0.005
"""How gently the legs stop the hips that rise."""
_SOCKET: Final = OFFSETS_M[14]


def dance_posture(
    position: Tensor, choice: Tensor, *, energy: Tensor, style: Tensor, direction: Tensor
) -> Tensor:
    """Postures [B, T, 38] of a dancer.

    Args:
        position: [B, T], place in the eight-count, in [0, 1).
        choice: [B, T, moves], weights of `MOVES`; they sum to 1. They may change while the count
            goes from 0 to 1, when every move has its feet at home.
        energy: [B, T] in [0, 1]: 0 sways a little, 1 dances full out.
        style: [B, T, 16], squashed to (-1, 1).
        direction: [B, T] in [-1, 1]: > 0 dances as written, < 0 in the mirror. May change when
            `choice` may.
    """
    count = COUNTS * position
    drawn = _body(count, choice)
    feet = _feet(count, choice, energy)
    pose = _sized(drawn, energy, style)
    pose[..., FEET] = feet
    _bounce(pose, count, energy, style)
    pose[..., index("hips_y")] = _within_reach(pose)
    side = minimum_jerk((0.5 + 0.55 * direction).clamp(0.0, 1.0))[..., None]
    return side * pose + (1 - side) * mirrored(pose)


def _body(count: Tensor, choice: Tensor) -> Tensor:
    """[B, T, columns of `KEYS`] at counts [B, T]: each column between its own two keys."""
    keys, spans = KEYS.to(count.device), SPANS.to(count.device)
    place = torch.remainder(count[..., None, None] - LAG.to(count.device), COUNTS) / spans
    slot = place.floor()
    moves = torch.arange(len(MOVES), device=count.device)[:, None]
    columns = torch.arange(keys.shape[-1], device=count.device)
    length = COUNTS / spans
    start = keys[moves, (slot % length).long(), columns]
    end = keys[moves, ((slot + 1) % length).long(), columns]
    drawn = start + minimum_jerk(place - slot) * (end - start)
    return (choice[..., None] * drawn).sum(dim=-2)


def _feet(count: Tensor, choice: Tensor, energy: Tensor) -> Tensor:
    """[B, T, 8]: x, z, lift and yaw of both feet."""
    homes = HOMES.to(count.device)
    slot = count.floor()
    share = (count - slot)[..., None, None, None]
    start = homes[:, slot.long() % COUNTS].movedim(0, 2)
    end = homes[:, (slot.long() + 1) % COUNTS].movedim(0, 2)
    goes = minimum_jerk(((share - _GOES[0]) / (_GOES[1] - _GOES[0])).clamp(0.0, 1.0))
    place = start + goes * (end - start)
    steps = ((end - start).abs().amax(dim=-1, keepdim=True) > 0).to(count.dtype)
    lift = _STEP_LIFT_M * steps * torch.sin(math.pi * share).square()
    weight = choice[..., None, None]
    place, lift = (weight * place).sum(dim=2), (weight * lift).sum(dim=2)
    # The less energy, the smaller the steps; below that feet lift on their place, then stand.
    lift = lift * _lifted(energy)[..., None, None]
    place = place * _travelled(energy)[..., None, None]
    return torch.cat([place, lift, torch.zeros_like(lift)], dim=-1).flatten(-2)


def _sized(drawn: Tensor, energy: Tensor, style: Tensor) -> Tensor:
    """[B, T, 38]: as large as energy and style say.

    An arm whose hand touches something is there all the way, unless there is hardly any energy.
    """
    calm = CALM.to(drawn.device)
    taste = 0.90 + 0.06 * style[..., 12] + 0.04 * style[..., 8]
    size = (0.12 + 0.88 * energy * (2 - energy)) * taste
    pose = calm + size[..., None] * (drawn[..., :SIZE] - calm)
    goes = _travelled(energy)
    hands = ((LEFT_ARM, -1.0), (RIGHT_ARM, 1.0))
    for (part, side), touch in zip(hands, drawn[..., TOUCHES].unbind(-1), strict=True):
        free = size * (0.97 + 0.03 * side * style[..., 13])
        share = (free + touch * (goes - free))[..., None]
        pose[..., part] = calm[part] + share * (drawn[..., part] - calm[part])
        pose[..., part.start + ARM.index("down")] -= 4.0 * (1 - touch) * style[..., 14]
    middle = goes[..., None] * drawn[..., MIDDLE]
    pose[..., index("hips_x")] = middle[..., 0] + (0.1 + 0.9 * size) * drawn[..., SWAY]
    pose[..., index("hips_z")] += middle[..., 1]
    return pose


def _bounce(pose: Tensor, count: Tensor, energy: Tensor, style: Tensor) -> None:
    """Knees give on every beat, and what hangs on them follows."""
    beat = torch.cos(2 * math.pi * count)
    bounce = _BOUNCE_M * (1 + 0.3 * style[..., 15]) * (0.2 + 0.8 * energy)
    pose[..., index("hips_y")] += -0.010 - bounce * (1 + beat)
    pose[..., index("head_pitch")] += 3.5 * energy * beat
    pose[..., index("spine_lean")] += 2.0 * energy * beat


def _within_reach(pose: Tensor) -> Tensor:
    """Height of the hips [B, T], smoothly kept where both legs reach their feet."""
    hips = hips_m(pose)
    wide = torch.zeros(16, dtype=pose.dtype, device=pose.device)
    # The widest stance that a style can have.
    wide[10] = 3.0
    roll = torch.deg2rad(pose[..., index("hips_roll")])
    limits = [hips[..., 1]]
    for side, ankle in zip((1.0, -1.0), ankles(pose[..., FEET], wide).unbind(-2), strict=True):
        x = hips[..., 0] + side * _SOCKET[0] - ankle[..., 0]
        z = hips[..., 2] + _SOCKET[2] - ankle[..., 2]
        socket = OFFSETS_M[0][1] + _SOCKET[1] + side * _SOCKET[0] * torch.sin(roll)
        limits.append(torch.sqrt(REACH_M**2 - x.square() - z.square()) + ankle[..., 1] - socket)
    return -_SOFT_M * torch.logsumexp(-torch.stack(limits) / _SOFT_M, dim=0)


def _lifted(energy: Tensor) -> Tensor:
    """The share of its height that a step has."""
    return minimum_jerk((energy / 0.12).clamp(0.0, 1.0))


def _travelled(energy: Tensor) -> Tensor:
    """The share of its way that a step has: only feet that lift in full go anywhere."""
    return minimum_jerk(((energy - 0.10) / 0.20).clamp(0.0, 1.0))
