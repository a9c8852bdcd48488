"""The procedural performer that the pose generator learns from.

Given the same signals (`Drivers`), voice, activity, emotion, gestures, beat and style as the
generator, it answers with a body. Layer by layer, each a posture (`training.pose.posture`):
    standing   breath, weight on one leg and its changes, small steps, sway, a lean towards whoever
               speaks, arms that hang, rest on the hip, think or speak with their hands
    gestures   what was asked for by name, over whatever the body does
    dance      the whole body on the eight-count
Everything is causal and smoothed by second-order springs, so that it can be learnt frame by frame
and cut anywhere. B clips, T frames; angles in degrees.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from idol_protocol.channels import EMOTIONS, GESTURES
from training.pose.arms import ArmCues, arm_angles, gesture_amount
from training.pose.conditions import PoseConditions
from training.pose.dance import dance_posture
from training.pose.drivers import BITS, SIGNALS, STEP_M, move_weights
from training.pose.gestures import chosen_hand, gesture_motion
from training.pose.posture import FEET, LEFT_ARM, RIGHT_ARM, hips_m, index, posture_rotations
from training.pose.springs import accents, spring, voice_level

_TREMOR_M: Final = 0.0006
_TREMOR_DEG: Final = 0.25
_EFFORT: Final = 6.0
"""How many times larger an arm's tremor is while it gestures."""
_ARMS: Final = slice(LEFT_ARM.start, RIGHT_ARM.stop)
_STEP_DEG: Final = 5.0
"""How far a foot turns when the weight changes and the stance with it."""


class Performance(NamedTuple):
    """What the teacher does: local rotations of the upper bones, hips and feet."""

    upper: Tensor
    """[B, T, 14, 3, 3]"""
    hips_m: Tensor
    """[B, T, 3], not yet lowered to where the legs reach."""
    feet: Tensor
    """[B, T, 8], see `training.pose.legs`."""


class _Mood(NamedTuple):
    """What colours everything, [B, T] each."""

    listen: Tensor
    think: Tensor
    speak: Tensor
    dance: Tensor
    arousal: Tensor
    happy: Tensor
    angry: Tensor
    sad: Tensor
    surprised: Tensor
    curious: Tensor
    lively: Tensor
    level: Tensor
    accent: Tensor
    nudge: Tensor
    breath: Tensor


def perform(given: PoseConditions, signals: Tensor) -> Performance:
    """The teacher's answer to conditions and signals [B, T, ...]."""
    noise = dict(zip(SIGNALS, signals.unbind(-1), strict=True))
    own = torch.tanh(given.style)
    mood = _mood(given, noise["breath"], own)
    pose = _standing(noise, own, mood)
    pose = _with_gestures(pose, given, noise, own, mood)
    danced = _dancing(given, signals, own)
    pose = pose + mood.dance[..., None] * (danced - pose)
    return Performance(posture_rotations(pose, mood.breath), hips_m(pose), pose[..., FEET])


def _mood(given: PoseConditions, breath: Tensor, own: Tensor) -> _Mood:
    _, listen, think, speak, dance = spring(given.activity, 0.7).unbind(-1)
    feelings = dict(zip(EMOTIONS, spring(given.emotion, 1.0).unbind(-1), strict=True))
    level = voice_level(given.audio)
    accent = accents(level) * speak
    arousal = feelings["arousal"]
    return _Mood(
        listen=listen,
        think=think,
        speak=speak,
        dance=dance,
        arousal=arousal,
        happy=feelings["happy"],
        angry=feelings["angry"],
        sad=feelings["sad"],
        surprised=feelings["surprised"],
        curious=feelings["curious"],
        lively=(1.0 + 0.35 * arousal + 0.25 * own[..., 8]).clamp(0.4, 1.6),
        level=level,
        accent=accent,
        nudge=spring(accent, 0.35),
        breath=breath,
    )


