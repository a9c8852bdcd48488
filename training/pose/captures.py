"""Captured bodies with their voices as clips to learn from.

Real co-speech motion takes the place of the teacher where somebody has it: the voice is heard as at
run time, the activity follows from whether it sounds, and style is left to the encoder. Whoever was
captured stands where the character stands: their mean place and heading are taken away, and
stretches in which they walk off are left out.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES, POSE_BONES
from idol_protocol.frames import AUDIO_RATE_HZ, FPS, FRAME_SAMPLES
from training.humanoid.resample import resample
from training.humanoid.skeleton import about, forward_kinematics, yaw_pitch_roll
from training.ingest.bodies import BodyRecording, clip_of
from training.noise import draw_noise
from training.pose.conditions import STYLE
from training.pose.data import (
    LOOKAHEAD_FRAMES,
    PoseClips,
    conditions_of,
    heard,
    joined,
    plain_level,
)
from training.pose.drivers import NOISE
from training.pose.legs import PLANTED_M, REST_ANKLE_M, stance
from training.pose.model import MOTION, ROTATIONS, UPPER, encode
from training.pose.script import Script, glided
from training.pose.springs import follow, voice_level

WANDERS_M: Final = 0.35
"""A clip whose hips go further from their mean place is walking, not talking."""
_FEET: Final = (POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot"))
_HEARD: Final = 0.25
"""The level above which somebody speaks, see `voice_level`."""


def clips_of(
    recordings: Sequence[BodyRecording], frames: int, rng: np.random.Generator
) -> PoseClips | None:
    """Clips of `frames` frames at 30 fps; None when no recording holds one.

    Raises:
        SystemExit: a recording has no sound.
    """
    parts = [part for each in recordings if (part := _clips(each, frames, rng)) is not None]
    return joined(parts) if parts else None


def _clips(recording: BodyRecording, frames: int, rng: np.random.Generator) -> PoseClips | None:
    if recording.audio is None:
        raise SystemExit(
            f"{recording.name}: expected a body with the sound it answers, found none; leave the "
            "data set out of `captures`, or ingest it with its WAV beside it."
        )
    clip = resample(clip_of(recording), FPS)
    local = torch.from_numpy(clip.local).float()
    hips_m = torch.from_numpy(clip.hips_m).float()
    sound = _voice(recording)
    given, motion = [], []
    for start in range(0, len(local) - frames + 1, frames):
        part = slice(start, start + frames)
        stood = in_place(local[part], hips_m[part])
        if stood is None:
            continue
        given.append(conditions_of(*_told(recording, sound, start, frames, rng)))
        motion.append(stood)
    if not motion:
        return None
    columns = [torch.stack(column) for column in zip(*given, strict=True)]
    known = _known(clip.known).expand(len(motion), MOTION)
    return PoseClips(type(given[0])(*columns), torch.stack(motion), known)


def in_place(local: Tensor, hips_m: Tensor) -> Tensor | None:
    """Motion [T, 95] of a performer, facing front at the origin; None when they walk off.

    Args:
        local: [T, 22, 3, 3].
        hips_m: [T, 3].
    """
    forward = local[:, 0, :, 2].mean(dim=0)
    turn = about("y", torch.rad2deg(-torch.atan2(forward[0], forward[2])))
    level = torch.tensor([1.0, 0.0, 1.0])
    placed = (hips_m - level * hips_m.mean(dim=0)) @ turn.T
    if (placed * level).norm(dim=1).max() > WANDERS_M:
        return None
    local = torch.cat([(turn @ local[:, 0])[:, None], local[:, 1:]], dim=1)
    joints, world = forward_kinematics(local, placed)
    return encode(local, placed, _feet(joints, world))


def _feet(joints: Tensor, world: Tensor) -> Tensor:
    """Feet [T, 8] of a whole body, from the average stance; low ones stand."""
    width, turn_out = stance(torch.zeros(STYLE))
    feet = []
    for side, ankle in zip((1.0, -1.0), _FEET, strict=True):
        at = joints[:, ankle]
        floor = at[:, 1].quantile(0.1)
        lift = (at[:, 1] - floor - 2 * PLANTED_M).clamp_min(0.0)
        yaw, _, _ = yaw_pitch_roll(world[:, ankle])
        outward = [side * at[:, 0] - width, at[:, 2] - REST_ANKLE_M[2], lift, side * yaw - turn_out]
        feet += outward
    return torch.stack(feet, dim=1)


def _known(bones: NDArray[np.bool_]) -> Tensor:
    """[95] from the captured bones [22]; hips count when they were captured, feet with the legs."""
    known = torch.from_numpy(bones).float()
    legs = known[UPPER:].amin()
    rotations = known[:UPPER].repeat_interleave(ROTATIONS // UPPER)
    return torch.cat([rotations, known[:1].expand(3), legs.expand(MOTION - ROTATIONS - 3)])


def _voice(recording: BodyRecording) -> NDArray[np.float32]:
    """The sound at 24 kHz and plain speech level."""
    assert recording.audio is not None
    sound = recording.audio.astype(np.float32)
    return plain_level(soxr.resample(sound, recording.audio_rate_hz, AUDIO_RATE_HZ))


def _told(
    recording: BodyRecording,
    sound: NDArray[np.float32],
    start: int,
    frames: int,
    rng: np.random.Generator,
) -> tuple[Script, NDArray[np.float32]]:
    """What the generator is told while it performs these frames."""
    length = (frames + LOOKAHEAD_FRAMES) * FRAME_SAMPLES
    signal = sound[start * FRAME_SAMPLES :][:length]
    audio = heard(np.pad(signal, (0, length - len(signal))))
    level = voice_level(torch.from_numpy(audio)[None])
    voiced = (follow(level, 0.05, 0.5)[0] > _HEARD).numpy()
    doing = np.where(voiced, ACTIVITIES.index("speak"), ACTIVITIES.index("listen"))
    if recording.activity:
        doing[:] = ACTIVITIES.index(recording.activity)
    script = Script(
        activity=glided(np.eye(len(ACTIVITIES), dtype=np.float32)[doing]),
        emotion=np.zeros((frames, len(EMOTIONS)), np.float32),
        gesture=np.zeros((frames, 2 * len(GESTURES)), np.float32),
        beat=np.zeros((frames, 2), np.float32),
        style=np.zeros((frames, STYLE), np.float32),
        noise=draw_noise(NOISE, frames, FPS, rng),
        voiced=voiced,
    )
    return script, audio
