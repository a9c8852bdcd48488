import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from training.humanoid.clip import Array, Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files.placement import facing_forward


def standing(frames: int, yaw: float, place_m: tuple[float, float, float]) -> Clip:
    """A body that sways at the waist, turned and moved as a whole."""
    local = np.tile(np.eye(3), (frames, 22, 1, 1))
    sway = Rotation.from_euler("x", np.linspace(0, 20, frames)[:, None], degrees=True)
    local[:, POSE_BONES.index("spine")] = sway.as_matrix()
    local[:, 0] = Rotation.from_euler("y", yaw, degrees=True).as_matrix()
    return Clip("", 30, local, np.tile(np.array(place_m), (frames, 1)), np.ones(22, bool))


def joints_of(clip: Clip) -> Array:
    local, hips_m = torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m)
    joints: Array = forward_kinematics(local, hips_m)[0].numpy()
    return joints


@settings(max_examples=30)
@given(
    yaw=st.floats(-180, 180),
    place=st.tuples(st.floats(-9, 9), st.just(0.0), st.floats(-9, 9)),
)
def test_wherever_it_was_recorded_it_faces_forward_over_the_origin(
    yaw: float, place: tuple[float, float, float]
) -> None:
    found = facing_forward(standing(10, yaw, place))
    np.testing.assert_allclose(joints_of(found), joints_of(standing(10, 0, (0, 0, 0))), atol=1e-6)


def test_a_walk_in_a_circle_keeps_its_circle() -> None:
    clip = standing(40, 0, (0, 0, 0))
    angles = np.linspace(0, np.pi / 2, 40)
    clip.local[:, 0] = Rotation.from_euler("y", angles[:, None]).as_matrix()
    clip.hips_m[:, 0], clip.hips_m[:, 2] = np.sin(angles), np.cos(angles)
    found = facing_forward(clip)
    before, after = joints_of(clip), joints_of(found)
    for a, b in ((0, 39), (5, 20)):
        np.testing.assert_allclose(
            np.linalg.norm(after[a, :, None] - after[b, None], axis=-1),
            np.linalg.norm(before[a, :, None] - before[b, None], axis=-1),
            atol=1e-9,
        )
    assert abs(found.local[:, 0, 0, 2].mean()) < 1e-9
