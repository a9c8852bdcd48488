"""BVH files as programs and people leave them: read, with a note, or refused with the line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.outputs.bvh import write_bvh
from tests.training.motion_rigs import RIGS, write_rig
from training.humanoid.clip import Clip
from training.ingest.__main__ import main as ingest
from training.ingest.bodies import read_body_dataset
from training.motion_files import MotionFileError, read_motion
from training.motion_files.bvh import parse_bvh
from training.motion_files.rig_motion import RigMotion
from training.motion_files.text_file import decoded

HEAD = """\
HIERARCHY
ROOT Hips
{
  OFFSET 0.0 90.0 0.0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Chest
  {
    OFFSET 0.0 20.0 0.0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0.0 10.0 0.0
    }
  }
}
"""
ROW = "0.0 90.0 0.0 10.0 -7.5 3.0 1.0 2.0 -4.0"
TURNED = ROW.replace("10.0", "20.0")


def bvh(*rows: str, frames: object = None, time: str = "Frame Time: 0.033333") -> str:
    count = len(rows) if frames is None else frames
    said = "" if count == "" else f"Frames: {count}\n"
    return f"{HEAD}MOTION\n{said}{time}\n" + "\n".join(rows) + "\n"


def same(found: RigMotion, *rows: str) -> bool:
    expected = parse_bvh(bvh(*rows), "expected")
    return (
        found.joints == expected.joints
        and found.parents == expected.parents
        and np.array_equal(found.rest, expected.rest)
        and np.array_equal(found.turns, expected.turns)
        and np.array_equal(found.places, expected.places)
        and found.fps == expected.fps
    )


@pytest.mark.parametrize("frames", [0, 1, 3, 99, -2, "", "many", "2.0", 10**12])
def test_frames_that_are_miscounted_are_all_read_with_a_note(frames: object) -> None:
    found = parse_bvh(bvh(ROW, TURNED, frames=frames), "a")
    assert same(found, ROW, TURNED)
    said = frames if frames != "" else "nothing"
    assert found.notes == (f"Frames says {said}, 2 are there and were read",)


def test_a_sound_file_has_no_notes() -> None:
    assert parse_bvh(bvh(ROW, TURNED), "a").notes == ()


@pytest.mark.parametrize("kept", ["0.0 90.0 0.0 10", "0.0 90.0 0.0 -", "0.0 90.0 0.0 1e", "0"])
def test_a_last_frame_that_is_cut_off_is_left_out_with_a_note(kept: str) -> None:
    found = parse_bvh(bvh(ROW, TURNED, kept), "a")
    assert same(found, ROW, TURNED)
    assert "Frames says 3, 2 are there and were read" in found.notes
    assert "the last frame is cut off and was left out" in found.notes


@pytest.mark.parametrize(
    ("glued", "apart"),
    [
        ("0.0 90.0 0.0-7.5 1.0 2.0 3.0 4.0 5.0", "0.0 90.0 0.0 -7.5 1.0 2.0 3.0 4.0 5.0"),
        ("0.0 90.0 1e-3-2 1.0 2.0 3.0 4.0 5.0", "0.0 90.0 0.001 -2 1.0 2.0 3.0 4.0 5.0"),
        ("0.0+90.0 1.-.5 1.0 2.0 3.0 4.0 5.0", "0.0 90.0 1.0 -0.5 1.0 2.0 3.0 4.0 5.0"),
        ("0.0-90.0-1.0-2.0-3.0-4.0-5.0-6.0-7.0", "0.0 -90.0 -1.0 -2 -3 -4 -5 -6 -7"),
        ("0.0 90.0 123.410.5 1.0 2.0 3.0 4.0 5.0", "0.0 90.0 123.4 10.5 1.0 2.0 3.0 4.0 5.0"),
    ],
)
def test_numbers_without_a_space_between_them_are_told_apart(glued: str, apart: str) -> None:
    found = parse_bvh(bvh(ROW, glued, ROW), "a")
    assert same(found, ROW, apart, ROW)
    assert found.notes == ("numbers without a space between them were told apart in 1 lines",)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0.0 90.0 0.0 1.5.25 2.0 3.0 4.0 5.0", "`1.5.25`, in 8 words"),
        ("0.0 90.0 0.0 1.0 2.0 3.0 4.0 5.0", "8 words"),
        ("0.0 90.0 0.0 1.0 2.0 3.0 4.0 5.0 6.0 7.0", "10 words"),
        ("0.0 90.0 0.0 1.0 2.0 abc 4.0 5.0 6.0", "`abc`, in 9 words"),
        ("0.0 90.0 0.0 1.0 2.0 nan 4.0 5.0 6.0", "`nan`, which is not a number"),
        ("nan nan nan nan nan nan nan nan nan", "`nan`, which is not a number"),
        ("0.0 90.0 0.0 1.0 -inf 3.0 4.0 5.0 6.0", "`-inf`, which is not a number"),
        ("0.0 90.0 0.0 1.0 -1.#IND 3.0 4.0 5.0 6.0", "`-1.#IND`, which is not a number"),
        ("0.0 90.0 0.0 1.0 1e999 3.0 4.0 5.0 6.0", "`1e999`, in 9 words"),
        ("0.0 90.0 0.0 1.0 1_0 3.0 4.0 5.0 6.0", "`1_0`, in 9 words"),
    ],
)
def test_a_line_that_is_no_frame_is_named(row: str, found: str) -> None:
    with pytest.raises(MotionFileError) as refusal:
        parse_bvh(bvh(ROW, row, ROW), "a")
    assert str(refusal.value) == (
        f"line 20: expected 9 numbers for a frame, found {found}; "
        "correct the line or export the motion again."
    )


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ("", "none"),
        ("Frame Time:", "none"),
        ("Frame Time: 0", "0"),
        ("Frame Time: -0.03", "-0.03"),
        ("Frame Time: 33.3", "33.3"),
        ("Frame Time: nan", "nan"),
        ("Frame Time: fast", "fast"),
    ],
)
def test_a_frame_time_that_is_none_is_told_with_one_that_is(time: str, found: str) -> None:
    with pytest.raises(MotionFileError, match=r"`Frame Time: 0\.033333`, found " + found + ";"):
        parse_bvh(bvh(ROW, time=time), "a")


def test_motion_without_frames_is_a_sentence() -> None:
    with pytest.raises(MotionFileError, match="found none; export the motion with its frames"):
        parse_bvh(bvh(frames=30), "a")


SPELLINGS = {
    "carriage returns and line feeds": lambda text: text.replace("\n", "\r\n"),
    "carriage returns": lambda text: text.replace("\n", "\r"),
    "tabs": lambda text: text.replace(" ", "\t"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "small letters": lambda text: text.lower().replace("hips", "Hips").replace("chest", "Chest"),
    "capitals": lambda text: text.upper().replace("HIPS", "Hips").replace("CHEST", "Chest"),
    "empty lines": lambda text: "\n\n" + text.replace("\n", "\n \n"),
    "lines that end in spaces": lambda text: text.replace("\n", " \t \n"),
    "comments": lambda text: "# by hand\n" + text.replace("MOTION", "// the end\nMOTION # go"),
    "no end sites": lambda text: text.replace(
        "    End Site\n    {\n      OFFSET 0.0 10.0 0.0\n    }\n", ""
    ),
    "an end site in one word": lambda text: text.replace("End Site", "EndSite"),
    "brackets beside names": lambda text: text.replace("\n{\n", "{").replace("\n  {\n", "{"),
    "decimal commas": lambda text: text.replace(".", ","),
    "commas between numbers": lambda text: text.replace(ROW, ROW.replace(" ", ", ")),
    "commas alone between numbers": lambda text: text.replace(ROW, ROW.replace(" ", ",")),
    "commas in offsets": lambda text: text.replace("0.0 20.0 0.0", "0.0, 20.0, 0.0"),
    "no colons": lambda text: text.replace(":", ""),
    "colons apart": lambda text: text.replace(":", " :"),
    "no spaces behind colons": lambda text: text.replace(": ", ":"),
    "the frame time first": lambda text: text.replace(
        "Frames: 2\nFrame Time: 0.033333\n", "Frame Time: 0.033333\nFrames: 2\n"
    ),
    "frames over several lines": lambda text: text.replace(" -7.5 ", "\n-7.5\n"),
    "frames in one line": lambda text: text.replace(f"{ROW}\n", f"{ROW} "),
    "all in one line": lambda text: text.replace("\n", " "),
    "signs and bare points": lambda text: text.replace(" 90.0", " +90.").replace("-7.5", "-07.50"),
    "another minus": lambda text: text.replace("-", "\N{MINUS SIGN}"),
    "a wrong count of channels": lambda text: text.replace("CHANNELS 3", "CHANNELS 6"),
    "no count of channels": lambda text: text.replace("CHANNELS 3", "CHANNELS"),
    "text behind the motion": lambda text: text + "END OF FILE\nexported by hand\n",
    "zeros behind the end": lambda text: text + "\0" * 16,
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_file_in_another_spelling_reads_the_same(spelling: str) -> None:
    text = SPELLINGS[spelling](bvh(ROW, TURNED))
    assert text != bvh(ROW, TURNED)
    found = parse_bvh(decoded(text.encode()), "a")
    assert same(found, ROW, TURNED)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_any_usual_encoding_is_read(encoding: str) -> None:
    text = bvh(ROW).replace("Chest", "Brüstung")
    found = parse_bvh(decoded(text.encode(encoding)), "a")
    assert found.joints[0] == "Hips"
    assert found.joints[1].startswith("Br")


def test_channels_in_another_order_scales_and_positions_of_joints_are_read() -> None:
    head = HEAD.replace(
        "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation",
        "9 Zrotation Xrotation Yrotation Zposition Yposition Xposition Xscale Yscale Zscale",
    ).replace("3 Zrotation", "6 Xposition Yposition Zposition Zrotation")
    rows = "10.0 -7.5 3.0 0.0 90.0 0.0 1.0 1.0 1.0 0 0 0 1.0 2.0 -4.0"
    found = parse_bvh(f"{head}MOTION\nFrames: 1\nFrame Time: 0.033333\n{rows}\n", "a")
    assert same(found, ROW)


@pytest.mark.parametrize("name", ["Left Arm", "mixamorig:Hips", "a:b c", "MOTION", "End Site", "Ä"])
def test_a_joint_may_be_called_anything(name: str) -> None:
    found = parse_bvh(bvh(ROW).replace("JOINT Chest", f"JOINT {name}"), "a")
    assert found.joints == ("Hips", name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD, "found the end of the file; the file is cut short, or was exported without"),
        (HEAD.replace("End Site", "Ende"), "found Ende near Chest; the hierarchy is damaged"),
        (HEAD + "}\nMOTION\n", "found } near Chest; the hierarchy is damaged"),
        ("HIERARCHY\nOFFSET 0 0 0\n", "found OFFSET near the root"),
        (HEAD.replace("Zrotation", "Wrotation"), "found Wrotation near Hips"),
        (HEAD.replace("}\n}", "}") + "MOTION\n", "found 1 open brackets"),
    ],
)
def test_a_damaged_hierarchy_is_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MotionFileError, match=sentence):
        parse_bvh(text, "a")


@given(st.text("0123456789.,-+eE naif#\n\t{}:Frames", max_size=120))
def test_any_motion_is_read_or_refused_in_a_sentence(motion: str) -> None:
    try:
        found = parse_bvh(f"{HEAD}MOTION\nFrames: 1\nFrame Time: 0.033333\n{motion}", "a")
    except MotionFileError:
        return
    assert np.isfinite(found.places).all()


def a_walk(path: Path, frames: int = 40) -> Path:
    turns = np.tile(np.eye(3), (frames, 22, 1, 1))
    clip = Clip("walk", 30, turns, np.zeros((frames, 3)), np.ones(22, bool))
    write_rig(path, clip, RIGS["mixamo"])
    return path


def test_the_notes_of_a_file_reach_the_data_sets_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    path = a_walk(tmp_path / "in" / "walk.bvh")
    path.write_text(path.read_text().replace("Frames: 40", "Frames: 39"))
    ingest(["motion", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--name", "walks",
            "--speaker", "anna", "--licence", "CC0-1.0"])  # fmt: skip
    note = "walk: Frames says 39, 40 are there and were read"
    assert read_body_dataset(tmp_path / "out").card.notes == (note,)
    assert note in capsys.readouterr().err.replace("\n", " ")


def test_a_line_that_is_no_frame_is_told_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    path = a_walk(tmp_path / "in" / "walk.bvh")
    lines = path.read_text().split("\n")
    at = lines.index("MOTION") + 10
    lines[at] += " oops"
    path.write_text("\n".join(lines))
    with pytest.raises(SystemExit) as leaving:
        ingest(["motion", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--name", "walks",
                "--speaker", "anna", "--licence", "CC0-1.0"])  # fmt: skip
    assert leaving.value.code == 1
    said = capsys.readouterr().err
    assert f"Skipped: {path}: line {at + 1}: expected 69 numbers for a frame" in said
    assert "`oops`" in said


def test_what_the_runtime_writes_has_no_notes(tmp_path: Path) -> None:
    write_bvh(tmp_path / "a.bvh", [], 30)
    with pytest.raises(MotionFileError, match="found none; export the motion with its frames"):
        read_motion(tmp_path / "a.bvh")
    assert read_motion(a_walk(tmp_path / "b.bvh"))[0].notes == ()
