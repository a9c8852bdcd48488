"""Feet that stand: the legs follow from the hips by two-bone inverse kinematics.

The generator never outputs leg rotations. It moves the hips; hip, knee and ankle angles are then
the ones that keep both soles where the style code places them. Planted feet cannot slide, and the
whole is a few dozen products that export into the graph.
"""

import math
from typing import Final

import torch
from torch import Tensor

from training.pose.skeleton import OFFSETS_M, about, cross

_SOCKET, _THIGH, _SHIN = OFFSETS_M[14], OFFSETS_M[15], OFFSETS_M[16]
THIGH_M: Final = math.hypot(*_THIGH)
SHIN_M: Final = math.hypot(*_SHIN)
REST_ANKLE_M: Final = tuple(
    sum(at) for at in zip(OFFSETS_M[0], _SOCKET, _THIGH, _SHIN, strict=True)
)
REACH_M: Final = 0.9985 * (THIGH_M + SHIN_M)
"""Short of straight: at full stretch a millimetre of the hips would be degrees at the knee."""


def stance(style: Tensor) -> tuple[Tensor, Tensor]:
    """Where the feet stand: half the distance between the ankles [..., 1] in metres, and how far
    each toe points outward [..., 1] in degrees.
    """
    width = 0.080 + 0.022 * torch.tanh(style[..., 10:11])
    turn_out = 10.0 + 4.0 * torch.tanh(style[..., 11:12])
    return width, turn_out


def lower_to_reach(hips_m: Tensor, hips: Tensor, style: Tensor) -> Tensor:
    """Hips translation [..., 3] with its height limited so that both legs reach the floor."""
    limits = []
    for side in (1.0, -1.0):
        socket, ankle = _socket(hips_m, hips, side), _ankle(style, side)
        across = socket - ankle
        level = across[..., 0:1].square() + across[..., 2:3].square()
        limits.append(torch.sqrt((REACH_M**2 - level).clamp_min(0.01)) - across[..., 1:2])
    headroom = torch.minimum(limits[0], limits[1]).clamp_max(0.0)
    return torch.cat([hips_m[..., :1], hips_m[..., 1:2] + headroom, hips_m[..., 2:]], dim=-1)


def plant_feet(hips_m: Tensor, hips: Tensor, style: Tensor) -> Tensor:
    """Local rotations [..., 8, 3, 3] of left upper leg, lower leg, foot, toes, then the right's.

    Args:
        hips_m: [..., 3], as `lower_to_reach` returns it.
        hips: [..., 3, 3], the hips' rotation.
        style: [..., 16].
    """
    return torch.cat([_leg(hips_m, hips, style, side) for side in (1.0, -1.0)], dim=-3)


def _leg(hips_m: Tensor, hips: Tensor, style: Tensor, side: float) -> Tensor:
    _, turn_out = stance(style)
    foot = about("y", side * turn_out[..., 0])
    knee_way = about("y", side * 0.8 * turn_out[..., 0])[..., :, 2]
    down = _ankle(style, side) - _socket(hips_m, hips, side)
    reach = down.norm(dim=-1, keepdim=True)
    down = down / reach
    side_way = cross(knee_way, down)
    side_way = side_way / side_way.norm(dim=-1, keepdim=True)
    front = cross(down, side_way)
    # Law of cosines: the thigh leaves the hip-ankle line by this angle, towards the knee's front.
    cosine = ((THIGH_M**2 + reach**2 - SHIN_M**2) / (2 * THIGH_M * reach)).clamp(-1.0, 1.0)
    sine = torch.sqrt((1 - cosine.square()).clamp_min(1e-9))
    thigh = cosine * down + sine * front
    shin = (reach * down - THIGH_M * thigh) / SHIN_M
    upper = _frame(thigh, side_way) @ _rest(_THIGH, hips)
    lower = _frame(shin, side_way) @ _rest(_SHIN, hips)
    inverse = hips.transpose(-1, -2)
    local_lower = upper.transpose(-1, -2) @ lower
    local_foot = lower.transpose(-1, -2) @ foot
    toes = torch.eye(3, dtype=hips.dtype, device=hips.device).expand_as(hips)
    return torch.stack([inverse @ upper, local_lower, local_foot, toes], dim=-3)


def _frame(along: Tensor, side_way: Tensor) -> Tensor:
    """The rotation whose -Y points `along` the bone and whose X is the knee's hinge."""
    up = -along
    return torch.stack([side_way, up, cross(side_way, up)], dim=-1)


def _rest(bone: tuple[float, float, float], like: Tensor) -> Tensor:
    """Turns a bone's own rest direction onto -Y, about the hinge."""
    length = math.hypot(*bone)
    cosine, sine = -bone[1] / length, -bone[2] / length
    turn = [[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]]
    return torch.tensor(turn, dtype=like.dtype, device=like.device)


def _socket(hips_m: Tensor, hips: Tensor, side: float) -> Tensor:
    at = torch.tensor(_SOCKET, dtype=hips.dtype, device=hips.device)
    sign = torch.tensor([side, 1.0, 1.0], dtype=hips.dtype, device=hips.device)
    pelvis = torch.tensor(OFFSETS_M[0], dtype=hips.dtype, device=hips.device)
    return hips_m + pelvis + hips @ (at * sign)


def _ankle(style: Tensor, side: float) -> Tensor:
    width, _ = stance(style)
    height = torch.full_like(width, REST_ANKLE_M[1])
    return torch.cat([side * width, height, torch.full_like(width, REST_ANKLE_M[2])], dim=-1)
