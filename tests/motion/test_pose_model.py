from pathlib import Path

import numpy as np
import pytest

import idol_runtime
from idol_protocol.channels import ACTIVITIES, GESTURES, POSE_BONES
from idol_runtime.errors import BundleError
from idol_runtime.motion.gestures import FADE_FRAMES
from idol_runtime.motion.pose import PoseInputs, PoseModel, with_head
from idol_runtime.motion.rotations import angle_between, from_yaw_pitch_roll, multiply
from idol_runtime.motion.skeleton import forward_kinematics

pytestmark = pytest.mark.slow

BUNDLE = Path(idol_runtime.__file__).parent / "bundles" / "pose"


def fading(frames: int) -> float:
    """The weight of a gesture so long after it was cut."""
    share = min(1.0, frames / FADE_FRAMES)
    return 1 - share**3 * (10 - 15 * share + 6 * share**2)


def perform(
    activity: str, seeds: list[int], frames: int, *, gesture: str = "", bpm: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [T, B, 22, 4] and joints [T, B, 22, 3] of characters in silence.

    A gesture begins after a second and is cut after two.
    """
    model = PoseModel.open(BUNDLE)
    rows = len(seeds)
    audio = np.full((rows, 160), -1.03, np.float32)
    doing = np.tile(np.eye(5, dtype=np.float32)[ACTIVITIES.index(activity)], (rows, 1))
    emotion, style = np.zeros((rows, 8), np.float32), np.zeros((rows, 16), np.float32)
    state, noise_state = model.initial_state(rows), model.noise.initial_state(np.array(seeds))
    turns, joints = [], []
    for frame in range(frames):
        noise, noise_state = model.noise.step(noise_state)
        gestures, beat = np.zeros((rows, 20), np.float32), np.zeros((rows, 2), np.float32)
        if gesture and frame >= 30:
            at = GESTURES.index(gesture)
            gestures[:, at] = 1.0 if frame < 60 else fading(frame - 59)
            gestures[:, 10 + at] = (min(frame, 59) - 29) / (
                30 * model.config.gesture_seconds[gesture]
            )
        if bpm:
            beat[:] = frame / 30 * bpm / 60 / 8 % 1, 0.8
        made, state = model.step(
            PoseInputs(audio, doing, emotion, gestures, beat, style, noise), state
        )
        turns.append(made.rotations)
        joints.append(forward_kinematics(made.rotations, made.hips)[0])
    return np.stack(turns), np.stack(joints)


def test_an_idle_body_stands_with_hanging_arms_and_planted_feet() -> None:
    turns, joints = perform("idle", [1, 2], 300)
    at = {bone: joints[:, :, index] for index, bone in enumerate(POSE_BONES)}
    np.testing.assert_allclose(np.linalg.norm(turns, axis=-1), 1.0, atol=1e-5)
    assert (at["leftHand"][..., 1] < at["spine"][..., 1] + 0.15).all()
    assert (at["head"][..., 1] > 1.25).all()
    assert slide_m_s(joints) < 0.01
    assert slide_m_s(joints, 1e-4) < 0.003
    # Alive: the body moves, yet never jumps.
    assert joints.std(axis=0).max() > 0.01
    assert angle_between(turns[:-1], turns[1:]).max() < 20


def feet(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ankles [T, B, 2, 3], and how high each is above its lowest place [T, B, 2]."""
    ankles = joints[..., [POSE_BONES.index("leftFoot"), POSE_BONES.index("rightFoot")], :]
    return ankles, ankles[..., 1] - ankles[..., 1].min(axis=0)


def slide_m_s(joints: np.ndarray, within_m: float = 0.001) -> float:
    """How fast a foot that stands, so near to the floor, moves over it at worst."""
    ankles, height = feet(joints)
    low = height < within_m
    moved = np.linalg.norm(np.diff(ankles[..., [0, 2]], axis=0), axis=-1)
    return float(30 * moved[low[1:] & low[:-1]].max())


def test_an_idle_body_takes_a_small_step_now_and_then() -> None:
    turns, joints = perform("idle", [1, 2, 3], 3600)
    ankles, height = feet(joints)
    lifts = (height[1:] > 0.01) & (height[:-1] <= 0.01)
    assert 3 <= lifts.sum() <= 36  # in six minutes of three bodies
    assert height.max() < 0.055
    assert np.ptp(ankles[..., 2], axis=0).max() > 0.02
    assert (height.min(axis=-1) < 0.001).all()  # one foot stands
    assert slide_m_s(joints) < 0.02
    assert slide_m_s(joints, 1e-4) < 0.003
    assert angle_between(turns[:-1], turns[1:]).max() < 20


@pytest.mark.parametrize("gesture", GESTURES)
def test_a_gesture_moves_the_body_and_cutting_it_makes_no_jump(gesture: str) -> None:
    turns, _ = perform("idle", [1], 110, gesture=gesture)
    without, _ = perform("idle", [1], 110)
    apart = angle_between(turns, without)[:, 0].max(axis=-1)
    assert apart[:29].max() < 0.01
    assert apart[30:60].max() > 3
    assert apart[105:].max() < 0.5 * apart[30:60].max()
    assert angle_between(turns[59:-1], turns[60:]).max() < 20


def test_a_dance_steps_on_the_beat_and_feet_that_stand_do_not_slide() -> None:
    _, joints = perform("dance", [1, 2, 3], 600, bpm=120)
    ankles, height = feet(joints)
    assert (height.max(axis=0) > 0.02).all()
    assert slide_m_s(joints) < 0.01
    assert np.ptp(ankles[..., 0], axis=0).max() > 0.05


def test_two_seeds_move_differently_and_one_seed_repeats_itself() -> None:
    first, _ = perform("idle", [1, 2], 90)
    again, _ = perform("idle", [1, 2], 90)
    np.testing.assert_array_equal(first, again)
    assert angle_between(first[-1, 0], first[-1, 1]).max() > 1.0


def test_a_row_does_not_depend_on_who_shares_its_batch() -> None:
    together, _ = perform("think", [5, 6, 7], 60)
    alone, _ = perform("think", [6], 60)
    np.testing.assert_allclose(together[:, 1], alone[:, 0], atol=1e-5)


def test_the_head_of_the_face_is_shared_by_neck_and_head() -> None:
    rest = np.tile(np.array([0, 0, 0, 1], np.float32), (22, 1))
    turned = with_head(rest, np.array([30, 0, 0], np.float32))
    neck, head = turned[POSE_BONES.index("neck")], turned[POSE_BONES.index("head")]
    assert float(angle_between(rest[0], neck)) == pytest.approx(12, abs=1e-3)
    whole = from_yaw_pitch_roll(np.array([30.0, 0.0, 0.0]))
    assert float(angle_between(multiply(neck, head), whole)) == pytest.approx(0, abs=1e-2)


def test_a_folder_without_a_bundle_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle"):
        PoseModel.open(tmp_path)
