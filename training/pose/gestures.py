"""The teacher's gestures: prepare, stroke, hold, retract, as functions of their phase.

Kendon 2004, "Gesture: Visible Action as Utterance", names the phases. Arms leave and come back by
minimum-jerk moves; what repeats (waving, clapping, nodding) swings inside a smooth window. Nothing
here depends on time but through the phase, so a gesture can be cut anywhere.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from training.pose.gesture_arms import ARMS
from training.pose.posture import LEFT_ARM, RIGHT_ARM, SIZE, index
from training.pose.springs import minimum_jerk


@dataclass(frozen=True, slots=True, eq=False)
class GestureMotion:
    """What a gesture does to a body: `pose + cover * (posture - pose) + offset`."""

    posture: Tensor
    """[B, T, 38], where the covered channels go."""
    cover: Tensor
    """[B, T, 38] in [0, 1]; 0 at phase 0 and at phase 1."""
    offset: Tensor
    """[B, T, 38], added on top; 0 at phase 0 and at phase 1."""


@dataclass(frozen=True, slots=True, eq=False)
class _Cast:
    """Who performs, and the sheet that is written on; [B, T] each."""

    phase: Tensor
    left: Tensor
    """1 where the left hand does one-handed gestures, else 0."""
    size: Tensor
    variant: Tensor
    motion: GestureMotion

    def arms(self, pose: str, left: Tensor, right: Tensor) -> None:
        """Takes the arms over by these shares [B, T]."""
        angles = torch.tensor(ARMS[pose], dtype=self.phase.dtype, device=self.phase.device)
        for part, share in ((LEFT_ARM, left), (RIGHT_ARM, right)):
            taken = self.motion.cover[..., part]
            whole = taken + share[..., None]
            # Two poses on one arm share it.
            mixed = self.motion.posture[..., part] * taken + angles * share[..., None]
            self.motion.posture[..., part] = mixed / whole.clamp_min(1e-6)
            self.motion.cover[..., part] = whole.clamp_max(1.0)

    def one_arm(self, pose: str, share: Tensor) -> None:
        self.arms(pose, share * self.left, share * (1 - self.left))

    def both_arms(self, pose: str, share: Tensor) -> None:
        self.arms(pose, share, share)

    def swing(self, channel: str, curve: Tensor) -> None:
        """Adds to the channel of the arm that performs."""
        for side, share in (("left", self.left), ("right", 1 - self.left)):
            self.add(f"{side}_{channel}", share * curve)

    def add(self, channel: str, curve: Tensor) -> None:
        self.motion.offset[..., index(channel)] += self.size * curve

    @property
    def towards(self) -> Tensor:
        """1 to the left, -1 to the right: the side of the hand that performs."""
        return 2 * self.left - 1


def gesture_motion(
    name: str, phase: Tensor, *, hand: Tensor, size: Tensor, variant: Tensor
) -> GestureMotion:
    """A gesture at its phases.

    Args:
        name: One of `GESTURES`.
        phase: [B, T] in [0, 1].
        hand: [B, T]; > 0 uses the right hand, < 0 the left, where one is enough.
        size: [B, T], about 0.6 to 1.4.
        variant: [B, T] in [-1, 1], changes the form a little.
    """
    blank = [phase.new_zeros(*phase.shape, SIZE) for _ in range(3)]
    left = 0.5 - 0.5 * torch.tanh(20 * hand)
    cast = _Cast(phase, left, size, variant, GestureMotion(*blank))
    _PERFORM[name](cast)
    return cast.motion


def envelope(phase: Tensor, prepared: float, retracts: float) -> Tensor:
    """[...]: from 0 to 1 until `prepared`, and back to 0 from `retracts` on."""
    up = minimum_jerk((phase / prepared).clamp(0.0, 1.0))
    down = minimum_jerk(((phase - retracts) / (1 - retracts)).clamp(0.0, 1.0))
    return up * (1 - down)


def swings(phase: Tensor, start: float, end: float, times: float) -> Tensor:
    """[...]: a sine that swings so many times between two phases and fades in and out there."""
    share = ((phase - start) / (end - start)).clamp(0.0, 1.0)
    return envelope(share, 0.3, 0.7) * torch.sin(2 * math.pi * times * share)


def _wave(cast: _Cast) -> None:
    raised = envelope(cast.phase, 0.30, 0.70)
    cast.one_arm("wave", raised * (1 - 0.25 * cast.variant.clamp_min(0)))
    cast.one_arm("vee", raised * 0.25 * cast.variant.clamp_min(0))
    swing = swings(cast.phase, 0.24, 0.78, 3.5)
    cast.swing("twist", -16 * swing)
    cast.swing("turn", 10 * swing)
    cast.swing("tilt", 8 * swing)
    cast.add("head_roll", -4 * cast.towards * raised)
    cast.add("spine_side", -2 * cast.towards * raised)


def _bow(cast: _Cast) -> None:
    down = envelope(cast.phase, 0.40, 0.56)
    cast.both_arms("thigh", 0.9 * envelope(cast.phase, 0.30, 0.66))
    cast.add("spine_lean", 30 * down)
    cast.add("hips_pitch", 14 * down)
    cast.add("hips_z", -0.06 * down)
    cast.add("hips_y", -0.012 * down)
    for side in ("left", "right"):
        # Arms hang from the shoulders, not along the back.
        cast.add(f"{side}_swing", 36 * down)
    # The head keeps level by itself; in a bow it goes down with the back.
    cast.add("head_pitch", 40 * down)


def _point(cast: _Cast) -> None:
    out = envelope(cast.phase, 0.32, 0.66)
    cast.one_arm("point", out)
    cast.swing("swing", 8 * cast.variant * out)
    # A short thrust at the stroke.
    cast.swing("bend", -8 * swings(cast.phase, 0.26, 0.50, 0.5))
    cast.add("head_yaw", 20 * cast.towards * out)
    cast.add("spine_turn", 6 * cast.towards * out)


def _shrug(cast: _Cast) -> None:
    out = envelope(cast.phase, 0.38, 0.58)
    cast.both_arms("shrug", 0.9 * out)
    for side in ("left", "right"):
        cast.add(f"{side}_lift", 24 * out)
    cast.add("head_roll", 7 * torch.tanh(4 * cast.variant) * out)
    cast.add("head_pitch", -3 * out)
    cast.add("spine_lean", -2 * out)


def _cheer(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.32, 0.70)
    cast.both_arms("vee", up)
    hop = swings(cast.phase, 0.30, 0.80, 3.0)
    cast.add("hips_y", -0.012 * envelope(cast.phase, 0.14, 0.90) - 0.012 * hop)
    for side in ("left", "right"):
        cast.add(f"{side}_swing", 7 * hop)
        cast.add(f"{side}_bend", -6 * hop)
    cast.add("spine_lean", -5 * up)
    cast.add("head_pitch", -6 * up)


def _heart(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.36, 0.68)
    cast.both_arms("heart", up)
    sway = swings(cast.phase, 0.30, 0.76, 1.0)
    cast.add("spine_side", 5 * sway)
    cast.add("hips_x", -0.015 * sway)
    cast.add("head_roll", 4 * up * cast.variant)


def _clap(cast: _Cast) -> None:
    raised = envelope(cast.phase, 0.28, 0.76)
    share = ((cast.phase - 0.22) / 0.56).clamp(0.0, 1.0)
    apart = 0.28 * (0.5 - 0.5 * torch.cos(2 * math.pi * 5 * share + math.pi))
    cast.both_arms("clap", raised * (1 - apart))
    cast.both_arms("guard", raised * apart)
    cast.add("spine_lean", 2 * raised)
    cast.add("head_roll", 3 * cast.variant * raised)


def _think(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.34, 0.72)
    cast.one_arm("chin", up)
    cast.arms("support", 0.95 * up * (1 - cast.left), 0.95 * up * cast.left)
    cast.add("head_pitch", -6 * up)
    cast.add("head_yaw", 8 * cast.variant * up)
    cast.add("head_roll", 4 * cast.towards * up)


def _nod(cast: _Cast) -> None:
    nods = swings(cast.phase, 0.04, 0.96, 2.0)
    cast.add("head_pitch", 10 * nods + 4 * envelope(cast.phase, 0.3, 0.6))
    cast.add("spine_lean", 1.2 * envelope(cast.phase, 0.3, 0.6))


def _shake(cast: _Cast) -> None:
    first = torch.where(cast.variant < 0, -1.0, 1.0)
    cast.add("head_yaw", 16 * first * swings(cast.phase, 0.04, 0.96, 2.0))
    cast.add("head_pitch", 3 * envelope(cast.phase, 0.3, 0.6))


_PERFORM: Final[dict[str, Callable[[_Cast], None]]] = {
    "wave": _wave,
    "bow": _bow,
    "point": _point,
    "shrug": _shrug,
    "cheer": _cheer,
    "heart": _heart,
    "clap": _clap,
    "think": _think,
    "nod": _nod,
    "shake": _shake,
}
