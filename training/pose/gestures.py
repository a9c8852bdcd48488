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

from training.pose.gesture_poses import ARMS
from training.pose.gesture_times import STROKE_PHASE
from training.pose.posture import LEFT_ARM, RIGHT_ARM, SIZE, index
from training.pose.springs import minimum_jerk

_CLAP: Final = 0.11
"""From one clap to the next: four a second."""


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

    @property
    def reach(self) -> Tensor:
        """[B, T] in (0, 1]: how much of the way a pose is gone that need not touch anything."""
        return (0.7 + 0.3 * self.size).clamp_max(1.0)


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


def envelope(
    phase: Tensor, prepared: float, retracts: float, start: float = 0.0, end: float = 1.0
) -> Tensor:
    """[...]: from 0 at `start` to 1 at `prepared`, and from `retracts` on back to 0 at `end`."""
    up = minimum_jerk(((phase - start) / (prepared - start)).clamp(0.0, 1.0))
    left = minimum_jerk(((end - phase) / (end - retracts)).clamp(0.0, 1.0))
    return (up * left).clamp(0.0, 1.0)


def bump(phase: Tensor, start: float, peak: float, end: float) -> Tensor:
    """[...]: from 0 to 1 and back by two minimum-jerk moves."""
    return envelope(phase, peak, peak, start, end)


def swings(phase: Tensor, window: Tensor, peak: float, cycles: Tensor | float) -> Tensor:
    """[...]: a swing within a window, so many times a whole gesture, that peaks at a phase."""
    return window * torch.cos(2 * math.pi * cycles * (phase - peak))


def _wave(cast: _Cast) -> None:
    raised = envelope(cast.phase, 0.32, 0.72)
    shaken = envelope(cast.phase, 0.32, 0.70, 0.20, 0.88)
    swing = swings(cast.phase, shaken, STROKE_PHASE["wave"], 5.4 - 0.6 * cast.variant)
    out = 0.5 + 0.5 * swing * (0.4 + 0.6 * cast.size).clamp_max(1.0)
    cast.one_arm("wave out", raised * out * cast.reach)
    cast.one_arm("wave in", raised * (1 - out) * cast.reach)
    cast.swing("down", -9 * cast.variant * raised)
    cast.swing("bend", 22 * (bump(cast.phase, 0.0, 0.15, 0.32) + bump(cast.phase, 0.72, 0.87, 1.0)))
    cast.add("head_roll", -4 * cast.towards * raised)
    cast.add("spine_side", (1.2 * swing - 2) * cast.towards * raised)


def _bow(cast: _Cast) -> None:
    down = envelope(cast.phase, 0.40, 0.56)
    cast.both_arms("thigh", 0.9 * envelope(cast.phase, 0.32, 0.66))
    cast.add("spine_lean", 16 * down)
    cast.add("hips_pitch", 26 * down)
    cast.add("hips_z", -0.08 * down)
    cast.add("hips_y", -0.012 * down)
    for side in ("left", "right"):
        # Arms hang from the shoulders, not along the back.
        cast.add(f"{side}_swing", 38 * down)
    # The head keeps level by itself; in a bow it goes down with the back.
    cast.add("head_pitch", (38 + 4 * cast.variant) * down)


def _point(cast: _Cast) -> None:
    out = envelope(cast.phase, 0.33, 0.66) * cast.reach
    cast.one_arm("point", out)
    cast.swing("swing", 8 * cast.variant * out)
    # The elbow opens last, with a short thrust, and closes first.
    cast.swing("bend", 28 * bump(cast.phase, 0.0, 0.17, 0.34))
    cast.swing("bend", 22 * bump(cast.phase, 0.66, 0.82, 1.0))
    cast.swing("bend", -10 * bump(cast.phase, 0.26, STROKE_PHASE["point"], 0.52))
    gaze = envelope(cast.phase, 0.26, 0.70)
    cast.add("head_yaw", (30 - 6 * cast.variant) * cast.towards * gaze)
    cast.add("spine_turn", 7 * cast.towards * gaze)


def _shrug(cast: _Cast) -> None:
    out = envelope(cast.phase, 0.38, 0.58)
    cast.both_arms("shrug", out * cast.reach)
    for side in ("left", "right"):
        cast.add(f"{side}_lift", 20 * out)
    cast.add("head_roll", (9 + 3 * cast.variant) * cast.towards * out)
    cast.add("head_pitch", -3 * out)
    cast.add("spine_lean", -2 * out)


