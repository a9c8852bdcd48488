import numpy as np
import pytest
import torch

from idol_protocol.channels import ACTIVITIES, GESTURES, POSE_BONES
from idol_protocol.frames import FPS
from training.humanoid.skeleton import forward_kinematics
from training.noise import draw_noise
from training.pose.conditions import PoseConditions
from training.pose.data import PoseClips, make_clips, perform_scripts
from training.pose.drivers import NOISE
from training.pose.limits import excess_deg
from training.pose.script import place_gesture

pytestmark = pytest.mark.slow

SILENCE = -1.03
HANDS = [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]
ANKLES = [POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot")]


def told(activity: str, frames: int = 240, *, seed: int = 0, bpm: float = 0.0) -> PoseConditions:
    doing = torch.zeros(frames, len(ACTIVITIES))
    doing[:, ACTIVITIES.index(activity)] = 1
    place = torch.arange(frames) / FPS * bpm / 60 / 8 % 1
    return PoseConditions(
        audio=torch.full((frames, 160), SILENCE),
        activity=doing,
        emotion=torch.zeros(frames, 8),
        gesture=torch.zeros(frames, 20),
        beat=torch.stack([place, torch.full((frames,), 0.8 if bpm else 0.0)], dim=1),
        style=torch.zeros(frames, 16),
        noise=torch.from_numpy(draw_noise(NOISE, frames, FPS, np.random.default_rng(seed))),
    )


def joints_of(clips: PoseClips) -> torch.Tensor:
    joints, _ = forward_kinematics(*clips.taught())
    return joints


def test_the_teacher_stands_with_hanging_arms_and_feet_that_move_only_when_lifted() -> None:
    joints = joints_of(perform_scripts([told("idle", 600, seed=each) for each in range(4)]))
    assert joints[..., HANDS, 1].mean() < 1.0
    ankles = joints[..., ANKLES, :]
    low = ankles[..., 1] < ankles[..., 1].amin(dim=1, keepdim=True) + 0.006
    moved = ankles[..., [0, 2]].diff(dim=1).norm(dim=-1)
    assert moved[low[:, 1:] & low[:, :-1]].max() < 0.002
    assert moved.max() > 0.002


def test_no_clip_breaks_a_joint() -> None:
    local, _ = make_clips([], 6, 400, np.random.default_rng(1)).taught()
    assert excess_deg(local).max() < 1


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_is_made_and_leaves_no_trace(name: str) -> None:
    plain, asked = told("idle"), told("idle")
    curves = np.zeros((240, 2, len(GESTURES)), np.float32)
    place_gesture(curves, GESTURES.index(name), start=60, length=80, cut=80)
    asked = asked._replace(gesture=torch.from_numpy(curves.reshape(240, 20)))
    _, world = forward_kinematics(*perform_scripts([plain, asked]).taught())
    # Two centimetres at ten centimetres from a joint: a turned head counts as a moved hand does.
    apart = (world[0] - world[1]).norm(dim=(-2, -1)).amax(dim=-1)
    assert apart[:60].max() < 1e-5
    assert apart[60:140].max() > 0.2
    assert apart[150:].max() < 0.1


def test_the_same_noise_dances_another_eight_each_time_and_on_the_beat() -> None:
    clips = perform_scripts([told("dance", 900, seed=3, bpm=120)])
    hands = joints_of(clips)[0, :, HANDS]
    eights = hands[: 7 * 120].unflatten(0, (7, 120))
    apart = (eights[1:, None] - eights[None, 1:]).norm(dim=-1).mean(dim=(2, 3))
    assert (apart[~torch.eye(6, dtype=torch.bool)] > 0.05).float().mean() > 0.5
    speed = hands.diff(dim=0).norm(dim=-1).mean(dim=1)[120:]
    beat = torch.arange(120, 899) % 15
    # The move that leads to frame 15 k ends there: hands are slowest around the beat.
    assert speed[(beat <= 1) | (beat >= 13)].mean() < 0.6 * speed[(beat > 4) & (beat < 11)].mean()
