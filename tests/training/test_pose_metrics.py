from itertools import pairwise

import numpy as np
import pytest
import torch

from idol_protocol.channels import GESTURES, POSE_BONES
from idol_protocol.frames import FPS
from training.humanoid.skeleton import about, forward_kinematics
from training.pose.evaluation import contact, integrity, realism, recognition, sameness, timing
from training.pose.evaluation.performance import BodyMotion
from training.pose.evaluation.smoothness import JerkWindows, low_passed, matched_ratio, ratio_to_law

STAND, _ = forward_kinematics(torch.eye(3).expand(22, 3, 3), torch.zeros(3))


def swaying(seconds: float, hz: float, metres: float, seed: int = 0) -> np.ndarray:
    """A standing body [T, 22, 3] of which every joint but the hips circles."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * (hz * np.arange(int(seconds * FPS))[:, None] / FPS + rng.random(22))
    away = metres * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    away[:, 0] = 0
    return STAND.numpy() + away


def wandering(seconds: float, seed: int, metres: float = 0.05) -> np.ndarray:
    """A body [T, 22, 3] whose joints follow smooth noise."""
    noise = np.random.default_rng(seed).standard_normal((int(seconds * FPS), 22, 3))
    path = low_passed(np.cumsum(noise, axis=0) / FPS, 1.0)
    take: np.ndarray = STAND.numpy() + metres * (path - path.mean(axis=0))
    return take


# Jerk


def test_jerk_and_speed_of_a_circling_body_are_those_of_the_circle() -> None:
    windows = JerkWindows.of([swaying(10, 1.0, 0.1)], filtered=False)
    omega, moving = 2 * np.pi, 21 / 22
    # Differences of a sampled circle fall short of derivatives by the sinc of the step.
    step = np.sin(np.pi / FPS) / (np.pi / FPS)
    assert windows.speed_m_s == pytest.approx(0.1 * omega * step * moving, rel=1e-3)
    assert windows.jerk_m_s3 == pytest.approx(0.1 * omega**3 * step**3 * moving, rel=1e-3)


def test_marker_noise_raises_raw_jerk_many_times_and_filtered_jerk_little() -> None:
    clean = swaying(20, 1.0, 0.1)
    noisy = clean + 0.001 * np.random.default_rng(0).standard_normal(clean.shape)

    def jerk(take: np.ndarray, filtered: bool) -> float:
        return float(JerkWindows.of([take], filtered=filtered).jerk_m_s3.mean())

    assert jerk(noisy, False) > 4 * jerk(clean, False)
    assert jerk(noisy, True) < 1.5 * jerk(clean, True)


def test_bodies_are_compared_at_equal_speed_only() -> None:
    real = [
        swaying(12, 1.0, metres, seed) for seed, metres in enumerate(np.geomspace(0.01, 0.1, 8))
    ]
    made = [swaying(12, 2.0, metres / 2, seed) for seed, metres in enumerate((0.02, 0.03, 0.05))]
    found = matched_ratio(
        JerkWindows.of(made, filtered=False), JerkWindows.of(real, filtered=False)
    )
    # Twice as often at equal speed is four times the jerk.
    assert found["ratio"] == pytest.approx(4, rel=0.1)
    assert found["share_compared"] == 1.0
    slow = matched_ratio(
        JerkWindows.of([swaying(12, 1.0, 0.001)], filtered=False),
        JerkWindows.of(real, filtered=False),
    )
    assert slow["ratio"] is None
    assert slow["share_compared"] == 0.0


def test_the_law_reaches_where_no_real_body_moves() -> None:
    real = JerkWindows.of([swaying(12, 1.0, m) for m in (0.02, 0.04, 0.08)], filtered=False)
    slow = JerkWindows.of([swaying(12, 1.0, 0.002)], filtered=False)
    assert ratio_to_law(slow, real) == pytest.approx(1.0, rel=0.02)


# Feet


def test_a_sliding_body_skates_as_fast_as_it_slides() -> None:
    slide = np.arange(60)[:, None, None] / FPS * np.array([0.2, 0, 0])
    found = contact.contact([STAND.numpy() + slide])
    assert found["skate_cm_s"] == pytest.approx(20, rel=1e-3)
    assert found["skating_share"] == 1.0
    still = contact.contact([np.tile(STAND.numpy(), (60, 1, 1))])
    assert still["skate_cm_s"] == 0.0
    assert still["lifted_share"] == still["floating_share"] == 0.0


def test_a_step_is_a_lift_and_no_skate() -> None:
    take = np.tile(STAND.numpy(), (60, 1, 1))
    foot = [POSE_BONES.index("leftFoot"), POSE_BONES.index("leftToes")]
    take[20:40, foot, 1] += 0.05
    take[21:39, foot, 0] += np.linspace(0, 0.1, 18)[:, None]
    take[39:, foot, 0] += 0.1
    found = contact.contact([take])
    assert found["skate_cm_s"] == 0.0
    assert found["lifted_share"] == pytest.approx(20 / 120)
    assert found["highest_lift_cm"] == pytest.approx(5, rel=1e-3)
    assert found["steps_a_minute"] == pytest.approx(30)


def test_floating_and_sinking_bodies_are_told_apart() -> None:
    standing = np.tile(STAND.numpy(), (30, 1, 1))
    up, down = (standing + np.array([0, by, 0]) for by in (0.03, -0.02))
    assert contact.contact([up])["highest_float_cm"] == pytest.approx(3, rel=1e-3)
    assert contact.contact([up])["floating_share"] == 1.0
    assert contact.contact([down])["deepest_sink_cm"] == pytest.approx(2, rel=1e-3)
    assert contact.contact([down])["floating_share"] == 0.0


# Limits, overlaps, turns


def posed(**degrees: tuple[str, float]) -> BodyMotion:
    """One frame pair of a body with some bones turned about an axis."""
    local = torch.eye(3).repeat(1, 2, 22, 1, 1)
    for bone, (axis, angle) in degrees.items():
        local[0, :, POSE_BONES.index(bone)] = about(axis, torch.tensor(float(angle)))
    return BodyMotion.of(local, torch.zeros(1, 2, 3))


def test_a_knee_that_bends_forward_is_beyond_its_range() -> None:
    bent = integrity.joint_limits(posed(leftLowerLeg=("x", -60)))
    assert bent["worst_bone"] == "leftLowerLeg"
    assert bent["worst_deg"] == pytest.approx(50, abs=3)
    assert bent["frames_share"] == 1.0
    assert integrity.joint_limits(posed(leftLowerLeg=("x", 60)))["bone_frames"] == 0


def test_an_arm_through_the_trunk_is_deep_and_a_hanging_one_is_not() -> None:
    hanging = integrity.self_penetration(posed(leftUpperArm=("z", -70)))
    assert hanging["deepest_cm"] == 0.0
    folded = integrity.self_penetration(posed(leftUpperArm=("z", -89), leftLowerArm=("z", -80)))
    assert folded["deepest_cm"] > 2.0
    assert folded["frames_share"] == 1.0


def test_the_largest_turn_is_found_where_it_happens() -> None:
    local = torch.eye(3).repeat(1, 40, 22, 1, 1)
    hand = POSE_BONES.index("rightHand")
    local[0, 10:, hand] = about("x", torch.tensor(12.0))
    local[0, 30:, hand] = about("x", torch.tensor(15.0))
    lively = np.zeros((1, 40), bool)
    lively[0, 5:15] = True
    found = integrity.largest_turns(local.numpy(), lively)
    assert found["in_gestures_and_dances"]["largest_deg"] == pytest.approx(12, rel=1e-3)
    assert found["in_gestures_and_dances"]["bone"] == "rightHand"
    assert found["elsewhere"]["largest_deg"] == pytest.approx(3, rel=1e-3)


# Repetition


def test_a_loop_is_found_and_a_wandering_body_has_none() -> None:
    loop = np.tile(wandering(10, 0), (6, 1, 1))
    found = sameness.closest_to_itself([loop])
    assert found["posture_cm"] < 0.01
    assert found["movement"] < 0.02
    assert abs(found["and_s"] - found["at_s"]) % 10 == pytest.approx(0, abs=0.11)
    free = sameness.closest_to_itself([wandering(60, 1)])
    assert free["posture_cm"] > 20 * found["posture_cm"]
    assert free["movement"] > 0.3


def test_a_stretch_that_two_bodies_share_is_found_at_any_two_times() -> None:
    first, second = wandering(30, 2), wandering(30, 3)
    apart = sameness.closest([first, second])
    second = second.copy()
    second[600:690] = first[150:240]
    shared = sameness.closest([first, second])
    assert shared["posture_cm"] < 0.01
    assert shared["at_s"] == pytest.approx(5, abs=1)
    assert shared["and_s"] - shared["at_s"] == pytest.approx(15, abs=0.01)
    assert apart["posture_cm"] > 0.5


def test_window_distances_are_those_of_a_plain_loop() -> None:
    from training.pose.evaluation.smoothness import TELLING_AT

    a, b = wandering(8, 4), wandering(9, 5)
    fast = sameness.posture_distances(a, b)
    x, y = a[:: sameness.STEP, TELLING_AT], b[:: sameness.STEP, TELLING_AT]
    n = sameness.WINDOW
    for i, j in ((0, 0), (3, 40), (59, 11)):
        plain = np.linalg.norm(x[i : i + n] - y[j : j + n], axis=-1).mean()
        assert fast[i, j] == pytest.approx(plain, rel=1e-3)


def test_equal_bodies_have_no_diversity() -> None:
    one = wandering(4, 6)
    assert sameness.diversity_cm(np.stack([one, one, one])) == 0.0
    raised = one + np.array([0, 0.02, 0])
    assert sameness.diversity_cm(np.stack([one, raised])) == pytest.approx(2.0, rel=1e-3)


# Time


def bouncing(bpm: float, seconds: int, late: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A body that comes to rest on every beat, and its music's place in the eight-count."""
    beats = np.arange(seconds * FPS) / FPS * bpm / 60
    away = np.cos(np.pi * (beats - late * bpm / 60))[:, None, None] * np.array([0, 0.05, 0])
    return STAND.numpy() + away, (beats / 8) % 1


