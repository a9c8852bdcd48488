from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from export.avatar import build_avatar
from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.face.camera import BACKGROUND, FaceCamera
from training.face.head import Head, Paint
from training.face.render import main, read_face_csv, side_by_side, strip

Array = np.ndarray[Any, np.dtype[np.float32]]
SIZE = 96


@pytest.fixture(scope="module")
def avatar_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "avatar.vrm"
    path.write_bytes(build_avatar())
    return path


@pytest.fixture(scope="module")
def head(avatar_file: Path) -> Head:
    return Head.open(avatar_file)


@pytest.fixture(scope="module")
def camera(head: Head) -> FaceCamera:
    return FaceCamera(head, size=SIZE)


def face(frames: int = 1, **values: float) -> Array:
    """[frames, 59]"""
    rows = np.zeros((frames, len(FACE_CHANNELS)), np.float32)
    for name, value in values.items():
        rows[:, FACE_CHANNELS.index(name)] = value
    return rows


def weights(**values: float) -> Array:
    return face(1, **values)[0, : len(ARKIT_BLENDSHAPES)]


def changed(camera: FaceCamera, **values: float) -> Array:
    """[size, size], how much weights change the picture."""
    change: Array = np.abs(camera.render(weights(**values)) - camera.render(weights())).sum(axis=2)
    return change


def share_in(change: Array, rows: slice, columns: slice = slice(None)) -> float:
    return float(change[rows, columns].sum() / change.sum())


