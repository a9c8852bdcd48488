"""Our skeleton shows its points, the solver finds how it stood; MediaPipe itself needs films."""

from pathlib import Path
from typing import Self

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from training.humanoid.skeleton import about, forward_kinematics
from training.ingest import body_film
from training.ingest.bodies import clip_of
from training.ingest.body_film import (
    BodyFilms,
    BodyTake,
    body_recordings,
    known_parts,
    parts_seen,
    smoothed,
)
from training.ingest.body_points import HEAD_POINTS, PARTS, POINTS
from training.ingest.body_solver import solve, standing
from training.ingest.card import RecordingError
from training.ingest.landmarker import BodyLandmarker, SeenBody
from training.ingest.sound import Sound
from training.pose.limits import excess_deg
from training.pose.posture import CHANNELS, SIZE, posture_rotations

Array = NDArray[np.float64]
JOINT_POINTS = {
    "Shoulder": "UpperArm", "Elbow": "LowerArm", "Wrist": "Hand",
    "Hip": "UpperLeg", "Knee": "LowerLeg", "Ankle": "Foot",
}  # fmt: skip
LIMBS = [
    (f"{side}{start}", f"{side}{end}")
    for side in ("left", "right")
    for start, end in (
        ("UpperArm", "LowerArm"), ("LowerArm", "Hand"), ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
    )
]  # fmt: skip
RANGES = {
    "down": (-20, 80), "swing": (-25, 90), "twist": (-40, 60), "bend": (25, 130),
    "turn": (-60, 60), "wrist": (-30, 30), "tilt": (-15, 15),
    "spine_lean": (-10, 30), "spine_turn": (-25, 25), "spine_side": (-12, 12),
    "hips_yaw": (-40, 40), "hips_pitch": (-5, 15), "hips_roll": (-5, 5),
    "head_yaw": (-35, 35), "head_pitch": (-20, 20), "head_roll": (-12, 12),
}  # fmt: skip
KNEE_DEG = (20.0, 90.0)
EVERYTHING = set(PARTS)


def bodies(frames: int, seed: int) -> Array:
    """Local rotations [T, 22, 3, 3] of postures that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    pose = torch.zeros(frames, SIZE, dtype=torch.float64)
    for at, channel in enumerate(CHANNELS):
        plain = channel.removeprefix("left_").removeprefix("right_")
        if plain in RANGES:
            pose[:, at] = torch.from_numpy(rng.uniform(*RANGES[plain], frames))
    local = torch.eye(3, dtype=torch.float64).repeat(frames, 22, 1, 1)
    local[:, :14] = posture_rotations(pose)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee, hip, out, turn, ankle = (
            torch.from_numpy(rng.uniform(low, high, frames))
            for low, high in (KNEE_DEG, (-5, 60), (-2, 20), (-10, 25), (-20, 15))
        )
        turned = about("x", -hip) @ about("z", sign * out) @ about("y", sign * turn)
        local[:, POSE_BONES.index(f"{side}UpperLeg")] = turned
        local[:, POSE_BONES.index(f"{side}LowerLeg")] = about("x", knee)
        local[:, POSE_BONES.index(f"{side}Foot")] = about("x", ankle)
    return local.numpy()


def joints_of(local: Array, hips_m: Array | None = None) -> tuple[Array, Array]:
    hips = torch.zeros(len(local), 3).double() if hips_m is None else torch.from_numpy(hips_m)
    joints, world = forward_kinematics(torch.from_numpy(local), hips)
    return joints.numpy(), world.numpy()


def points_of(local: Array) -> Array:
    """[T, 33, 3], where MediaPipe would see this body's points."""
    joints, world = joints_of(local)
    points = np.zeros((len(local), len(POINTS), 3))

    def put(name: str, bone: str, offset: tuple[float, float, float] = (0, 0, 0)) -> None:
        at = POSE_BONES.index(bone)
        points[:, POINTS.index(name)] = joints[:, at] + world[:, at] @ np.array(offset, float)

    for name, offset in HEAD_POINTS.items():
        put(name, "head", offset)
    for side, out in (("left", 1), ("right", -1)):
        for name, bone in JOINT_POINTS.items():
            put(side + name, side + bone)
        put(f"{side}Index", f"{side}Hand", (0.09 * out, 0, 0.02))
        put(f"{side}Pinky", f"{side}Hand", (0.09 * out, 0, -0.02))
        put(f"{side}Thumb", f"{side}Hand", (0.04 * out, 0, 0.03))
        put(f"{side}Heel", f"{side}Foot", (0, -0.088, -0.05))
        put(f"{side}Toe", f"{side}Foot", (0, -0.088, 0.16))
    return points


def degrees_between(a: Array, b: Array) -> Array:
    """[...] between rotations [..., 3, 3] of one body and of another."""
    turn: Array = Rotation.from_matrix((a.swapaxes(-1, -2) @ b).reshape(-1, 3, 3)).magnitude()
    return np.degrees(turn).reshape(a.shape[:-2])


