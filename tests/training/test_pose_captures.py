import numpy as np
import pytest
import torch

from idol_protocol.channels import ACTIVITIES, POSE_BONES
from training.humanoid.clip import Clip
from training.humanoid.skeleton import about, forward_kinematics
from training.ingest.bodies import BodyRecording, recording_of
from training.pose.captures import clips_of, in_place
from training.pose.legs import leg_rotations, lower_to_reach
from training.pose.model import decode, feet_of
from training.pose.posture import hips_m, posture, posture_rotations

SPEAK, LISTEN = ACTIVITIES.index("speak"), ACTIVITIES.index("listen")


def standing(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Local rotations [T, 22, 3, 3] and hips [T, 3] of somebody who sways and raises an arm."""
    wave = torch.sin(torch.arange(frames) / 12)
    pose = posture(left_down=74, right_down=74, left_bend=20, right_bend=20).repeat(frames, 1)
    pose[:, 12] += 30 * wave
    pose[:, 24] = 0.03 * wave
    pose[:, 25] = -0.02
    upper, style, feet = posture_rotations(pose), torch.zeros(frames, 16), torch.zeros(frames, 8)
    hips = lower_to_reach(hips_m(pose), upper[:, 0], feet, style)
    return torch.cat([upper, leg_rotations(hips, upper[:, 0], feet, style)], dim=1), hips


def recording(
    frames: int,
    *,
    fps: float = 30,
    heading_deg: float = 0.0,
    away_m: float = 0.0,
    sound: bool = True,
) -> BodyRecording:
    """Somebody who stands at another place, turned, and speaks in the first half."""
    local, hips = standing(frames)
    turn = about("y", torch.tensor(heading_deg))
    local[:, 0] = turn @ local[:, 0]
    hips = hips @ turn.T + torch.tensor([1.0, 0.0, -2.0])
    hips[:, 0] += torch.linspace(0, away_m, frames)
    clip = Clip("take", fps, local.double().numpy(), hips.double().numpy(), np.ones(22, bool))
    seconds = frames / fps
    voice = np.random.default_rng(0).standard_normal(int(16_000 * seconds))
    voice[len(voice) // 2 :] *= 1e-4
    return recording_of(clip, "who", (3000 * voice).astype(np.int16) if sound else None)


def test_a_captured_talker_stands_where_the_character_stands() -> None:
    clips = clips_of([recording(200, heading_deg=130)], 90, np.random.default_rng(0))
    assert clips is not None
    assert clips.motion.shape == (2, 90, 95)
    local, hips = decode(clips.motion, feet_of(clips.motion), clips.given.style)
    made, _ = forward_kinematics(local, hips)
    meant, _ = forward_kinematics(*standing(200))
    off = (made[0] - made[0, :, :1].mean(0)) - (meant[:90] - meant[:90, :1].mean(0))
    assert off.norm(dim=-1).max() < 0.02
    assert (clips.known == 1).all()


def test_somebody_speaks_where_the_voice_sounds_and_listens_where_it_does_not() -> None:
    clips = clips_of([recording(240)], 120, np.random.default_rng(0))
    assert clips is not None
    speaks = clips.given.activity[..., SPEAK]
    assert speaks[0, 20:].min() > 0.9
    assert clips.given.activity[1, 40:, LISTEN].min() > 0.9
    assert clips.given.gesture.abs().max() == 0


def test_another_frame_rate_is_the_same_motion() -> None:
    slow = clips_of([recording(400, fps=60)], 90, np.random.default_rng(0))
    assert slow is not None
    assert len(slow) == 2


def test_a_performer_who_walks_off_is_left_out() -> None:
    assert clips_of([recording(200, away_m=3.0)], 90, np.random.default_rng(0)) is None
    local, hips = standing(60)
    hips[:, 2] += torch.linspace(0, 2, 60)
    assert in_place(local, hips) is None


def test_feet_that_are_lifted_are_told_from_feet_that_stand() -> None:
    local, hips = standing(60)
    knee, thigh = POSE_BONES.index("leftLowerLeg"), POSE_BONES.index("leftUpperLeg")
    bent = torch.zeros(60)
    bent[20:40] = 40
    local[:, thigh] = about("x", -bent) @ local[:, thigh]
    local[:, knee] = about("x", 2 * bent) @ local[:, knee]
    motion = in_place(local, hips)
    assert motion is not None
    lift = feet_of(motion)[:, 2]
    assert lift[25:35].min() > 0.03
    assert lift[:18].max() < 0.006


def test_a_body_without_sound_is_refused_in_a_sentence() -> None:
    with pytest.raises(SystemExit, match="expected a body with the sound"):
        clips_of([recording(120, sound=False)], 90, np.random.default_rng(0))