def test_a_dance_on_the_beat_is_far_above_its_shifted_control() -> None:
    takes, positions = zip(*(bouncing(bpm, 30) for bpm in (90, 104, 118, 130)), strict=True)
    found = timing.dance_alignment(takes, np.stack(positions))
    assert found["score"] > 0.9
    assert found["shifted_mean"] < 0.5
    assert found["above_shifted_se"] > 3
    assert found["kinematic_per_music_beat"] == pytest.approx(1, abs=0.1)


def test_a_dance_to_other_music_is_no_better_than_its_control() -> None:
    takes, _ = zip(*(bouncing(bpm, 30) for bpm in (90, 104, 118, 130)), strict=True)
    _, positions = zip(*(bouncing(bpm, 30) for bpm in (101, 93, 127, 111)), strict=True)
    found = timing.dance_alignment(takes, np.stack(positions))
    assert abs(found["gain"]) < 0.05


def test_music_beats_fall_between_frames_where_they_do() -> None:
    _, position = bouncing(100, 10)
    beats = timing.music_beats(position)
    assert beats == pytest.approx(np.arange(1, len(beats) + 1) * 18.0, abs=1e-6)


def test_a_body_that_does_not_move_has_no_beats() -> None:
    still = np.tile(STAND.numpy(), (90, 1, 1))
    assert len(timing.kinematic_beats(still)) == 0
    assert timing.alignment(timing.kinematic_beats(still), np.arange(10.0)) == 0.0


