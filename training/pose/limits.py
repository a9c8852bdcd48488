"""How far joints go: anatomical ranges, what lies beyond them, and a loss that keeps inside.

Ranges are those of healthy adults (Kapandji, "The Physiology of the Joints"; AAOS, "Joint Motion",
1965), a little wider, since our bones stand for several joints and captures wear loose markers.
Goniometers read a shoulder or a hip in planes; here the limb's direction is held to a cone and its
own twist to a range. Degrees throughout.
"""

from typing import Final, TypeAlias

import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import quaternion_from_matrix, yaw_pitch_roll

Range: TypeAlias = tuple[float, float]

ANGLES_DEG: Final[dict[str, tuple[Range, Range, Range]]] = {
    "spine": ((-30, 30), (-30, 50), (-25, 25)),
    "chest": ((-30, 30), (-25, 40), (-25, 25)),
    "upperChest": ((-25, 25), (-20, 35), (-20, 20)),
    "neck": ((-50, 50), (-40, 45), (-35, 35)),
    "head": ((-50, 50), (-45, 45), (-35, 35)),
    "leftShoulder": ((-35, 35), (-25, 25), (-20, 50)),
    "leftHand": ((-50, 50), (-30, 30), (-85, 85)),
    "leftFoot": ((-45, 45), (-65, 60), (-40, 40)),
    "leftToes": ((-10, 10), (-60, 50), (-10, 10)),
}
"""Yaw, pitch and roll relative to the parent; the right side mirrors the left."""
HINGES_DEG: Final[dict[str, tuple[str, Range, Range]]] = {
    "leftLowerArm": ("x", (-8, 155), (-100, 100)),
    "leftLowerLeg": ("y", (-10, 155), (-45, 45)),
}
"""The axis a bone lies along, the bend of the joint (negative is hyperextension) and its twist."""
BALLS_DEG: Final[dict[str, tuple[str, tuple[float, float, float], float, Range]]] = {
    "leftUpperArm": ("x", (0.5, -0.3, 0.8), 130, (-120, 120)),
    "leftUpperLeg": ("y", (0.1, -0.8, 0.6), 105, (-65, 65)),
}
"""The axis along the bone, the middle of what its direction reaches, how far from there, twist."""
_ALONG: Final = {"x": (1.0, 0.0, 0.0), "y": (0.0, -1.0, 0.0)}


def excess_deg(local: Tensor) -> Tensor:
    """How far each bone is beyond its range [..., 22], 0 inside; local [..., 22, 3, 3].

    The hips turn with the whole body and have no range.
    """
    return _columns(local, 0.0)


def limit_loss(local: Tensor, margin_deg: float = 3.0) -> Tensor:
    """Mean squared excess over ranges narrowed by a margin, in units of 10 degrees; a scalar."""
    return (_columns(local, margin_deg) / 10).square().mean()


def _columns(local: Tensor, margin: float) -> Tensor:
    turns = local.unbind(-3)
    excess = [_excess(bone, turn, margin) for bone, turn in zip(POSE_BONES, turns, strict=True)]
    return torch.stack(excess, dim=-1)


def _excess(bone: str, turn: Tensor, margin: float) -> Tensor:
    """[...] of one bone."""
    side = -1.0 if bone.startswith("right") else 1.0
    if side < 0:
        bone = "left" + bone.removeprefix("right")
    if bone in ANGLES_DEG:
        yaw, pitch, roll = yaw_pitch_roll(turn)
        return _beyond((side * yaw, pitch, side * roll), ANGLES_DEG[bone], margin)
    if bone in HINGES_DEG:
        axis, bends, twists = HINGES_DEG[bone]
        return _beyond((_bend(turn, axis, side), _twist(turn, axis)), (bends, twists), margin)
    if bone in BALLS_DEG:
        axis, middle, cone, twists = BALLS_DEG[bone]
        away = _away(turn, axis, middle, side)
        return _beyond((away, side * _twist(turn, axis)), ((0, cone), twists), margin)
    return turn.new_zeros(turn.shape[:-2])


def _beyond(angles: tuple[Tensor, ...], ranges: tuple[Range, ...], margin: float) -> Tensor:
    over = [
        torch.maximum(low + (margin if low else 0.0) - angle, angle - high + margin)
        for angle, (low, high) in zip(angles, ranges, strict=True)
    ]
    return torch.stack(over).clamp_min(0.0).amax(dim=0)


def _bend(turn: Tensor, axis: str, side: float) -> Tensor:
    """Of an elbow or a knee, in the plane of its hinge."""
    along = turn @ turn.new_tensor(_ALONG[axis])
    if axis == "x":
        return torch.rad2deg(torch.atan2(side * along[..., 2], along[..., 0]))
    return torch.rad2deg(torch.atan2(-along[..., 2], -along[..., 1]))


def _away(turn: Tensor, axis: str, middle: tuple[float, float, float], side: float) -> Tensor:
    """Angle between a limb's direction and the middle of its reach."""
    mirror = turn.new_tensor([side, 1.0, 1.0])
    along = turn @ (turn.new_tensor(_ALONG[axis]) * (mirror if axis == "x" else 1.0))
    centre = torch.nn.functional.normalize(turn.new_tensor(middle) * mirror, dim=-1)
    # The slope of the arc cosine is infinite at 1.
    return torch.rad2deg(torch.acos((along @ centre).clamp(-0.9999, 0.9999)))


def _twist(turn: Tensor, axis: str) -> Tensor:
    """Rotation about the bone's own axis, by the swing-twist decomposition."""
    quaternion = quaternion_from_matrix(turn)
    about = quaternion[..., 0 if axis == "x" else 1]
    return torch.rad2deg(2 * torch.atan2(about, quaternion[..., 3]))
