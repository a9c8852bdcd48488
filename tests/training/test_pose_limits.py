import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import about, forward_kinematics
from training.pose.capsules import PAIRS, depth_m, penetration_loss, segment_distance
from training.pose.limits import excess_deg, limit_loss
from training.pose.posture import mirrored, posture, posture_rotations


def body(**angles: float) -> torch.Tensor:
    """Local rotations [22, 3, 3] of a standing posture."""
    upper = posture_rotations(posture(**angles))
    return torch.cat([upper, torch.eye(3).expand(8, 3, 3)])


HANGING = {"left_down": 74, "right_down": 74, "left_bend": 17, "right_bend": 17}


def test_a_body_that_hangs_its_arms_breaks_no_limit_and_touches_nothing() -> None:
    local = body(**HANGING)
    assert excess_deg(local).max() == 0
    assert limit_loss(local[None]) == 0
    assert depth_m(*forward_kinematics(local, torch.zeros(3))).max() == 0


@pytest.mark.parametrize(
    ("bone", "turn"),
    [
        ("leftLowerArm", about("y", torch.tensor(40.0))),
        ("rightLowerArm", about("y", torch.tensor(-40.0))),
        ("leftLowerLeg", about("x", torch.tensor(-40.0))),
        ("head", about("y", torch.tensor(90.0))),
        ("spine", about("x", torch.tensor(-70.0))),
        ("rightHand", about("z", torch.tensor(120.0))),
    ],
)
def test_a_joint_bent_the_wrong_way_is_named(bone: str, turn: torch.Tensor) -> None:
    local = body(**HANGING)
    at = POSE_BONES.index(bone)
    local[at] = turn
    over = excess_deg(local)
    assert over[at] > 10
    assert over.sum() == over[at]
    assert limit_loss(local[None]) > 0


@given(st.integers(0, 2**16))
def test_limits_are_the_same_for_left_and_right(seed: int) -> None:
    pose = 40 * torch.randn(38, generator=torch.Generator().manual_seed(seed))
    one, other = (posture_rotations(each) for each in (pose, mirrored(pose)))
    legs = torch.eye(3).expand(8, 3, 3)
    a, b = excess_deg(torch.cat([one, legs])), excess_deg(torch.cat([other, legs]))
    order = [*range(6), *range(10, 14), *range(6, 10), *range(14, 22)]
    torch.testing.assert_close(a, b[order], atol=0.02, rtol=0)


def test_an_arm_through_the_chest_is_found_and_pushed_out() -> None:
    local = body(**HANGING | {"right_down": 60, "right_swing": 20, "right_twist": 80})
    local[POSE_BONES.index("rightLowerArm")] = about("y", torch.tensor(130.0))
    local.requires_grad_(True)
    joints, world = forward_kinematics(local, torch.zeros(3))
    depth = depth_m(joints, world)
    bones = {bone for pair in (PAIRS[at] for at in depth.nonzero()[:, 0]) for bone in pair}
    assert depth.max() > 0.02
    assert bones & {"chest", "spine", "hips"}
    penetration_loss(joints, world).backward()
    assert local.grad is not None
    assert local.grad.isfinite().all()
    assert local.grad.abs().max() > 0


@given(st.integers(0, 2**16))
def test_segment_distance_is_the_least_of_many_points(seed: int) -> None:
    a, b, c, d = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
    share = torch.linspace(0, 1, 60)[:, None]
    first, second = a + share * (b - a), c + share * (d - c)
    least = torch.cdist(first, second).min().item()
    found = segment_distance(a, b, c, d).item()
    assert found <= least + 1e-4
    assert math.isclose(found, least, abs_tol=0.03)
