"""The teacher's dance as a function of the music."""

import numpy as np
import pytest
import torch
from torch import Tensor

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from training.humanoid.skeleton import forward_kinematics
from training.pose.capsules import depth_m
from training.pose.dance import MOVES, dance_posture
from training.pose.dance_arms import ARMS, REACHES
from training.pose.dance_moves import MOVES as SCORES
from training.pose.evaluation.timing import alignment, kinematic_beats, music_beats
from training.pose.legs import FootLock, ankles, leg_rotations, lower_to_reach
from training.pose.limits import excess_deg
from training.pose.posture import ARM, FEET, hips_m, index, mirrored, posture_rotations
from training.pose.solve_arms import RANGES_DEG, place

EVERY_MOVE = torch.eye(len(MOVES))
RAISED_M = 0.008


def danced(
    position: Tensor,
    choice: Tensor = EVERY_MOVE,
    *,
    energy: float = 1.0,
    direction: float = 1.0,
    style: Tensor | None = None,
) -> Tensor:
    """Postures [moves, T, 38] at places [T]; a row per choice [moves, 8]."""
    rows, frames = len(choice), len(position)
    own = torch.zeros(16) if style is None else style
    return dance_posture(
        position.expand(rows, frames),
        choice[:, None].expand(rows, frames, -1).to(position.dtype),
        energy=torch.full((rows, frames), energy, dtype=position.dtype),
        style=own.to(position.dtype).expand(rows, frames, 16),
        direction=torch.full((rows, frames), direction, dtype=position.dtype),
    )


def at_tempo(bpm: float, frames: int) -> Tensor:
    return (torch.arange(frames) * bpm / 60 / FPS / 8) % 1


def finely(samples: int = 400) -> Tensor:
    """Two eight-counts in small steps, in double precision."""
    return (torch.arange(2 * samples, dtype=torch.float64) + 0.5) / samples % 1