UPPER, LOWER, RIGHT, LEFT = slice(0, SIZE // 2), slice(SIZE // 2, SIZE), slice(0, 48), slice(48, 96)


def test_a_jaw_opens_below_and_shows_the_dark_of_the_mouth(camera: FaceCamera) -> None:
    assert share_in(changed(camera, jawOpen=0.7), LOWER) > 0.95
    middle = (slice(60, 84), slice(40, 56))
    at_rest, opened = (camera.render(weights(jawOpen=jaw))[middle] for jaw in (0, 0.8))
    assert opened.min(axis=(0, 1))[1] < 0.3 < at_rest.min(axis=(0, 1))[1]


def test_mouth_close_shuts_what_the_jaw_opened(camera: FaceCamera) -> None:
    opened = changed(camera, jawOpen=0.5)[:80].sum()
    shut = changed(camera, jawOpen=0.5, mouthClose=0.5)[:80].sum()
    assert shut < 0.6 * opened


def test_a_wink_and_a_brow_move_their_own_side_of_the_upper_face(camera: FaceCamera) -> None:
    # Her left is on the right of the picture.
    assert share_in(changed(camera, eyeBlinkLeft=1), slice(None), LEFT) > 0.95
    assert share_in(changed(camera, browOuterUpRight=1), UPPER, RIGHT) > 0.95
    assert changed(camera, eyeBlinkLeft=1, eyeBlinkRight=1).sum() > 100


def test_every_mouth_shape_looks_different(camera: FaceCamera) -> None:
    shapes = [
        weights(),
        weights(jawOpen=0.7),
        weights(mouthPucker=1, jawOpen=0.2),
        weights(mouthFunnel=1, jawOpen=0.3),
        weights(mouthStretchLeft=1, mouthStretchRight=1, jawOpen=0.2),
        weights(mouthSmileLeft=1, mouthSmileRight=1),
        weights(tongueOut=1, jawOpen=0.5),
    ]
    pictures = [camera.render(shape) for shape in shapes]
    for first in range(len(pictures)):
        for second in range(first):
            assert np.abs(pictures[first] - pictures[second]).sum() > 20


def between_the_irises(picture: Array) -> tuple[float, float]:
    """Row and column halfway between the outermost teal pixels."""
    rows, columns = np.nonzero(picture[..., 1] - picture[..., 0] > 0.15)
    return float(rows.min() + rows.max()) / 2, float(columns.min() + columns.max()) / 2


def test_the_head_turns_as_the_wire_says(camera: FaceCamera) -> None:
    row, column = between_the_irises(camera.render(weights()))
    assert between_the_irises(camera.render(weights(), (20, 0, 0)))[1] > column + 3
    assert between_the_irises(camera.render(weights(), (0, 20, 0)))[0] > row + 3
    tilted_right = camera.render(weights(), (0, 0, 15))
    on_her_right, on_her_left = (
        between_the_irises(tilted_right[:, half]) for half in (RIGHT, LEFT)
    )
    assert on_her_right[0] > on_her_left[0] + 5  # her right eye is lower


def test_what_is_behind_is_hidden(head: Head) -> None:
    back = FaceCamera(head, size=SIZE).render(weights(), (180, 0, 0))
    assert not (back[..., 1] - back[..., 0] > 0.15).any()
    assert (np.abs(back - BACKGROUND).sum(axis=2) > 0.1).mean() > 0.3


def test_texels_without_alpha_are_holes(head: Head) -> None:
    skin = head.paints[0].picture.copy()
    skin[..., 3] = 0
    bare = Head(
        head.rest,
        head.morphs,
        head.triangles,
        head.uvs,
        (Paint(skin, False), head.paints[1]),
        head.paint_of,
        head.names,
    )
    corner = FaceCamera(bare, size=SIZE).render(weights())[SIZE // 2, SIZE // 2]
    np.testing.assert_allclose(corner, BACKGROUND, atol=1e-6)


def test_the_mouth_alone_is_shown_larger(head: Head) -> None:
    near = FaceCamera(head, size=SIZE, part="mouth")
    share = (changed(near, jawOpen=0.6) > 0.1).mean()
    assert share > 2 * (changed(FaceCamera(head, size=SIZE), jawOpen=0.6) > 0.1).mean()


def test_faces_side_by_side_are_those_of_their_motion_and_time(
    tmp_path: Path, head: Head, camera: FaceCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[Axes] = []
    save = Figure.savefig

    def remember(figure: Figure, *args: Any, **named: Any) -> None:
        panels[:] = figure.axes
        save(figure, *args, **named)

    monkeypatch.setattr(Figure, "savefig", remember)
    captured = np.concatenate([face(10, headYaw=20), face(10, jawOpen=0.8)])
    generated = face(5, jawOpen=0.8)[:, : len(ARKIT_BLENDSHAPES)]
    times = (0.0, 0.5, 9.0)
    motions = {"captured": captured, "generated": generated}
    path = side_by_side(head, motions, times, tmp_path / "faces.png", fps=20, size=SIZE)
    opened = camera.render(weights(jawOpen=0.8))
    turned = camera.render(weights(), (20, 0, 0))
    expected = [turned, opened, opened, opened, opened, opened]
    for axes, wanted in zip(panels, expected, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), wanted)
    assert [axes.get_title() for axes in panels[:3]] == ["0.00 s", "0.50 s", "9.00 s"]
    assert [panels[at].get_ylabel() for at in (0, 3)] == ["captured", "generated"]
    assert imread(path).shape[1] == 3 * SIZE + 40


def test_a_strip_is_as_wide_as_its_faces(tmp_path: Path, head: Head) -> None:
    path = strip(head, face(30, jawOpen=0.3), tmp_path / "strip.png", fps=30, count=3, size=SIZE)
    height, width = imread(path).shape[:2]
    assert width == 3 * SIZE + 70
    assert height > 2 * SIZE


def test_motion_of_another_width_or_none_is_refused(tmp_path: Path, head: Head) -> None:
    for motion in (np.zeros((3, 51)), np.zeros((0, 52)), np.zeros(52)):
        with pytest.raises(ValueError, match=r"mine: expected \[frames, 52\]"):
            side_by_side(head, {"mine": motion}, (0,), tmp_path / "a.png", fps=30)


def test_the_command_draws_faces_from_csv_files(
    tmp_path: Path, avatar_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = []
    for fps in (30, 60):
        file = tmp_path / f"{fps}.csv"
        lines = [f"{frame / fps:.4f},{frame % 2}" for frame in range(fps)]
        file.write_text("\n".join(["time_s,jawOpen", *lines]) + "\n")
        names.append(f"at{fps}={file}")
        assert read_face_csv(file)[1] == pytest.approx(fps, rel=1e-2)
    for motions, out in ((names, "both.png"), (names[:1], "one.png")):
        target = tmp_path / out
        main([*motions, "--head", str(avatar_file), "--out", str(target), "--count", "2"])
        assert imread(target).std() > 0.05
        assert f"wrote {target}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("time_s,jawOpen\n0,0\n", "found 1 rows"),
        ("time_s,jaw\n0,0\n1,0\n", "columns of face channels"),
        ("time_s,jawOpen\n0,x\n1,0\n", "expected numbers"),
        ("", "found 0 rows of nothing"),
    ],
)
def test_a_csv_without_a_face_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "face.csv"
    file.write_text(text)
    with pytest.raises(SystemExit, match=problem):
        read_face_csv(file)
    with pytest.raises(SystemExit, match="found no file"):
        read_face_csv(tmp_path / "nowhere.csv")