# Realism


def test_the_distance_of_half_the_captures_to_the_rest_is_far_below_that_of_a_still_body() -> None:
    people = {f"{n:02}": [wandering(25, 10 * n + k, 0.1) for k in range(2)] for n in range(3)}
    reference = realism.BodyReference.of(people)
    like = [wandering(25, 500 + k, 0.1) for k in range(6)]
    found = reference.report({"like them": like})
    for kind in realism.KINDS:
        still = found[kind]["controls"][realism.STILL]["to_all"]
        assert found[kind]["made"]["like them"]["to_all"] < 0.5 * still
        assert found[kind]["floor_half_to_half"]["to_all"] < 0.5 * still
        assert found[kind]["protocol"].startswith(f"body-fd-2/{kind}/")
    noise = found["movement"]["controls"][realism.NOISE]["to_all"]
    assert noise > 10 * found["movement"]["made"]["like them"]["to_all"]


def test_features_do_not_see_where_a_body_stands_or_faces() -> None:
    take = wandering(5, 7)
    turn = about("y", torch.tensor(70.0)).double().numpy()
    moved = take @ turn.T + np.array([3.0, 0, -2.0])
    np.testing.assert_allclose(
        realism.facing_forward(moved), realism.facing_forward(take), atol=1e-6
    )


# Recognition


def test_warping_forgives_lateness_and_not_another_path() -> None:
    time = np.linspace(0, 1, recognition.MOMENTS)
    path = np.stack([np.sin(6 * time), np.cos(4 * time)], axis=1)
    late = np.stack([np.sin(6 * time**1.2), np.cos(4 * time**1.2)], axis=1)
    other = path[:, ::-1]
    distances = recognition.warped_distances(np.stack([path]), np.stack([path, late, other]))[0]
    assert distances[0] == 0.0
    assert distances[1] < 0.2 * distances[2]
    straight = np.linalg.norm(path - late, axis=1).mean()
    assert distances[1] < 0.5 * straight


def test_the_nearest_templates_decide_what_a_gesture_was() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((len(GESTURES) + 1, 1, 4))
    labels = np.repeat(np.arange(len(GESTURES) + 1), 4)
    shape = (len(labels), recognition.MOMENTS, 4)
    templates = recognition.Templates(centres[labels] + 0.1 * rng.standard_normal(shape), labels)
    unknown = centres[[3, 0, 10]] + 0.1 * rng.standard_normal((3, *shape[1:]))
    assert templates.recognise(unknown).tolist() == [3, 0, 10]


def test_beats_of_the_same_tempo_are_evenly_apart() -> None:
    take, _ = bouncing(120, 20)
    gaps = [b - a for a, b in pairwise(timing.kinematic_beats(take))]
    assert np.median(gaps) == pytest.approx(15, abs=0.6)
