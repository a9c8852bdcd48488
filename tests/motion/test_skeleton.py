import numpy as np
import pytest
import torch

from idol_protocol.channels import POSE_BONES
from idol_runtime.motion import skeleton
from idol_runtime.motion.rotations import from_yaw_pitch_roll, normalise, to_matrix
from training.humanoid import skeleton as trained


def test_training_and_runtime_have_the_same_bones() -> None:
    assert trained.PARENTS == skeleton.PARENTS
    np.testing.assert_allclose(trained.OFFSETS_M, skeleton.OFFSETS_M, atol=1e-6)


def test_the_t_pose_has_level_arms_and_stands_on_the_floor() -> None:
    rest = np.tile(np.array([0, 0, 0, 1], np.float32), (22, 1))
    joints, _ = skeleton.forward_kinematics(rest, np.zeros(3, np.float32))
    at = dict(zip(POSE_BONES, joints, strict=True))
    assert at["leftHand"][0] > 0.4 > -0.4 > at["rightHand"][0]
    assert at["leftHand"][1] == pytest.approx(at["leftUpperArm"][1])
    assert 0.0 < at["leftToes"][1] < 0.05
    assert at["leftToes"][2] > at["leftFoot"][2]


def test_torch_and_numpy_kinematics_agree() -> None:
    rng = np.random.default_rng(0)
    turns = normalise(rng.standard_normal((6, 22, 4)))
    hips = rng.standard_normal((6, 3))
    joints, _ = skeleton.forward_kinematics(turns, hips)
    matrices = torch.from_numpy(to_matrix(turns))
    theirs, _ = trained.forward_kinematics(matrices, torch.from_numpy(hips))
    np.testing.assert_allclose(theirs.numpy(), joints, atol=1e-6)
    again = trained.quaternion_from_matrix(matrices).numpy()
    np.testing.assert_allclose(again, turns, atol=1e-6)


def test_bending_an_elbow_moves_the_hand_alone() -> None:
    turns = np.tile(np.array([0, 0, 0, 1.0]), (22, 1))
    rest, _ = skeleton.forward_kinematics(turns, np.zeros(3))
    elbow, hand = POSE_BONES.index("leftLowerArm"), POSE_BONES.index("leftHand")
    turns[elbow] = from_yaw_pitch_roll(np.array([-90.0, 0.0, 0.0]))
    bent, _ = skeleton.forward_kinematics(turns, np.zeros(3))
    moved = np.linalg.norm(bent - rest, axis=-1)
    assert moved[hand] == pytest.approx(0.2 * np.sqrt(2), abs=1e-2)
    assert np.delete(moved, hand).max() == pytest.approx(0.0, abs=1e-9)
