"""A body as numbers that blend: the degrees of freedom the teacher thinks in.

38 channels. Linear blends of two postures are postures, which holds for joint angles and not for
matrices or quaternions; `posture_rotations` turns the upper body into the rotations the generator
learns. Angles in degrees, lengths in metres. Everything broadcasts over the leading axes.
"""

from typing import Final

import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import about, yaw_pitch_roll

ARM: Final = ("lift", "forward", "down", "swing", "twist", "bend", "turn", "wrist", "tilt")
"""Clavicle lift and forward; upper arm down from the T-pose, swung forward, twisted inward; elbow
bend; forearm turn (negative opens the palm); wrist flexion and sideways tilt. The right arm
mirrors the left one's signs, so equal numbers are mirrored poses."""
FOOT: Final = ("x", "z", "lift", "yaw")
"""Where the ankle is to stand, from the stance that the style code gives: outward to the
character's own side of that foot (so that equal numbers are mirrored), forward, off the floor; and
how much further the toes point outward."""
CHANNELS: Final[tuple[str, ...]] = (
    *(f"left_{name}" for name in ARM),
    *(f"right_{name}" for name in ARM),
    *("spine_lean", "spine_turn", "spine_side"),
    *("hips_yaw", "hips_pitch", "hips_roll"),
    *("hips_x", "hips_y", "hips_z"),
    *("head_yaw", "head_pitch", "head_roll"),
    *(f"left_foot_{name}" for name in FOOT),
    *(f"right_foot_{name}" for name in FOOT),
)
"""`spine_lean` > 0 bends forward, `spine_turn` > 0 turns to the left, `spine_side` > 0 bends to
the right; `head_*` come on top of what keeps the head level (see `level_head`): pitch > 0 looks
down, yaw > 0 turns to the left, roll > 0 tilts to the right. `hips_*` in metres from rest, +X is
the character's left, +Z its front."""
SIZE: Final = len(CHANNELS)
LEFT_ARM: Final = slice(0, 9)
RIGHT_ARM: Final = slice(9, 18)
FEET: Final = slice(30, 38)
UPPER_BONES: Final = POSE_BONES[:14]
"""What a posture turns directly; the legs follow the hips and the feet."""
_SPINE: Final = {"spine": 0.4, "chest": 0.35, "upperChest": 0.25}
"""Each bone's share of the torso's bend."""
_INHALE: Final = {"spine": 0.0, "chest": 0.35, "upperChest": 0.9}
"""How many degrees a full breath straightens each."""


def index(name: str) -> int:
    return CHANNELS.index(name)


def posture(**values: float) -> Tensor:
    """[38], zero where nothing is said; `left_*` and `right_*` for arms and feet.

    Raises:
        ValueError: there is no such channel.
    """
    row = torch.zeros(SIZE)
    for name, value in values.items():
        row[index(name)] = value
    return row


def mirrored(row: Tensor) -> Tensor:
    """The posture [..., 38] seen in a mirror: left and right exchanged."""
    return row[..., _MIRROR] * _MIRROR_SIGN


def posture_rotations(pose: Tensor, breath: Tensor | float = 0.0) -> Tensor:
    """Local rotations [..., 14, 3, 3] of `UPPER_BONES` for postures [..., 38].

    Args:
        pose: postures.
        breath: [...], 1 at full inhalation.
    """
    bones = {"hips": _turned(pose, "hips_yaw", "hips_pitch", "hips_roll")}
    for bone, share in _SPINE.items():
        bones[bone] = (
            about("y", share * pose[..., index("spine_turn")])
            @ about("x", share * pose[..., index("spine_lean")] - _INHALE[bone] * breath)
            @ about("z", share * pose[..., index("spine_side")])
        )
    bones |= level_head(bones, pose)
    for side, sign, part in (("left", 1.0, LEFT_ARM), ("right", -1.0, RIGHT_ARM)):
        lift, forward, down, swing, twist, bend, turn, wrist, tilt = pose[..., part].unbind(-1)
        bones[f"{side}Shoulder"] = about("z", sign * lift) @ about("y", -sign * forward)
        bones[f"{side}UpperArm"] = about("x", -swing) @ about("z", -sign * down) @ about("x", twist)
        bones[f"{side}LowerArm"] = about("y", -sign * bend) @ about("x", turn)
        bones[f"{side}Hand"] = about("z", -sign * wrist) @ about("y", -sign * tilt)
    return torch.stack([bones[name] for name in UPPER_BONES], dim=-3)


def level_head(bones: dict[str, Tensor], pose: Tensor) -> dict[str, Tensor]:
    """Neck and head that take most of the torso's turn and lean back, so that the gaze stays."""
    torso = bones["hips"] @ bones["spine"] @ bones["chest"] @ bones["upperChest"]
    yaw, pitch, roll = yaw_pitch_roll(torso)
    turn = pose[..., index("head_yaw")] - 0.8 * yaw
    nod = pose[..., index("head_pitch")] - 0.85 * pitch
    tilt = pose[..., index("head_roll")] - 0.8 * roll
    return {
        bone: about("y", share * turn) @ about("x", share * nod) @ about("z", share * tilt)
        for bone, share in (("neck", 0.4), ("head", 0.6))
    }


def hips_m(pose: Tensor) -> Tensor:
    """Translation of the hips [..., 3] from rest."""
    return pose[..., index("hips_x") : index("hips_z") + 1]


def _turned(pose: Tensor, yaw: str, pitch: str, roll: str) -> Tensor:
    return (
        about("y", pose[..., index(yaw)])
        @ about("x", pose[..., index(pitch)])
        @ about("z", pose[..., index(roll)])
    )


def _mirror() -> tuple[list[int], Tensor]:
    order, sign = [], torch.ones(SIZE)
    for at, name in enumerate(CHANNELS):
        side, _, rest = name.partition("_")
        other = {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)
        order.append(index(other))
        if name in (
            "spine_turn",
            "spine_side",
            "hips_yaw",
            "hips_roll",
            "hips_x",
            "head_yaw",
            "head_roll",
        ):
            sign[at] = -1.0
    return order, sign


_MIRROR, _MIRROR_SIGN = _mirror()
