import numpy as np
import pytest
import torch

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENT_OF, PARENTS
from idol_runtime.motion import skeleton
from idol_runtime.motion.rotations import from_yaw_pitch_roll, normalise, to_matrix
from training.humanoid import skeleton as trained


def test_every_bone_has_its_parent_before_it_and_both_sides_mirror_each_other() -> None:
    assert all(parent < bone for bone, parent in enumerate(PARENTS))
    for bone, offset in zip(POSE_BONES, OFFSETS_M, strict=True):
        if bone.startswith("left"):
            mirrored = OFFSETS_M[POSE_BONES.index(bone.replace("left", "right"))]
            assert mirrored == (-offset[0], *offset[1:])
            parent = PARENT_OF[bone].replace("left", "right")
            assert PARENT_OF[bone.replace("left", "right")] == parent


def test_torch_and_numpy_stand_in_the_reference_bodys_t_pose() -> None:
    places: list[list[float]] = []
    for parent, offset in zip(PARENTS, OFFSETS_M, strict=True):
        above = places[parent] if parent >= 0 else [0.0, 0.0, 0.0]
        places.append([a + b for a, b in zip(above, offset, strict=True)])
    rest = np.tile(np.array([0, 0, 0, 1.0]), (22, 1))
    joints, _ = skeleton.forward_kinematics(rest, np.zeros(3))
    np.testing.assert_allclose(joints, places, atol=1e-6)
    matrices = torch.eye(3, dtype=torch.float64).expand(22, 3, 3)
    theirs, _ = trained.forward_kinematics(matrices, torch.zeros(3, dtype=torch.float64))
    np.testing.assert_allclose(theirs.numpy(), places, atol=1e-12)


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
