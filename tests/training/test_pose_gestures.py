import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_protocol.channels import GESTURES, POSE_BONES
from training.pose.gesture_arms import ARMS, REACHES
from training.pose.capsules import depth_m
from training.pose.gesture_times import GESTURE_SECONDS, STROKE_PHASE
from training.pose.gestures import gesture_motion
from training.pose.limits import excess_deg
from training.pose.posture import hips_m, mirrored, posture, posture_rotations
from training.pose.skeleton import forward_kinematics

STANDING = posture(
    left_down=74, left_bend=17, left_twist=14, right_down=74, right_bend=17, right_twist=14
)
AT = {bone: index for index, bone in enumerate(POSE_BONES)}


def pose_at(
    name: str, phase: torch.Tensor, *, hand: float = 1.0, variant: float = 0.5
) -> torch.Tensor:
    """Postures [T, 38] of a standing body that makes the gesture."""
    row = phase[None]
    motion = gesture_motion(
        name, row, hand=torch.full_like(row, hand), size=torch.ones_like(row),
        variant=torch.full_like(row, variant),
    )  # fmt: skip
    posture = STANDING + motion.cover * (motion.posture - STANDING) + motion.offset
    return posture[0]


def body(pose: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Local rotations, joints and world rotations of an upper body on straight legs."""
    upper = posture_rotations(pose)
    local = torch.cat([upper, torch.eye(3).expand(len(pose), 8, 3, 3)], dim=1)
    return local, *forward_kinematics(local, hips_m(pose))


def stroke(name: str, **options: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints [22, 3] and world rotations at the stroke."""
    _, joints, world = body(pose_at(name, torch.tensor([STROKE_PHASE[name]]), **options))
    return joints[0], world[0]


@given(st.sampled_from(GESTURES), st.floats(-1, 1), st.floats(-1, 1))
@settings(deadline=None, max_examples=40)
def test_a_gesture_begins_and_ends_at_rest(name: str, hand: float, variant: float) -> None:
    pose = pose_at(name, torch.tensor([0.0, 1.0]), hand=hand, variant=variant)
    torch.testing.assert_close(pose, STANDING.expand(2, -1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", GESTURES)
@pytest.mark.parametrize("variant", [-1.0, 0.0, 1.0])
def test_a_gesture_is_smooth_possible_and_as_fast_as_people_are(name: str, variant: float) -> None:
    frames = round(GESTURE_SECONDS[name] * 30)
    local, joints, world = body(pose_at(name, torch.linspace(0, 1, frames), variant=variant))
    turns = local[:-1].transpose(-1, -2) @ local[1:]
    cosine = (turns.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    assert torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).max() < 15
    assert excess_deg(local).max() == 0
    assert depth_m(joints, world).max() < 0.04
    hands = joints[:, [AT["leftHand"], AT["rightHand"]]]
    assert 30 * hands.diff(dim=0).norm(dim=-1).max() < 3


@pytest.mark.parametrize("name", ["wave", "point", "think", "shrug", "cheer", "clap"])
def test_the_left_hand_does_what_the_right_hand_does_in_the_mirror(name: str) -> None:
    phase = torch.linspace(0, 1, 20)
    right, left = (pose_at(name, phase, hand=hand, variant=0.0) for hand in (1.0, -1.0))
    torch.testing.assert_close(mirrored(right), left, atol=1e-3, rtol=0)


def test_hands_are_where_their_gesture_wants_them() -> None:
    shoulder = 1.25
    wave, turned = stroke("wave")
    assert wave[AT["rightHand"], 1] > shoulder + 0.1
    palm = turned[AT["rightHand"]] @ torch.tensor([0.0, -1.0, 0.0])
    assert palm[2] > 0.6
    point, _ = stroke("point")
    assert (point[AT["rightHand"]] - point[AT["rightUpperArm"]]).norm() > 0.38
    assert abs(point[AT["rightHand"], 1].item() - shoulder) < 0.15
    cheer, _ = stroke("cheer")
    assert cheer[[AT["leftHand"], AT["rightHand"]], 1].min() > 1.45
    heart, _ = stroke("heart")
    assert heart[AT["leftHand"], 1] > 1.6
    assert heart[AT["leftHand"], 0] < 0.2
    shrug, _ = stroke("shrug")
    assert shrug[AT["leftUpperArm"], 1] > shoulder + 0.02
    bow, _ = stroke("bow")
    assert bow[AT["head"], 2] > 0.18
    think, _ = stroke("think")
    assert (think[AT["rightHand"]] - think[AT["head"]]).norm() < 0.25


def test_clapping_hands_meet_several_times() -> None:
    _, joints, _ = body(pose_at("clap", torch.linspace(0, 1, 78)))
    apart = (joints[:, AT["leftHand"]] - joints[:, AT["rightHand"]]).norm(dim=-1)
    near = apart < 0.11
    meetings = int((near[1:] & ~near[:-1]).sum())
    assert meetings >= 3


@pytest.mark.parametrize("name", sorted(ARMS))
def test_the_table_of_arms_reaches_what_it_was_solved_for(name: str) -> None:
    pose = torch.zeros(1, 38)
    pose[0, :9] = torch.tensor(ARMS[name])
    _, joints, _ = body(pose)
    off = joints[0, AT["leftHand"]] - torch.tensor(REACHES[name].wrist)
    assert off.norm() < 0.05
