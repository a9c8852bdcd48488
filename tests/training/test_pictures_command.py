"""Sheets and films, the command that draws files, and what is said where nothing can be drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from idol_protocol.channels import FACE_CHANNELS, POSE_BONES
from tests.training.avatars import can_draw
from training.pictures.__main__ import main, read_drawn
from training.pictures.avatar_page import PicturesUnavailableError, open_avatar, pose_frames
from training.pictures.sheets import contact_sheet, save_sheet, side_by_side, write_film

pytestmark = pytest.mark.slow

needs_chromium = pytest.mark.skipif(not can_draw(), reason="needs Chromium and `make setup`")


def test_what_is_missing_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PicturesUnavailableError, match="expected a VRM file, found none"):
        open_avatar(tmp_path / "nobody.vrm").__enter__()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PicturesUnavailableError, match=r"the browser `chromium`.*apt install"):
        open_avatar().__enter__()
    curves = tmp_path / "face.csv"
    curves.write_text("time_s,jawOpen\n0,0\n1,0\n")
    with pytest.raises(SystemExit, match="the browser `chromium`"):
        main([f"a={curves}", "--out", str(tmp_path / "a.png")])


@pytest.mark.browser
@needs_chromium
def test_a_file_that_is_no_vrm_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.vrm").write_text("no avatar at all")
    with pytest.raises(PicturesUnavailableError, match=r"text\.vrm: no picture of it"):
        open_avatar(tmp_path / "text.vrm").__enter__()


@pytest.mark.browser
@needs_chromium
def test_the_command_draws_sheets_and_films_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for fps in (30, 60):
        file = tmp_path / f"{fps}.csv"
        lines = [f"{frame / fps:.4f},{0.7 * (frame >= fps // 2)}" for frame in range(fps + 1)]
        file.write_text("\n".join(["time_s,jawOpen", *lines]) + "\n")
        files.append(f"at{fps}={file}")
    out = tmp_path / "sheet.png"
    main([*files, "--out", str(out), "--times", "0.2", "0.9", "--part", "mouth"])
    assert f"{out}: written." in capsys.readouterr().out
    sheet = np.asarray(Image.open(out).convert("RGB"), float)
    rows, columns = slice(22, 222), (slice(22, 222), slice(222, 422))
    assert np.abs(sheet[rows, columns[0]] - sheet[rows, columns[1]]).mean() > 2
    np.testing.assert_array_equal(sheet[rows, 22:], sheet[244:444, 22:])
    main([files[0], "--out", str(tmp_path / "film.gif")])
    with Image.open(tmp_path / "film.gif") as film:
        assert getattr(film, "n_frames", 1) == 15


def test_a_motion_is_shown_at_its_own_times(tmp_path: Path) -> None:
    file = tmp_path / "face.csv"
    file.write_text("time_s,jawOpen\n2.0,0.1\n2.5,0.2\n3.5,0.3\n")
    motion = read_drawn(file)
    jaw = FACE_CHANNELS.index("jawOpen")
    shown = [motion.at(time).face for time in (0.0, 0.5, 1.4, 1.5, 9.0)]
    values = [float(row[jaw]) for row in shown if row is not None]
    assert values == pytest.approx([0.1, 0.2, 0.2, 0.3, 0.3])
    assert motion.length_s == 1.5


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("face.csv", "time_s,jaw\n0,0\n", "columns named as in `face.csv`"),
        ("nowhere.csv", None, "expected a CSV of face curves"),
        ("song.mp3", "", "export the motion as BVH or VRMA"),
    ],
)
def test_a_file_without_motion_is_refused(
    tmp_path: Path, name: str, text: str | None, problem: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(SystemExit, match=problem):
        read_drawn(tmp_path / name)


def plain(colour: str, width: int = 30, height: int = 20) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def test_a_sheet_has_its_pictures_where_their_row_and_column_are(tmp_path: Path) -> None:
    rows = {
        "a": [(plain("red"), "one"), (plain("lime"), "two")],
        "b": [(plain("blue", height=40), "three")],
    }
    save_sheet(contact_sheet(rows, "title"), tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB"))
    assert sheet.shape == (22 + 22 + 20 + 22 + 40, 22 + 60, 3)
    assert sheet[50, 30].tolist() == [255, 0, 0]
    assert sheet[50, 60].tolist() == [0, 255, 0]
    assert sheet[100, 30].tolist() == [0, 0, 255]
    assert (sheet[44:64, :22] < 128).any()  # the row's name
    assert (sheet[:22] < 128).any()


def test_films_are_as_long_as_the_shortest_and_play_at_their_pace(tmp_path: Path) -> None:
    columns = {"one": [plain("red")] * 9, "other": [plain("blue", height=21)] * 6}
    pictures = list(side_by_side(columns, [str(k) for k in range(9)]))
    assert len(pictures) == 6
    assert all(side % 2 == 0 for side in pictures[0].size)
    write_film(pictures, tmp_path / "film.gif", 10)
    with Image.open(tmp_path / "film.gif") as film:
        assert film.info["duration"] == 100
    write_film(pictures, tmp_path / "film.mp4", 10)
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "film.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6
    with pytest.raises(ValueError, match=r"\.mp4 or \.gif"):
        write_film(pictures, tmp_path / "film.avi", 10)


def test_poses_are_quaternions_and_then_the_way_of_the_hips() -> None:
    turns = torch.eye(3).expand(2, len(POSE_BONES), 3, 3).numpy()
    found = pose_frames(turns, np.array([[0, 1, 2], [3, 4, 5]]))
    assert found.shape == (2, 91)
    assert found[0, :4].tolist() == [0, 0, 0, 1]
    assert found[1, -3:].tolist() == [3, 4, 5]
