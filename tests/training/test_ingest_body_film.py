"""From what is seen of a body in a film to recordings; MediaPipe itself needs films."""

from pathlib import Path
from typing import Self

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from idol_protocol.channels import POSE_BONES
from tests.training.shown_bodies import (
    EVERYTHING,
    Array,
    bodies,
    limb_errors_deg,
    points_of,
)
from training.humanoid.skeleton import about
from training.ingest import body_film
from training.ingest.bodies import clip_of
from training.ingest.body_film import (
    BodyFilms,
    BodyTake,
    body_recordings,
    known_parts,
    parts_seen,
)
from training.ingest.body_points import POINTS
from training.ingest.card import RecordingError
from training.ingest.landmarker import BodyLandmarker, SeenBody
from training.ingest.sound import Sound


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
