import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import about, forward_kinematics
from training.pose.legs import PLANTED_M, FootLock, ankles, leg_rotations, lower_to_reach

LEFT, RIGHT = POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot")


def stood(feet: torch.Tensor, hips_m: torch.Tensor, turn_deg: float = 0.0) -> torch.Tensor:
    """Joints [..., 22, 3] of a body whose legs were solved."""
    style = torch.zeros(*feet.shape[:-1], 16)
    hips = about("y", torch.full(feet.shape[:-1], turn_deg))
    hips_m = lower_to_reach(hips_m, hips, feet, style)
    upper = torch.eye(3).expand(*feet.shape[:-1], 13, 3, 3)
    legs = leg_rotations(hips_m, hips, feet, style)
    joints, _ = forward_kinematics(torch.cat([hips[..., None, :, :], upper, legs], -3), hips_m)
    return joints


@given(
    st.floats(-0.05, 0.15), st.floats(-0.2, 0.2), st.floats(0, 0.12), st.floats(-20, 40),
    st.floats(-0.06, 0.06), st.floats(-0.08, 0.0), st.floats(-15, 15),
)  # fmt: skip
def test_ankles_are_where_the_feet_are_told_to_be(
    x: float, z: float, lift: float, yaw: float, hips_x: float, hips_y: float, turn: float
) -> None:
    feet = torch.tensor([[x, z, lift, yaw, 0.0, 0.0, 0.0, 0.0]])
    joints = stood(feet, torch.tensor([[hips_x, hips_y, 0.0]]), turn)
    left, right = ankles(feet, torch.zeros(1, 16)).unbind(-2)
    torch.testing.assert_close(joints[:, LEFT], left, atol=2e-4, rtol=0)
    torch.testing.assert_close(joints[:, RIGHT], right, atol=2e-4, rtol=0)


def test_hips_come_down_to_feet_that_are_far_apart() -> None:
    near = stood(torch.zeros(1, 8), torch.zeros(1, 3))
    apart = torch.tensor([[0.2, 0.0, 0.0, 0.0, 0.2, 0.0, 0.0, 0.0]])
    assert stood(apart, torch.zeros(1, 3))[0, 0, 1] < near[0, 0, 1] - 0.02


def test_a_foot_that_stands_keeps_its_place_whatever_it_is_told() -> None:
    wander = torch.randn(1, 60, 8, generator=torch.Generator().manual_seed(0))
    wander[..., [2, 6]] = 0.9 * PLANTED_M
    kept, _ = FootLock.walk(wander, torch.zeros(1, 6))
    assert kept[..., [0, 1, 3, 4, 5, 7]].abs().max() == 0
    assert kept[..., [2, 6]].abs().max() == 0


def test_a_lifted_foot_goes_where_it_is_told_and_stays_there() -> None:
    told = torch.zeros(1, 40, 8)
    told[..., 0] = 0.1
    told[:, 10:25, 2] = 0.05
    kept, state = FootLock.walk(told, torch.zeros(1, 6))
    assert kept[0, :10, 0].abs().max() == 0
    assert kept[0, 25:, 0].diff().abs().max() == 0
    assert kept[0, -1, 0].item() == pytest.approx(0.1, abs=0.002)
    assert state[0, 0].item() == kept[0, -1, 0].item()


@given(st.integers(0, 2**16))
def test_the_lock_walks_alike_in_one_go_and_frame_by_frame(seed: int) -> None:
    feet = 0.02 * torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(seed))
    whole, after = FootLock.walk(feet, torch.zeros(2, 6))
    state = torch.zeros(2, 6)
    for frame in range(12):
        kept, state = FootLock.step(feet[:, frame], state)
        torch.testing.assert_close(kept, whole[:, frame])
    torch.testing.assert_close(state, after)