def body(pose: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Local rotations, joints and world rotations of postures in a middling stance."""
    upper, style = posture_rotations(pose), torch.zeros(16, dtype=pose.dtype)
    hips, feet = upper[..., 0, :, :], pose[..., FEET]
    low = lower_to_reach(hips_m(pose), hips, feet, style)
    local = torch.cat([upper, leg_rotations(low, hips, feet, style)], dim=-3)
    return local, *forward_kinematics(local, low)


def each_foot(pose: Tensor) -> Tensor:
    """[..., 2, 4]: x, z, lift and yaw of the left and the right foot."""
    return pose[..., FEET].reshape(*pose.shape[:-1], 2, 4)


def turns_deg(local: Tensor) -> Tensor:
    """Degrees from frame to frame [..., T - 1, 22]."""
    between = local[:, :-1].transpose(-1, -2) @ local[:, 1:]
    trace = between.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return torch.rad2deg(torch.acos(((trace - 1) / 2).clamp(-1.0, 1.0)))


def test_a_foot_moves_only_while_it_is_lifted() -> None:
    feet = each_foot(danced(finely()))
    moves = (feet[:, 1:] - feet[:, :-1])[..., [0, 1, 3]].abs().amax(dim=-1) > 0
    lift = torch.minimum(feet[:, 1:, :, 2], feet[:, :-1, :, 2])
    assert moves.any(dim=1).any(dim=-1).all(), "every move has a step"
    assert lift[moves].min() > RAISED_M
    assert feet[..., 2].max() < 0.08


@pytest.mark.parametrize("energy", [0.0, 0.05, 0.12, 0.15, 0.2, 0.3, 0.6])
def test_feet_stay_planted_at_every_energy(energy: float) -> None:
    feet = each_foot(danced(finely(), energy=energy))
    moves = (feet[:, 1:] - feet[:, :-1])[..., :2].abs().amax(dim=-1) > 0
    lift = torch.minimum(feet[:, 1:, :, 2], feet[:, :-1, :, 2])
    assert not moves.any() or lift[moves].min() > RAISED_M


def test_the_foot_lock_of_the_runtime_hardly_has_to_correct_a_step() -> None:
    feet = danced(at_tempo(130, 300))[..., FEET]
    kept, _ = FootLock.walk(feet, torch.zeros(len(MOVES), FootLock.state_size))
    off = (kept - feet).reshape(*feet.shape[:-1], 2, 4)[..., :2].norm(dim=-1)
    planted = feet.reshape(*feet.shape[:-1], 2, 4)[..., 2] < RAISED_M
    assert off[planted].max() < 0.012


def test_feet_never_cross_and_steps_are_short() -> None:
    narrow = torch.zeros(16)
    narrow[10] = -3.0
    pose = danced(finely()).float()
    left, right = ankles(pose[..., FEET], narrow).unbind(-2)
    assert (left - right)[..., 0].min() > 0.115
    assert each_foot(pose)[..., :2].abs().max() < 0.25


def test_both_feet_are_at_home_where_one_move_gives_way_to_the_next() -> None:
    feet = danced(torch.linspace(0, 0.125, 50))[..., FEET]
    assert feet.abs().max() < 1e-6


def test_legs_reach_both_feet_without_being_pulled() -> None:
    pose = danced(finely()).float()
    for width in (-3.0, 0.0, 3.0):
        style = torch.zeros(16)
        style[10] = width
        low = lower_to_reach(
            hips_m(pose), posture_rotations(pose)[..., 0, :, :], pose[..., FEET], style
        )
        assert (hips_m(pose) - low).abs().max() < 1e-4


def test_hips_go_down_on_every_beat_and_up_between() -> None:
    counts, height = torch.arange(8) / 8, index("hips_y")
    on, off = (danced(at)[..., height] for at in (counts, counts + 1 / 16))
    drop = 0.5 * (off + off.roll(1, dims=1)) - on
    assert drop.min() > 0.02
    assert drop.max() < 0.06


def test_a_dance_repeats_with_the_eight_count_and_is_smooth_across_it() -> None:
    pose = danced(finely(800))
    torch.testing.assert_close(pose[:, :800], pose[:, 800:], atol=1e-9, rtol=0)
    speed = pose[:, 1:] - pose[:, :-1]
    jump = (speed[:, 1:] - speed[:, :-1]).abs().amax(dim=1)
    # Of the largest speed: a corner would be a jump of about 1, whatever the sampling.
    assert (jump <= 0.12 * speed.abs().amax(dim=1) + 1e-12).all()


@pytest.mark.parametrize("bpm", [80, 110, 130, 150])
def test_joints_are_slowest_on_the_beat(bpm: int) -> None:
    rng = np.random.default_rng(0)
    frames = 600
    position = at_tempo(bpm, frames)
    _, joints, _ = body(danced(position, energy=0.8))
    beats = music_beats(position.numpy())
    for name, take in zip(MOVES, joints.numpy(), strict=True):
        events = kinematic_beats(take)
        score = alignment(events, beats)
        shifted = [alignment(events, (beats + rng.uniform(0, frames)) % frames) for _ in range(100)]
        assert score > 0.6, name
        assert score > np.mean(shifted) + 0.3, name


def test_a_dance_is_no_faster_than_people_are() -> None:
    local, joints, _ = body(danced(at_tempo(130, 300)))
    assert turns_deg(local).max() < 18
    wrists = [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]
    speed = (joints[:, 1:, wrists] - joints[:, :-1, wrists]).norm(dim=-1) * FPS
    assert speed.max() < 4.0
    assert (speed.amax(dim=(1, 2)) > 1.5).all(), "every move is a dance"


@pytest.mark.parametrize("taste", [-0.95, 0.0, 0.95])
def test_joints_stay_in_range_and_arms_out_of_the_body(taste: float) -> None:
    pose = danced(at_tempo(100, 150), style=torch.full((16,), taste))
    local, joints, world = body(pose)
    assert excess_deg(local).max() < 0.5
    assert depth_m(joints, world).max() < 0.006


def test_arms_stay_out_of_the_body_while_any_move_gives_way_to_any_other() -> None:
    position = torch.linspace(0, 0.125, 15)
    fade = torch.linspace(0, 1, 15)[:, None]
    pairs = [(a, b) for a in range(len(MOVES)) for b in range(len(MOVES)) if a != b]
    choice = torch.stack([EVERY_MOVE[a] * (1 - fade) + EVERY_MOVE[b] * fade for a, b in pairs])
    full = torch.ones(len(pairs), 15)
    pose = dance_posture(
        position.expand(len(pairs), 15),
        choice,
        energy=full,
        style=torch.zeros(len(pairs), 15, 16),
        direction=full,
    )
    local, joints, world = body(pose)
    assert excess_deg(local).max() < 0.5
    assert depth_m(joints, world).max() < 0.006
    assert turns_deg(local).max() < 25


def test_the_other_direction_is_the_mirror_image() -> None:
    position = at_tempo(120, 120)
    torch.testing.assert_close(danced(position, direction=-1.0), mirrored(danced(position)))


def test_a_dance_to_the_left_steps_to_the_left_first() -> None:
    pose = danced(torch.tensor([2 / 8]))
    for move in ("step touch", "body rock", "hip sway", "punches", "windmill"):
        assert pose[MOVES.index(move), 0, index("left_foot_x")] > 0.05


def test_without_energy_the_body_only_sways() -> None:
    position = at_tempo(120, 240)
    _, calm, _ = body(danced(position, energy=0.0))
    _, full, _ = body(danced(position))
    still, lively = (
        (joints[:, 1:] - joints[:, :-1]).norm(dim=-1).mean(dim=(1, 2)) * FPS
        for joints in (calm, full)
    )
    assert (still < 0.25 * lively).all()
    assert (still > 0.005).all()
    assert danced(position, energy=0.0)[..., FEET].abs().max() == 0


def test_style_changes_size_bounce_and_spread() -> None:
    position = at_tempo(120, 120)

    def wrists_m_s(pose: Tensor) -> float:
        _, joints, _ = body(pose)
        wrists = joints[:, :, [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]]
        return float((wrists[:, 1:] - wrists[:, :-1]).norm(dim=-1).mean()) * FPS

    def styled(channel: int) -> Tensor:
        style = torch.zeros(16)
        style[channel] = -0.9
        return danced(position, style=style)

    plain, height = danced(position), index("hips_y")
    for smaller in (styled(8), styled(12)):
        assert wrists_m_s(smaller) < 0.99 * wrists_m_s(plain)
    assert (styled(15)[..., height].std(dim=1) < plain[..., height].std(dim=1)).all()
    assert (styled(14)[..., index("left_down")] >= plain[..., index("left_down")]).all()


@pytest.mark.parametrize("name", sorted(ARMS))
def test_an_arm_pose_is_where_it_is_to_be_and_an_arm_can_do_it(name: str) -> None:
    angles = np.array(ARMS[name], float)
    joints, _ = place(angles)
    off = np.linalg.norm(joints[POSE_BONES.index("leftHand")] - REACHES[name].wrist)
    assert off < 0.03
    for channel, angle in zip(ARM, angles, strict=True):
        low, high = RANGES_DEG[channel]
        assert low <= angle <= high, channel


def test_every_arm_pose_is_danced() -> None:
    danced_poses = {pose for score in SCORES.values() for pose in (*score.left, *score.right)}
    assert danced_poses | {"low"} == set(ARMS)
