import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from idol_runtime.motion import rotations

Turns = NDArray[np.float64]

turns = arrays(np.float64, (5, 3), elements=st.floats(-3.0, 3.0)).map(
    lambda vectors: rotations.normalise(Rotation.from_rotvec(vectors).as_quat())
)


@given(turns, turns)
def test_products_rotations_and_matrices_agree_with_scipy(a: Turns, b: Turns) -> None:
    product = (Rotation.from_quat(a) * Rotation.from_quat(b)).as_matrix()
    np.testing.assert_allclose(rotations.to_matrix(rotations.multiply(a, b)), product, atol=1e-9)
    point = np.array([0.3, -1.0, 2.0])
    turned = Rotation.from_quat(a).apply(point)
    np.testing.assert_allclose(rotations.rotate(a, point), turned, atol=1e-9)


@given(turns)
def test_every_form_of_a_rotation_leads_back_to_it(q: Turns) -> None:
    forms = (
        rotations.from_matrix(rotations.to_matrix(q)),
        rotations.from_rot6d(rotations.to_rot6d(q)),
        rotations.from_yaw_pitch_roll(rotations.to_yaw_pitch_roll(q)),
    )
    for again in forms:
        # arccos-free: near the poles of pitch, half an ulp is a micro-degree.
        assert rotations.angle_between(q, again).max() < 1e-4


@given(turns, turns)
def test_slerp_moves_at_an_even_pace_along_the_shorter_arc(a: Turns, b: Turns) -> None:
    whole = rotations.angle_between(a, b)
    half = rotations.slerp(a, b, 0.5)
    np.testing.assert_allclose(rotations.angle_between(a, half), whole / 2, atol=1e-3)
    assert rotations.angle_between(rotations.slerp(a, b, 1.0), b).max() < 1e-4


def test_positive_yaw_turns_left_pitch_looks_down_roll_tilts_right() -> None:
    yaw, pitch, roll = rotations.from_yaw_pitch_roll(30.0 * np.eye(3))
    front, up = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    assert rotations.rotate(yaw, front)[0] > 0.4
    assert rotations.rotate(pitch, front)[1] < -0.4
    assert rotations.rotate(roll, up)[0] < -0.4