def limb_errors_deg(made: Array, true: Array) -> Array:
    """[limbs, T] between the directions of arms and legs."""
    found = []
    for start, end in LIMBS:
        directions = []
        for joints in (joints_of(made)[0], joints_of(true)[0]):
            limb = joints[:, POSE_BONES.index(end)] - joints[:, POSE_BONES.index(start)]
            directions.append(limb / np.linalg.norm(limb, axis=-1, keepdims=True))
        cosine = (directions[0] * directions[1]).sum(axis=-1).clip(-1, 1)
        found.append(np.degrees(np.arccos(cosine)))
    return np.stack(found)


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


def visible(frames: int, hidden: dict[str, slice]) -> Array:
    seen = np.ones((frames, len(POINTS)))
    for name, rows in hidden.items():
        seen[rows, POINTS.index(name)] = 0.2
    return seen


def test_a_part_is_known_when_it_is_mostly_seen_and_hangs_on_one_that_is() -> None:
    hidden = {"leftWrist": slice(0, 90), "rightKnee": slice(0, 50), "nose": slice(0, 5)}
    known = known_parts(parts_seen(visible(100, hidden)))
    # Without its arm a hand hangs on nothing; one leg alone does not say where the floor is.
    assert known == {"torso", "head", "right arm", "right hand"}


def test_a_body_that_is_hidden_for_long_is_cut_there_and_for_a_moment_is_bridged() -> None:
    times_s = np.arange(200) / 50
    gone = np.zeros(200, np.bool_)
    gone[40:45] = True
    gone[100:125] = True
    points = points_of(bodies(1, seed=8).repeat(200, axis=0))
    sound = Sound(np.zeros(64_000, np.int16), 0.0)
    take = BodyTake(times_s[~gone], points[~gone], EVERYTHING, sound)
    reading = body_recordings("a", "anna", take, 30.0, "speak")
    assert [(each.name, round(each.seconds, 2)) for each in reading.recordings] == [
        ("a_1", 2.0),
        ("a_2", 1.5),
    ]
    assert "a: 5 lost frames were interpolated" in reading.notes
    first = reading.recordings[0]
    assert first.audio is not None
    assert (first.fps, first.activity, len(first.audio)) == (30.0, "speak", 32_000)
    assert limb_errors_deg(clip_of(first).local, bodies(1, seed=8).repeat(60, axis=0)).max() < 0.1


class WhiteIsBody:
    """Sees our skeleton where a film is bright, an arm raised as far as the film is bright."""

    def __init__(self, task: Path) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenBody | None:
        bright = picture.mean() / 255
        if bright < 0.1:
            return None
        local = np.tile(np.eye(3), (1, 22, 1, 1))
        turn = about("z", torch.tensor(-60.0 * (1 - bright), dtype=torch.float64))
        local[0, POSE_BONES.index("leftUpperArm")] = turn.numpy()
        return SeenBody(points_of(local)[0], np.ones(len(POINTS)))


def test_a_film_becomes_a_recording_with_its_timing_and_what_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_film, "BodyLandmarker", WhiteIsBody)
    times_s = np.arange(75) / 25
    bright = 0.6 + 0.3 * np.sin(2 * np.pi * times_s / 1.5)
    bright[[30, 31]] = 0
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for each in bright:
            grey = np.full((48, 64, 3), round(each * 255), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    films = BodyFilms(tmp_path / "any.task", activity="dance")
    reading = films.read(tmp_path / "a.mp4", "a", "anna")
    (take,) = reading.recordings
    assert (take.fps, len(take.local_6d), take.activity, take.audio) == (30.0, 90, "dance", None)
    assert reading.notes == [
        "a: 2 of 75 frames show nobody",
        "a: the film has no sound",
        "a: 2 lost frames were interpolated",
    ]
    arm = clip_of(take).local[:, POSE_BONES.index("leftUpperArm"), :, 0]
    lowered = np.degrees(np.arctan2(-arm[:, 1], arm[:, 0]))
    grid_s = np.arange(90) / 30
    wanted = 60 * (0.4 - 0.3 * np.sin(2 * np.pi * grid_s / 1.5))
    np.testing.assert_allclose(lowered[5:-6], wanted[5:-6], atol=2.5)


def test_a_film_without_a_torso_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class HeadOnly(WhiteIsBody):
        def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenBody | None:
            found = super().find(picture, time_s)
            assert found is not None
            return SeenBody(found.points_m, visible(1, {"leftHip": slice(0, 1)})[0])

    monkeypatch.setattr(body_film, "BodyLandmarker", HeadOnly)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(30):
            white = np.full((48, 64, 3), 255, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(white, format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(RecordingError, match=r"a\.mp4: expected shoulders and hips.*head to feet"):
        BodyFilms(tmp_path / "any.task").read(tmp_path / "a.mp4", "a", "anna")


def test_a_pose_task_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.task").write_bytes(b"no model")
    with pytest.raises(SystemExit, match=r"wrong\.task: expected a pose landmarker task"):
        BodyLandmarker(tmp_path / "wrong.task")
