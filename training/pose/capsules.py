"""Bodies do not pass through themselves: limbs as capsules and how deep they overlap.

Arms against trunk, head and thighs, and arm against arm. Radii are a slender adult's, a little
small, so that touching (a clap, a hand on the hip, clasped hands) is no overlap. Metres.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M


class Capsule(NamedTuple):
    """A segment in the frame of a bone, between two points, with a radius."""

    bone: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius_m: float


_TRUNK: Final = (
    Capsule("hips", (-0.04, 0.0, 0.0), (0.04, 0.0, 0.0), 0.085),
    Capsule("spine", (0.0, 0.0, 0.0), (0.0, 0.095, 0.0), 0.085),
    Capsule("chest", (0.0, 0.0, 0.0), (0.0, 0.14, 0.0), 0.09),
    Capsule("head", (0.0, 0.07, 0.015), (0.0, 0.10, 0.015), 0.09),
)
_THIGHS: Final = tuple(
    Capsule(f"{side}UpperLeg", (0.0, -0.05, 0.0), (0.0, -0.38, 0.0), 0.055)
    for side in ("left", "right")
)


def _arm(side: str, sign: float) -> tuple[Capsule, ...]:
    elbow = OFFSETS_M[POSE_BONES.index(f"{side}LowerArm")]
    return (
        Capsule(f"{side}UpperArm", (sign * 0.06, 0, 0), elbow, 0.035),
        Capsule(f"{side}LowerArm", (0.0, 0.0, 0.0), (sign * 0.2, 0, 0), 0.025),
        Capsule(f"{side}Hand", (sign * 0.02, 0.0, 0.0), (sign * 0.11, 0, 0), 0.018),
    )


_LEFT, _RIGHT = _arm("left", 1.0), _arm("right", -1.0)
_PAIRS: Final[tuple[tuple[Capsule, Capsule], ...]] = (
    *((limb, body) for arm in (_LEFT, _RIGHT) for limb in arm[1:] for body in (*_TRUNK, *_THIGHS)),
    *((left, right) for left in _LEFT[1:] for right in _RIGHT[1:]),
    *((_LEFT[0], _TRUNK[3]), (_RIGHT[0], _TRUNK[3])),
)
PAIRS: Final = tuple((limb.bone, other.bone) for limb, other in _PAIRS)
"""Names of the bones of each pair that is looked at."""


def depth_m(joints: Tensor, world: Tensor) -> Tensor:
    """How deep each of `PAIRS` overlaps [..., pairs], 0 when apart.

    Args:
        joints: [..., 22, 3] of `forward_kinematics`.
        world: [..., 22, 3, 3] of it.
    """
    limbs, others = zip(*_PAIRS, strict=True)
    first, second = _segments(limbs, joints, world), _segments(others, joints, world)
    radii = joints.new_tensor([a.radius_m + b.radius_m for a, b in _PAIRS])
    return (radii - segment_distance(*first, *second)).clamp_min(0.0)


def penetration_loss(joints: Tensor, world: Tensor) -> Tensor:
    """Mean over frames of the summed squared overlap, in centimetres; a scalar."""
    return (100 * depth_m(joints, world)).square().sum(dim=-1).mean()


def segment_distance(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Least distance [...] between segments ab and cd, points [..., 3].

    Source: Ericson, "Real-Time Collision Detection" (2005), section 5.1.9.
    """
    ab, cd, ca = b - a, d - c, a - c
    ab_ab = (ab * ab).sum(-1).clamp_min(1e-9)
    cd_cd = (cd * cd).sum(-1).clamp_min(1e-9)
    ab_cd, ab_ca, cd_ca = (ab * cd).sum(-1), (ab * ca).sum(-1), (cd * ca).sum(-1)
    # Parallel segments have many nearest points; any of them will do.
    spread = (ab_ab * cd_cd - ab_cd.square()).clamp_min(1e-9)
    s = ((ab_cd * cd_ca - ab_ca * cd_cd) / spread).clamp(0.0, 1.0)
    t = ((ab_cd * s + cd_ca) / cd_cd).clamp(0.0, 1.0)
    s = ((ab_cd * t - ab_ca) / ab_ab).clamp(0.0, 1.0)
    apart = ca + s[..., None] * ab - t[..., None] * cd
    return (apart.square().sum(-1) + 1e-9).sqrt()


def _segments(
    capsules: tuple[Capsule, ...], joints: Tensor, world: Tensor
) -> tuple[Tensor, Tensor]:
    """Both ends [..., pairs, 3] of the capsules' middle lines."""
    index = torch.tensor([POSE_BONES.index(each.bone) for each in capsules], device=joints.device)
    at, turn = joints.index_select(-2, index), world.index_select(-3, index)
    start = joints.new_tensor([each.start for each in capsules])
    end = joints.new_tensor([each.end for each in capsules])
    return at + (turn @ start[..., None])[..., 0], at + (turn @ end[..., None])[..., 0]
