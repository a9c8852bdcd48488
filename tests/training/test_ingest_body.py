from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.ingest.bodies import (
    REST_6D,
    BodyRecording,
    clip_of,
    read_body_dataset,
    read_body_datasets,
    recording_of,
    write_body_dataset,
)
from training.ingest.card import DatasetCard, RecordingError
from training.ingest.recording import Recording, read_dataset, write_dataset
from training.ingest.shipping import Seen, read_seen, require_shippable, write_seen

CARD = DatasetCard(name="dances", licence="MIT", may_ship=True, kind="motion")


def clip(name: str = "waltz", frames: int = 40, seed: int = 0, fps: float = 30.0) -> Clip:
    """Random postures, the toes unknown."""
    rng = np.random.default_rng(seed)
    turns = Rotation.random(frames * 22, random_state=rng).as_matrix().reshape(frames, 22, 3, 3)
    known = np.array([not bone.endswith("Toes") for bone in POSE_BONES])
    turns[:, ~known] = np.eye(3)
    return Clip(name, fps, turns, rng.normal(0, 0.3, (frames, 3)), known)


def recording(name: str = "waltz", seed: int = 0, frames: int = 40) -> BodyRecording:
    sound = np.random.default_rng(seed).integers(-9000, 9000, frames * 16_000 // 30)
    return recording_of(clip(name, frames, seed), "anna", sound.astype(np.int16), activity="dance")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_a_clip_survives_its_recording(frames: int, seed: int) -> None:
    before = clip(frames=frames, seed=seed)
    after = clip_of(recording_of(before, "anna"))
    assert (after.name, after.fps) == (before.name, before.fps)
    np.testing.assert_allclose(after.local, before.local, atol=1e-6)
    np.testing.assert_allclose(after.hips_m, before.hips_m, atol=1e-6)
    np.testing.assert_array_equal(after.known, before.known)


def test_data_sets_of_bodies_come_back_in_the_order_they_are_named(tmp_path: Path) -> None:
    first, second, third = recording("b", 1), recording("a", 2), recording("c", 3)
    write_body_dataset(tmp_path / "dances", CARD, [first, second])
    other = msgspec.structs.replace(CARD, name="talks")
    write_body_dataset(tmp_path / "talks", other, [third])
    held = read_body_datasets(tmp_path, ["talks", "dances"])
    assert [(each.name, each.speaker, each.activity) for each in held] == [
        ("c", "anna", "dance"),
        ("a", "anna", "dance"),
        ("b", "anna", "dance"),
    ]
    np.testing.assert_array_equal(held[2].local_6d, first.local_6d)
    np.testing.assert_array_equal(held[2].hips_m, first.hips_m)
    np.testing.assert_array_equal(held[2].audio, first.audio)
    joints = [
        forward_kinematics(torch.from_numpy(each.local), torch.from_numpy(each.hips_m))[0]
        for each in (clip_of(held[2]), clip("b", seed=1))
    ]
    torch.testing.assert_close(joints[0], joints[1], atol=1e-5, rtol=0)


def test_a_face_is_not_read_as_a_body_nor_a_body_as_a_face(tmp_path: Path) -> None:
    write_body_dataset(tmp_path / "bodies", CARD, [recording()])
    face = Recording("a", "anna", 30.0, np.zeros((9, 59), np.float32), np.ones(59, np.bool_))
    write_dataset(tmp_path / "faces", CARD, [face])
    with pytest.raises(SystemExit, match=r"waltz\.npz: expected a recording of a face"):
        read_dataset(tmp_path / "bodies")
    with pytest.raises(SystemExit, match=r"a\.npz: expected a recording of a body"):
        read_body_dataset(tmp_path / "faces")


def test_a_body_under_another_licence_than_its_card_is_refused(tmp_path: Path) -> None:
    barred = msgspec.structs.replace(CARD, licence="CC-BY-NC-4.0", may_ship=False)
    write_body_dataset(tmp_path / "barred", barred, [recording("stolen")])
    write_body_dataset(tmp_path / "mine", CARD, [recording()])
    (tmp_path / "barred" / "stolen.npz").rename(tmp_path / "mine" / "stolen.npz")
    with pytest.raises(SystemExit, match=r"stolen\.npz: was captured under 'CC-BY-NC-4\.0'"):
        read_body_datasets(tmp_path, ["mine"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"local_6d": np.zeros((5, 21, 6), np.float32)}, r"\[frames, 22, 6\]"),
        ({"local_6d": np.zeros((0, 22, 6), np.float32)}, "at least one frame"),
        ({"local_6d": np.full((40, 22, 6), 0.5, np.float32)}, "columns of a rotation matrix"),
        ({"local_6d": np.full((40, 22, 6), np.nan, np.float32)}, "finite"),
        ({"hips_m": np.zeros((3, 3), np.float32)}, r"hips \[40, 3\]"),
        ({"hips_m": np.full((40, 3), 2e3, np.float32)}, "within 1000 m"),
        ({"known": np.zeros(22, np.bool_)}, "identity in bones that are not known"),
        ({"known": np.ones(59, np.bool_)}, r"known bones as bool \[22\]"),
        ({"activity": "swim"}, "an activity of idle"),
        ({"fps": 0.0}, "frames a second"),
        ({"name": "a/b"}, "file's name"),
        ({"speaker": ""}, "speaker"),
        ({"audio": np.zeros((4, 2), np.int16)}, "mono"),
    ],
)
def test_what_is_no_body_is_refused(changes: dict[str, object], sentence: str) -> None:
    good = recording()
    fields = {name: getattr(good, name) for name in BodyRecording.__slots__}
    with pytest.raises(RecordingError, match=sentence):
        BodyRecording(**(fields | changes))


def test_bones_that_are_not_known_are_at_rest() -> None:
    held = recording()
    assert not held.known.all()
    np.testing.assert_array_equal(
        held.local_6d[:, ~held.known], np.broadcast_to(REST_6D, (40, 2, 6))
    )


def test_weights_that_saw_a_body_that_may_not_ship_are_refused(tmp_path: Path) -> None:
    beat = DatasetCard(name="beat", licence="CC-BY-NC-4.0", may_ship=False, kind="beat-body")
    seen = Seen((CARD, beat), ("waltz", "talk"))
    write_seen(tmp_path, seen)
    assert read_seen(tmp_path) == seen
    with pytest.raises(SystemExit, match=r"they saw beat \(CC-BY-NC-4\.0\); train again"):
        require_shippable(read_seen(tmp_path).cards)
    require_shippable([CARD])


def test_a_run_that_does_not_say_what_it_saw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected seen\.json"):
        read_seen(tmp_path)
    (tmp_path / "seen.json").write_text('{"cards": 3}')
    with pytest.raises(SystemExit, match=r"expected seen\.json"):
        read_seen(tmp_path)
