"""Legs by two-bone inverse kinematics, and feet that stay where they stand.

The generator never makes leg rotations. It moves the hips and says where each foot is to be: how
far from its place in the stance, how high, how far turned. A foot that is not lifted keeps its
place whatever it is told (`FootLock`), and one that lifts goes where it is told the faster the
higher it is; hip, knee and ankle angles are then those that hold both soles there. Everything is a
few dozen products that export into the graph.

A `feet` tensor is [..., 8]: for the left, then the right foot, the `posture.FOOT` channels x
(outward), z (forward), lift in metres and yaw (outward) in degrees, from the stance.
"""

import math
from typing import Final

import torch
from torch import Tensor

from idol_protocol.skeleton import OFFSETS_M
from training.humanoid.skeleton import about, cross

_SOCKET, _THIGH, _SHIN = OFFSETS_M[14], OFFSETS_M[15], OFFSETS_M[16]
THIGH_M: Final = math.hypot(*_THIGH)
SHIN_M: Final = math.hypot(*_SHIN)
REST_ANKLE_M: Final = tuple(
    sum(at) for at in zip(OFFSETS_M[0], _SOCKET, _THIGH, _SHIN, strict=True)
)
REACH_M: Final = 0.9985 * (THIGH_M + SHIN_M)
"""Short of straight: at full stretch a millimetre of the hips would be degrees at the knee."""
PLANTED_M: Final = 0.006
"""A foot that is told to lift no higher than this stands."""
_FREE_M: Final = 0.02
"""So far above `PLANTED_M` a foot moves as freely as it can."""
_FOLLOW: Final = 0.5
"""The share of the way to its place that a free foot goes in a frame."""
_POINT_DEG_PER_M: Final = 200.0
"""How far the toes of a lifted foot hang down."""


class FootLock:
    """Feet with a memory of where they stand.

    State [..., 6]: x, z and yaw of each foot as offsets from its stance; zeros to begin.
    """

    state_size: Final = 6

    @staticmethod
    def step(feet: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Feet [B, 8] that keep their place while they stand, and the next state [B, 6]."""
        told, held = feet.unflatten(-1, (2, 4)), state.unflatten(-1, (2, 3))
        height = (told[..., 2:3] - PLANTED_M).clamp_min(0.0)
        freedom = _FOLLOW * (height / _FREE_M).clamp_max(1.0)
        wanted = torch.cat([told[..., :2], told[..., 3:]], dim=-1)
        held = held + freedom * (wanted - held)
        kept = torch.cat([held[..., :2], height, held[..., 2:]], dim=-1)
        return kept.flatten(-2), held.flatten(-2)

    @classmethod
    def walk(cls, feet: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The same for [B, T, 8] frame by frame."""
        kept = []
        for told in feet.unbind(1):
            foot, state = cls.step(told, state)
            kept.append(foot)
        return torch.stack(kept, dim=1), state


def stance(style: Tensor) -> tuple[Tensor, Tensor]:
    """Where the feet stand: half the distance between the ankles [..., 1] in metres, and how far
    each toe points outward [..., 1] in degrees.
    """
    width = 0.080 + 0.022 * torch.tanh(style[..., 10:11])
    turn_out = 10.0 + 4.0 * torch.tanh(style[..., 11:12])
    return width, turn_out


def ankles(feet: Tensor, style: Tensor) -> Tensor:
    """Where the ankles are [..., 2, 3], left and right, in metres."""
    width, _ = stance(style)
    x, z, lift, _ = feet.unflatten(-1, (2, 4)).unbind(-1)
    return torch.stack(
        [_sides(feet) * (width + x), REST_ANKLE_M[1] + lift, REST_ANKLE_M[2] + z], dim=-1
    )


def lower_to_reach(hips_m: Tensor, hips: Tensor, feet: Tensor, style: Tensor) -> Tensor:
    """Hips translation [..., 3] with its height limited so that both legs reach their feet."""
    across = _sockets(hips_m, hips) - ankles(feet, style)
    level = across[..., 0].square() + across[..., 2].square()
    limits = torch.sqrt((REACH_M**2 - level).clamp_min(0.01)) - across[..., 1]
    headroom = limits.amin(dim=-1, keepdim=True).clamp_max(0.0)
    return torch.cat([hips_m[..., :1], hips_m[..., 1:2] + headroom, hips_m[..., 2:]], dim=-1)


def leg_rotations(hips_m: Tensor, hips: Tensor, feet: Tensor, style: Tensor) -> Tensor:
    """Local rotations [..., 8, 3, 3] of left upper leg, lower leg, foot, toes, then the right's.

    Args:
        hips_m: [..., 3], as `lower_to_reach` returns it.
        hips: [..., 3, 3], the hips' rotation.
        feet: [..., 8].
        style: [..., 16].
    """
    _, turn_out = stance(style)
    told = feet.unflatten(-1, (2, 4))
    outward = _sides(feet) * (turn_out + told[..., 3])
    foot = about("y", outward) @ about("x", _POINT_DEG_PER_M * told[..., 2])
    knee_way = about("y", 0.8 * outward)[..., :, 2]
    down = ankles(feet, style) - _sockets(hips_m, hips)
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
    inverse = hips.transpose(-1, -2)[..., None, :, :]
    local_lower = upper.transpose(-1, -2) @ lower
    local_foot = lower.transpose(-1, -2) @ foot
    toes = torch.eye(3, dtype=hips.dtype, device=hips.device).expand_as(foot)
    return torch.stack([inverse @ upper, local_lower, local_foot, toes], dim=-3).flatten(-4, -3)


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


def _sockets(hips_m: Tensor, hips: Tensor) -> Tensor:
    """Where the thighs begin [..., 2, 3], left and right."""
    x, y, z = _SOCKET
    at = torch.tensor([[x, y, z], [-x, y, z]], dtype=hips.dtype, device=hips.device)
    pelvis = torch.tensor(OFFSETS_M[0], dtype=hips.dtype, device=hips.device)
    return (hips_m + pelvis)[..., None, :] + at @ hips.transpose(-1, -2)


def _sides(like: Tensor) -> Tensor:
    """[2]: left is towards +X."""
    return torch.tensor([1.0, -1.0], dtype=like.dtype, device=like.device)
