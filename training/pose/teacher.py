"""The procedural performer that the pose generator learns from.

Given the same drivers (noise, breath), voice, activity, emotion and style as the generator, it
answers with a body: arms that hang, breath, weight that rests on one leg and changes it, a lean
towards whoever speaks, a hand near the chin in thought, and while speaking gestures that prepare,
stroke on the voice's accents, hold while it goes on and retract when it ends. Everything is causal
and smoothed by second-order springs, so that it can be learnt frame by frame and cut anywhere.

B clips, T frames; angles in degrees.
"""

from typing import Final

import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from training.pose.arms import ArmCues, arm_rotations
from training.pose.drivers import NOISE_NAMES
from training.pose.legs import lower_to_reach, plant_feet
from training.pose.skeleton import about, yaw_pitch_roll
from training.pose.springs import accents, spring, voice_level

UPPER_BONES: Final = POSE_BONES[:14]
"""What the performer and the generator move; the legs follow."""
_SPINE: Final = {"spine": (0.4, 0.0), "chest": (0.35, 0.35), "upperChest": (0.25, 0.9)}
"""Each bone's share of the torso's bend, and how many degrees a breath straightens it."""


def perform(
    audio: Tensor, activity: Tensor, emotion: Tensor, style: Tensor, signals: Tensor
) -> tuple[Tensor, Tensor]:
    """Local rotations [B, T, 22, 3, 3] and hips translation [B, T, 3].

    Args:
        audio: [B, T, 160], features at the look-ahead.
        activity: [B, T, 4].
        emotion: [B, T, 8].
        style: [B, T, 16].
        signals: [B, T, N + 2] from `Drivers`.
    """
    noise = dict(zip(NOISE_NAMES, signals[..., :-2].unbind(-1), strict=True))
    _, listen, think, speak = spring(activity, 0.7).unbind(-1)
    _, arousal, happy, angry, sad, _, surprised, curious = spring(emotion, 1.0).unbind(-1)
    own = torch.tanh(style)
    level = voice_level(audio)
    accent = accents(level) * speak
    nudge = spring(accent, 0.35)
    breath = signals[..., -2]
    lively = (1.0 + 0.35 * arousal + 0.25 * own[..., 8]).clamp(0.4, 1.6)
    weight = torch.tanh(1.8 * noise["weight"])
    twist = torch.tanh(noise["twist"])

    mood = 5.0 * sad - 2.0 * happy + 2.0 * angry - 3.0 * surprised + 2.5 * curious
    lean = (
        1.5 * own[..., 9] + 3.5 * listen - 3.0 * think + 1.0 * speak + mood + 1.5 * nudge
    ) + 0.9 * noise["sway_front"] * lively
    turn = 2.6 * noise["turn"] + 3.5 * twist + 1.2 * weight
    side = 1.1 * noise["bend"] * lively - 4.6 * weight + 2.0 * curious
    pelvis = (2.0 * twist + 0.8 * noise["turn"] - 2.0 * weight, 0.4 * noise["sway_front"])
    hips = about("y", pelvis[0]) @ about("x", pelvis[1]) @ about("z", 3.6 * weight)
    hips_m = torch.stack(
        [
            0.036 * weight + 0.005 * noise["sway_side"] * lively,
            -0.004 + 0.001 * breath - 0.004 * sad - 0.003 * nudge,
            0.006 * noise["sway_front"] + 0.012 * listen - 0.018 * think - 0.0012 * lean,
        ],
        dim=-1,
    )
    hips_m = lower_to_reach(hips_m, hips, style)

    bones = {"hips": hips} | _spine(lean, turn, side, breath)
    bones |= _level_head(bones, 1.6 * noise["head_side"] + 2.0 * curious)
    bones |= arm_rotations(
        ArmCues(
            noise, own, level, accent, breath, listen, think, speak,
            arousal=arousal, sad=sad, tense=0.6 * angry + surprised,
        )
    )  # fmt: skip
    upper = torch.stack([bones[name] for name in UPPER_BONES], dim=-3)
    return torch.cat([upper, plant_feet(hips_m, hips, style)], dim=-3), hips_m


def _spine(lean: Tensor, turn: Tensor, side: Tensor, breath: Tensor) -> dict[str, Tensor]:
    return {
        bone: about("y", share * turn)
        @ about("x", share * lean - inhale * breath)
        @ about("z", share * side)
        for bone, (share, inhale) in _SPINE.items()
    }


def _level_head(bones: dict[str, Tensor], tilt: Tensor) -> dict[str, Tensor]:
    """Neck and head that take most of the torso's turn and lean back, so that the gaze stays."""
    torso = bones["hips"] @ bones["spine"] @ bones["chest"] @ bones["upperChest"]
    yaw, pitch, roll = yaw_pitch_roll(torso)
    return {
        bone: about("y", -0.8 * share * yaw)
        @ about("x", -0.85 * share * pitch)
        @ about("z", share * (tilt - 0.8 * roll))
        for bone, share in (("neck", 0.4), ("head", 0.6))
    }
