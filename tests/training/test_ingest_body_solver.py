"""Our skeleton shows its points, the solver finds how it stood."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_protocol.channels import POSE_BONES
from tests.training.shown_bodies import (
    EVERYTHING,
    bodies,
    degrees_between,
    joints_of,
    limb_errors_deg,
    points_of,
)
from training.humanoid.skeleton import about
from training.ingest.body_film import (
    smoothed,
)
from training.ingest.body_points import POINTS
from training.ingest.body_solver import solve, standing
from training.pose.limits import excess_deg


def test_limbs_point_where_the_body_pointed_them() -> None:
    true = bodies(200, seed=1)
    made = solve("a", points_of(true), 30.0, EVERYTHING)
    assert limb_errors_deg(made.local, true).max() < 0.01


def test_joints_turn_about_themselves_as_the_body_turned_them() -> None:
    true = bodies(200, seed=2)
    made = solve("a", points_of(true), 30.0, EVERYTHING)
    error = degrees_between(joints_of(made.local)[1], joints_of(true)[1])
    worst = {bone: error[:, POSE_BONES.index(bone)].max() for bone in POSE_BONES}
    for side in ("left", "right"):
        for bone in ("UpperArm", "Hand", "UpperLeg", "LowerLeg", "Foot"):
            assert worst[side + bone] < 2, side + bone
        # Forearm and wrist share the turn of a hand.
        assert worst[f"{side}LowerArm"] < 6
    assert worst["head"] < 0.5
    # Four points do not say how the pelvis and the spine share a bend.
    assert error[:, POSE_BONES.index("hips")].mean() < 10
    assert error[:, POSE_BONES.index("upperChest")].mean() < 10


def test_the_trunk_leads_from_the_hips_to_where_the_shoulders_were() -> None:
    true = bodies(200, seed=3)
    made = solve("a", points_of(true), 30.0, EVERYTHING)
    found = []
    for local in (made.local, true):
        points = points_of(local)
        middles = [
            (points[:, POINTS.index(f"left{name}")] + points[:, POINTS.index(f"right{name}")]) / 2
            for name in ("Hip", "Shoulder")
        ]
        trunk = middles[1] - middles[0]
        found.append(trunk / np.linalg.norm(trunk, axis=-1, keepdims=True))
    cosine = (found[0] * found[1]).sum(axis=-1).clip(-1, 1)
    assert np.degrees(np.arccos(cosine)).max() < 1


def test_noise_of_a_centimetre_turns_limbs_by_a_few_degrees_and_smoothing_halves_it() -> None:
    rng = np.random.default_rng(4)
    still = bodies(3, seed=4).repeat(120, axis=0)
    noisy = points_of(still) + rng.normal(0, 0.01, (360, 33, 3))
    raw = limb_errors_deg(solve("a", noisy, 30.0, EVERYTHING).local, still).mean()
    calm = np.concatenate(
        [
            smoothed(part.reshape(len(part), -1).astype(np.float32), 30.0).reshape(part.shape)
            for part in np.split(noisy, 3)
        ]
    )
    left = limb_errors_deg(solve("a", calm, 30.0, EVERYTHING).local, still).mean()
    assert raw < 5
    assert left < 0.6 * raw


def test_smoothing_has_no_lag_and_keeps_a_stroke() -> None:
    times_s = np.arange(90) / 30
    stroke = np.exp(-(((times_s - 1.5) / 0.15) ** 2))[:, None].astype(np.float32)
    calm = smoothed(stroke, 30.0)
    assert calm[:, 0].argmax() == stroke[:, 0].argmax()
    assert calm.max() > 0.85


def test_an_arm_keeps_its_twist_while_it_is_straight() -> None:
    frames = 60
    true = bodies(1, seed=5).repeat(frames, axis=0)
    bend = torch.from_numpy(np.abs(np.linspace(-70, 70, frames)))
    elbow, upper = POSE_BONES.index("leftLowerArm"), POSE_BONES.index("leftUpperArm")
    true[:, elbow] = about("y", -bend).numpy()
    true[:, POSE_BONES.index("leftHand")] = np.eye(3)
    made = solve("a", points_of(true), 30.0, EVERYTHING)
    error = degrees_between(joints_of(made.local)[1], joints_of(true)[1])
    assert bend.min() < 2
    assert error[:, upper].max() < 8
    steps = degrees_between(made.local[1:, upper], made.local[:-1, upper])
    assert steps.max() < 5


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.15))
def test_whatever_the_points_say_hinges_bend_the_way_they_can(seed: int, noise_m: float) -> None:
    rng = np.random.default_rng(seed)
    points = points_of(bodies(20, seed)) + rng.normal(0, noise_m, (20, 33, 3))
    made = solve("a", points, 30.0, EVERYTHING)
    gram = made.local @ made.local.swapaxes(-1, -2)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(made.local), 1, atol=1e-6)
    excess = excess_deg(torch.from_numpy(made.local)).amax(dim=0)
    for side in ("left", "right"):
        shin = made.local[:, POSE_BONES.index(f"{side}LowerLeg")] @ np.array([0.0, -1.0, 0.0])
        assert np.degrees(np.arcsin(shin[:, 2].clip(-1, 1))).max() < 10
        fore = made.local[:, POSE_BONES.index(f"{side}LowerArm")] @ np.array([1.0, 0.0, 0.0])
        assert ((fore if side == "left" else -fore)[:, 2]).min() > -0.13
        assert excess[POSE_BONES.index(f"{side}Hand")] < 15
    for bone in ("spine", "chest", "upperChest", "neck", "head"):
        assert excess[POSE_BONES.index(bone)] < 15, bone


def test_the_lower_foot_stands_on_the_floor() -> None:
    made = solve("a", points_of(bodies(50, seed=6)) + np.array([0.4, 7.0, -2.0]), 30.0, EVERYTHING)
    joints, world = joints_of(made.local, made.hips_m)
    feet = [POSE_BONES.index(f"{side}Foot") for side in ("left", "right")]
    soles = [
        joints[:, foot] + world[:, foot] @ np.array([0, -0.088, ahead])
        for foot in feet
        for ahead in (-0.05, 0.104)
    ]
    assert np.abs(np.min(soles, axis=0)[:, 1]).max() < 1e-3


def test_hips_that_sway_over_planted_feet_sway_by_as_much() -> None:
    frames = 90
    sway = 8 * np.sin(2 * np.pi * np.arange(frames) / 45)
    local = np.tile(np.eye(3), (frames, 22, 1, 1))
    turn = about("z", torch.from_numpy(sway)).numpy()
    for side in ("left", "right"):
        local[:, POSE_BONES.index(f"{side}UpperLeg")] = turn
        local[:, POSE_BONES.index(f"{side}Foot")] = turn.swapaxes(-1, -2)
    hips_m = standing(local, 30.0)
    leg_m = 0.384 + 0.378
    np.testing.assert_allclose(hips_m[:, 0], -leg_m * np.sin(np.radians(sway)), atol=0.005)
    feet = joints_of(local, hips_m)[0][:, POSE_BONES.index("leftFoot")]
    assert np.ptp(feet, axis=0).max() < 0.01


def test_what_the_film_does_not_show_stays_at_rest_and_unknown() -> None:
    parts = {"torso", "head", "left arm", "left hand"}
    made = solve("a", points_of(bodies(10, seed=7)), 30.0, parts)
    unknown = {bone for bone, known in zip(POSE_BONES, made.known, strict=True) if not known}
    assert {"rightUpperArm", "leftUpperLeg", "leftShoulder", "leftToes"} <= unknown
    assert not {"leftHand", "head", "hips"} & unknown
    assert (made.local[:, ~made.known] == np.eye(3)).all()
    assert not made.hips_m.any()