def _standing(noise: dict[str, Tensor], own: Tensor, mood: _Mood) -> Tensor:
    """[B, T, 38]: idle, listening, thinking, speaking."""
    weight, twist = torch.tanh(1.8 * noise["weight"]), torch.tanh(noise["twist"])
    temper = 5.0 * mood.sad - 2.0 * mood.happy + 2.0 * mood.angry - 3.0 * mood.surprised
    lean = 1.5 * own[..., 9] + 3.5 * mood.listen - 3.0 * mood.think + 1.0 * mood.speak
    lean = lean + temper + 2.5 * mood.curious + 1.5 * mood.nudge
    lively, tremor = mood.lively, _TREMOR_DEG * noise["tremor_trunk"]
    pose = _empty(weight)
    cues = ArmCues(
        noise, own, mood.level, mood.accent, mood.breath, mood.listen, mood.think, mood.speak,
        arousal=mood.arousal, sad=mood.sad, tense=0.6 * mood.angry + mood.surprised,
    )  # fmt: skip
    for side, sign in (("left", 1.0), ("right", -1.0)):
        effort = gesture_amount(cues, sign)
        pose[side] = arm_angles(cues, sign) + _tremor(noise[f"tremor_{side}"], effort)
    pose["spine_lean"] = lean + 0.9 * noise["sway_front"] * lively + tremor
    pose["spine_turn"] = 2.6 * noise["turn"] + 3.5 * twist + 1.2 * weight
    pose["spine_side"] = 1.1 * noise["bend"] * lively - 4.6 * weight + 2.0 * mood.curious - tremor
    pose["hips_yaw"] = 2.0 * twist + 0.8 * noise["turn"] - 2.0 * weight
    pose["hips_pitch"] = 0.4 * noise["sway_front"]
    pose["hips_roll"] = 3.6 * weight
    sway = noise["sway_side"] * lively
    pose["hips_x"] = 0.036 * weight + 0.005 * sway + _TREMOR_M * noise["tremor_trunk"]
    pose["hips_y"] = -0.004 + 0.001 * mood.breath - 0.004 * mood.sad - 0.003 * mood.nudge
    pose["hips_z"] = (
        0.006 * noise["sway_front"] + 0.012 * mood.listen - 0.018 * mood.think - 0.0012 * lean
    )
    pose["head_roll"] = 1.6 * noise["head_side"] + 2.0 * mood.curious
    pose["head_pitch"] = 0.6 * noise["tremor_head"] * _TREMOR_DEG / 0.25
    pose |= _small_steps(noise)
    return _stacked(pose)


def _small_steps(noise: dict[str, Tensor]) -> dict[str, Tensor]:
    """A foot that changes its place lifts as fast as it goes (`drivers`)."""
    feet: dict[str, Tensor] = {}
    for side in ("left", "right"):
        share = spring(noise[f"{side}_foot"], 0.45)
        feet[f"{side}_foot_z"] = STEP_M * share
        feet[f"{side}_foot_yaw"] = _STEP_DEG * share
        feet[f"{side}_foot_lift"] = noise[f"{side}_lift"]
    return feet


def _with_gestures(
    pose: Tensor, given: PoseConditions, noise: dict[str, Tensor], own: Tensor, mood: _Mood
) -> Tensor:
    weights, phases = given.gesture.chunk(2, dim=-1)
    hand = chosen_hand(noise["gesture_hand"], given.style[..., 13])
    size = (1.0 + 0.2 * own[..., 12] + 0.15 * mood.arousal - 0.2 * mood.sad).clamp(0.6, 1.4)
    effort = torch.zeros_like(pose[..., _ARMS])
    for at, name in enumerate(GESTURES):
        weight, phase = weights[..., at, None], phases[..., at]
        if not bool(weight.any()):
            continue
        motion = gesture_motion(name, phase, hand=hand, size=size, variant=noise["gesture_variant"])
        pose = pose + weight * (motion.cover * (motion.posture - pose) + motion.offset)
        effort = torch.maximum(effort, weight * motion.cover[..., _ARMS])
    shaken = [_tremor(noise[f"tremor_{side}"], part[..., 0]) for side, part in _arms(effort)]
    pose = torch.cat([pose[..., _ARMS] + torch.cat(shaken, -1), pose[..., _ARMS.stop :]], -1)
    return pose


def _dancing(given: PoseConditions, signals: Tensor, own: Tensor) -> Tensor:
    bits = signals[..., BITS]
    position, energy = given.beat.unbind(-1)
    return dance_posture(
        position, move_weights(bits), energy=energy, style=own, direction=0.6 * bits[..., -1]
    )


def _tremor(noise: Tensor, effort: Tensor) -> Tensor:
    """[B, T, 9]: what makes a held arm a living one; it grows with the effort [B, T] in [0, 1].

    Motor noise is in proportion to the command (Harris and Wolpert 1998).
    """
    share = torch.tensor([0.3, 0.3, 1.0, 1.0, 1.0, 1.5, 1.5, 1.5, 1.0])
    size = _TREMOR_DEG * (1 + _EFFORT * effort) * noise
    return size[..., None] * share


def _arms(pose: Tensor) -> tuple[tuple[str, Tensor], tuple[str, Tensor]]:
    return ("left", pose[..., LEFT_ARM]), ("right", pose[..., RIGHT_ARM])


def _empty(like: Tensor) -> dict[str, Tensor]:
    return {"": torch.zeros_like(like)}


def _stacked(parts: dict[str, Tensor]) -> Tensor:
    """Channels by name, arms as [B, T, 9] under `left` and `right`, to postures [B, T, 38]."""
    zero = parts.pop("")
    rest = zero[..., None].expand(*zero.shape, FEET.stop - RIGHT_ARM.stop)
    pose = torch.cat([parts.pop("left"), parts.pop("right"), rest], dim=-1)
    for name, value in parts.items():
        pose[..., index(name)] = value
    return pose