def _cheer(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.33, 0.70)
    cast.both_arms("vee", up * cast.reach)
    hop = swings(
        cast.phase, envelope(cast.phase, 0.36, 0.66, 0.20, 0.88), STROKE_PHASE["cheer"], 5.0
    )
    # Knees bend before the jump and between the hops; feet stay on the floor.
    cast.add("hips_y", -0.018 * envelope(cast.phase, 0.20, 0.86) + 0.016 * hop)
    for side in ("left", "right"):
        cast.add(f"{side}_bend", -8 * hop)
        cast.add(f"{side}_swing", 6 * hop)
        # Hands go up along the body, not out like wings.
        on_the_way = bump(cast.phase, 0.0, 0.16, 0.33) + bump(cast.phase, 0.70, 0.85, 1.0)
        cast.add(f"{side}_bend", 40 * on_the_way)
        cast.add(f"{side}_swing", 14 * on_the_way)
    cast.add("spine_lean", -4 * up)
    cast.add("head_pitch", -6 * up)
    cast.add("head_roll", 4 * cast.variant * cast.towards * up)


def _heart(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.37, 0.68)
    cast.both_arms("heart", up)
    for side in ("left", "right"):
        cast.add(f"{side}_bend", 25 * bump(cast.phase, 0.0, 0.18, 0.36))
        cast.add(f"{side}_bend", 25 * bump(cast.phase, 0.70, 0.85, 1.0))
    sway = swings(cast.phase, bump(cast.phase, 0.24, 0.56, 0.90), 0.50, 2.4) * cast.towards
    cast.add("spine_side", 4 * sway)
    cast.add("hips_x", -0.014 * sway)
    cast.add("head_roll", (3 + 3 * cast.variant) * cast.towards * up)


def _clap(cast: _Cast) -> None:
    raised = envelope(cast.phase, 0.28, 0.78)
    turn = 2 * math.pi * (cast.phase - STROKE_PHASE["clap"]) / _CLAP
    meeting = (0.5 + 0.5 * torch.cos(turn)) ** 1.5
    # The first and the last time hands are on their way.
    apart = 1 - meeting * envelope(cast.phase, 0.33, 0.80, 0.24)
    cast.both_arms("clap", raised * (1 - apart))
    cast.both_arms("clap open", raised * apart)
    for side in ("left", "right"):
        cast.add(f"{side}_swing", 4 * cast.variant * raised)
    cast.add("spine_lean", 2 * raised)
    cast.add("head_pitch", 2 * raised * meeting)
    cast.add("head_roll", (3 + 3 * cast.variant) * cast.towards * raised)


def _think(cast: _Cast) -> None:
    up = envelope(cast.phase, 0.36, 0.72)
    cast.one_arm("chin", up)
    cast.arms("support", up * (1 - cast.left), up * cast.left)
    # Eyes go up and away, to the side of the arm that supports.
    away = envelope(cast.phase, 0.40, 0.70)
    cast.add("head_pitch", -8 * away)
    cast.add("head_yaw", -(10 + 5 * cast.variant) * cast.towards * away)
    cast.add("head_roll", 5 * cast.towards * away)


def _nod(cast: _Cast) -> None:
    first = bump(cast.phase, 0.06, STROKE_PHASE["nod"], 0.54)
    again = bump(cast.phase, 0.46, 0.66, 0.96)
    rise = bump(cast.phase, 0.0, 0.09, 0.30)
    cast.add("head_pitch", 15 * first + (9 + 3 * cast.variant) * again - 3 * rise)
    cast.add("spine_lean", 2.0 * first + 1.0 * again)


def _shake(cast: _Cast) -> None:
    turn = shaken_head_deg(cast.phase) * cast.towards
    cast.add("head_yaw", turn)
    cast.add("spine_turn", 0.12 * turn)
    cast.add("head_pitch", 3 * envelope(cast.phase, 0.3, 0.6))


def shaken_head_deg(phase: Tensor) -> Tensor:
    """[...]: how far a shaken head is turned, first to one side: 17 degrees at most."""
    window = envelope(phase, 0.28, 0.56, 0.02, 0.98)
    return 17 * swings(phase, window, STROKE_PHASE["shake"], 2.8)


def chosen_hand(held: Tensor, handedness: Tensor) -> Tensor:
    """[...]: > 0 for the right hand, from what `Drivers` hold and the style's handedness."""
    return held + 0.8 * torch.tanh(handedness) + 0.4


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
