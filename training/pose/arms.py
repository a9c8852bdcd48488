"""The teacher's arms: how they hang, rest, think and speak, as angles that blend.

One arm is nine angles in degrees; the right arm mirrors the left one's signs. Poses blend linearly
in these angles, which are an arm's own degrees of freedom, so a blend of two poses is a pose.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.pose.springs import follow, spring

Angles = tuple[float, float, float, float, float, float, float, float, float]
# Clavicle lift and forward; upper arm down from the T-pose, swung forward, twisted inward; elbow
# bend; forearm turn (negative opens the palm); wrist flexion and sideways tilt.
HANG: Final[Angles] = (-2, 0, 74, 2, 14, 17, 6, 8, 0)
SPEECH_GESTURES: Final[dict[str, Angles]] = {
    "offer": (-2, 2, 66, 18, -8, 64, -70, 10, -6),
    "measure": (2, 1, 65, 14, 25, 86, -26, 0, 10),
    "open": (0, -2, 58, 18, -28, 76, -42, 0, 14),
    "heart": (-2, 0, 46, 7, 18, 117, -59, 50, 7),
    "explain": (-2, 3, 61, 28, 14, 55, -50, 12, 10),
    "raise": (2, -2, 50, 30, 0, 110, -6, -16, 8),
}
CHIN: Final[Angles] = (-2, 4, 65, 40, 36, 136, -66, 14, 20)
SUPPORT: Final[Angles] = (-2, 10, 61, 26, 66, 94, -22, 22, 22)
CLASP_OVER: Final[Angles] = (2, 6, 71, 14, 52, 60, -4, 22, 2)
CLASP_UNDER: Final[Angles] = (2, 6, 72, 6, 51, 60, -4, 22, 2)
ON_HIP: Final[Angles] = (-2, -8, 30, -17, 44, 98, -44, 4, -6)

# Rows: gestures; columns: the three held noise channels that choose. Six directions of a cube.
_CHOICE: Final = torch.cat([torch.eye(3), -torch.eye(3)])


@dataclass(frozen=True, slots=True, eq=False)
class ArmCues:
    """What the arms answer to, [B, T] each unless said otherwise."""

    noise: dict[str, Tensor]
    style: Tensor
    """[B, T, 16], squashed to (-1, 1)."""
    level: Tensor
    accent: Tensor
    breath: Tensor
    listen: Tensor
    think: Tensor
    speak: Tensor
    arousal: Tensor
    sad: Tensor
    tense: Tensor
    """Anger and surprise lift the shoulders."""


def arm_angles(cues: ArmCues, sign: float) -> Tensor:
    """[B, T, 9] in degrees, in `posture.ARM` order, of one arm; sign 1 is the left one."""
    hang = _angle_rows(HANG) + _drift(cues, sign)
    gesturing = gesture_amount(cues, sign)
    pose = hang + _gesture(cues, gesturing, sign)
    for target, amount in (
        (CHIN, _chin(cues, sign)),
        (SUPPORT, 0.9 * _chin(cues, -sign)),
        (
            CLASP_OVER if sign > 0 else CLASP_UNDER,
            _at_rest(cues) * torch.sigmoid(7 * (cues.noise["rest_arms"] - 0.9)),
        ),
        (ON_HIP, _at_rest(cues) * _on_hip(cues, sign)),
    ):
        pose = pose + spring(amount, 1.0)[..., None] * (_angle_rows(target) - pose)
    return pose


def gesture_amount(cues: ArmCues, sign: float) -> Tensor:
    """How far this arm is out of rest to speak, 0 to 1: up with the voice, down after it."""
    talking = torch.sigmoid(12 * (follow(cues.level * cues.speak, 0.12, 0.7) - 0.4))
    hand = cues.noise["hand"] + 0.5 * cues.style[..., 13]
    this_hand = torch.sigmoid(3.0 * (0.45 - sign * hand))
    wish = cues.noise["gesture_size"] + 0.7 + 0.5 * cues.style[..., 12] + 0.8 * cues.arousal
    size = torch.sigmoid(2.5 * wish) * (1 - 0.5 * cues.sad)
    return spring(talking * this_hand * size, 0.6)


def _gesture(cues: ArmCues, amount: Tensor, sign: float) -> Tensor:
    """Offsets [B, T, 9] from rest: a pose from the library and the strokes on accents."""
    names = ("gesture_a", "gesture_b", "gesture_c")
    wishes = torch.stack([cues.noise[name] for name in names], dim=-1)
    choice = torch.softmax(2.5 * wishes @ _CHOICE.T, dim=-1)
    pose = choice @ _angle_rows(*SPEECH_GESTURES.values()) - _angle_rows(HANG)
    stroke = spring(cues.accent, 0.24, damping=0.7) * (0.1 + 1.5 * amount)
    size = 1.0 + 0.3 * cues.arousal + 0.2 * cues.style[..., 8]
    beat = torch.tensor([-1.0, 1.0, 3.0, 6.0, 0.0, -15.0, -8.0, 11.0, 0.0])
    return amount[..., None] * pose + (size * stroke)[..., None] * beat


def _angle_rows(*poses: Angles) -> Tensor:
    """[poses, 9], or what broadcasts to it."""
    return torch.tensor(poses, dtype=torch.float32)


def _drift(cues: ArmCues, sign: float) -> Tensor:
    """Small offsets [B, T, 9] of an arm that just hangs: mood, breath, sway, style."""
    sway = cues.noise["left_arm" if sign > 0 else "right_arm"]
    lift = cues.noise["shoulders"] + 0.8 * cues.breath + 3.0 * cues.tense - 3.0 * cues.sad
    zero = torch.zeros_like(sway)
    spread = 2.5 * cues.style[..., 14]
    offsets = [lift, 4.0 * cues.sad, -spread - 0.8 * sway, 2.2 * sway, 2.0 * sway]
    return torch.stack([*offsets, 4.0 * sway + 1.0 * spread, 3.0 * sway, 1.5 * sway, zero], dim=-1)


def _chin(cues: ArmCues, sign: float) -> Tensor:
    """How far this hand is on its way to the chin."""
    return spring(cues.think * torch.sigmoid(8 * (-sign * cues.noise["think_hand"] - 0.25)), 0.8)


def _at_rest(cues: ArmCues) -> Tensor:
    return (1 - cues.speak - cues.think).clamp(0.0, 1.0)


def _on_hip(cues: ArmCues, sign: float) -> Tensor:
    wish = torch.sigmoid(7 * (-cues.noise["rest_arms"] - 1.1))
    return wish * torch.sigmoid(4 * (0.3 - sign * cues.noise["weight"]))
