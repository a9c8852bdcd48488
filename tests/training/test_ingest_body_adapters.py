import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENTS
from training.ingest.__main__ import main
from training.ingest.bodies import BodyDataset, clip_of, read_body_dataset
from training.ingest.card import read_card
from training.ingest.shipping import licence_permits, may_ship
from training.motion_files import read_motion

CMU = Path(__file__).parents[3] / "shared" / "data" / "body" / "cmu"
real = pytest.mark.skipif(not CMU.exists(), reason="the real captures are not at hand")
Run = Callable[..., BodyDataset]


def bvh_text(turns_deg: dict[str, NDArray[np.float64]], frames: int, fps: float = 60.0) -> str:
    """Our own skeleton as BVH in centimetres; Z, X and Y turns [T, 3] in degrees by bone."""
    lines, order = ["HIERARCHY", *_joint_lines(0, 0)], _depth_first()
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1 / fps:.8f}"]
    for frame in range(frames):
        row = [0.0, 100 * OFFSETS_M[0][1], 0.0]
        for index in order:
            row += list(turns_deg.get(POSE_BONES[index], np.zeros((frames, 3)))[frame])
        lines.append(" ".join(f"{value:.5f}" for value in row))
    return "\n".join(lines) + "\n"


def _joint_lines(index: int, depth: int) -> list[str]:
    pad = "  " * depth
    offset = " ".join(f"{100 * value:.3f}" for value in OFFSETS_M[index])
    place = "3" if depth else "6 Xposition Yposition Zposition"
    children = [each for each, parent in enumerate(PARENTS) if parent == index]
    inside = [line for child in children for line in _joint_lines(child, depth + 1)]
    return [
        f"{pad}{'JOINT' if depth else 'ROOT'} {POSE_BONES[index]}",
        f"{pad}{{",
        f"{pad}  OFFSET {offset}",
        f"{pad}  CHANNELS {place} Zrotation Xrotation Yrotation",
        *(inside or [f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET 0 5 5", f"{pad}  }}"]),
        f"{pad}}}",
    ]


def _depth_first(index: int = 0) -> list[int]:
    children = [each for each, parent in enumerate(PARENTS) if parent == index]
    return [index, *(each for child in children for each in _depth_first(child))]


def nodding(frames: int, fps: float = 60.0) -> dict[str, NDArray[np.float64]]:
    nod = np.zeros((frames, 3))
    nod[:, 1] = 20 * np.sin(2 * np.pi * np.arange(frames) / fps)
    return {"head": nod}


def write_tone(path: Path, seconds: float) -> None:
    times_s = np.arange(round(seconds * 16_000)) / 16_000
    wavfile.write(path, 16_000, (9000 * np.sin(2 * np.pi * 220 * times_s)).astype(np.int16))


@pytest.fixture
def ingest(tmp_path: Path) -> Run:
    def run(adapter: str, folder: Path, *options: str) -> BodyDataset:
        out = tmp_path / "set"
        main(
            [
                adapter, str(folder), "--out", str(out), "--name", "set", "--speaker", "anna",
                *(() if "--licence" in options else ("--licence", "MIT")), *options,
            ]
        )  # fmt: skip
        return read_body_dataset(out)

    return run


def takes(tmp_path: Path) -> Path:
    folder = tmp_path / "takes"
    folder.mkdir()
    return folder


def test_a_motion_file_keeps_its_motion_and_the_sound_of_its_stem(
    tmp_path: Path, ingest: Run
) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text(bvh_text(nodding(240), 240))
    write_tone(folder / "a.wav", 5)
    held = ingest("motion", folder, "--activity", "listen", "--may-ship")
    (recording,) = held.recordings
    assert (recording.name, recording.fps, recording.activity) == ("a", 30.0, "listen")
    assert recording.audio is not None
    assert len(recording.audio) == round(recording.seconds * 16_000)
    assert recording.seconds == pytest.approx(4, abs=0.05)
    (clip,) = read_motion(folder / "a.bvh", fps=30)
    np.testing.assert_allclose(clip_of(recording).local, clip.local, atol=1e-5)
    nod = Rotation.from_matrix(clip_of(recording).local[:, POSE_BONES.index("head")]).as_rotvec()
    assert np.degrees(np.abs(nod[:, 0]).max()) == pytest.approx(20, abs=1.5)
    assert held.card.kind == "motion"
    assert may_ship([held.card])


def test_motion_that_outlasts_its_sound_is_cut_there(tmp_path: Path, ingest: Run) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text(bvh_text(nodding(240), 240))
    write_tone(folder / "a.wav", 2.5)
    held = ingest("motion", folder)
    assert held.recordings[0].seconds == pytest.approx(2.5)
    assert any(note.startswith("a: 1.5") and "without sound" in note for note in held.card.notes)


def test_beat_bodies_need_their_sound_and_speak(
    tmp_path: Path, ingest: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = takes(tmp_path)
    for name in ("talk", "mute"):
        (folder / f"{name}.bvh").write_text(bvh_text(nodding(120), 120))
    write_tone(folder / "talk.wav", 2)
    (folder / "talk.TextGrid").write_text("ignored")
    with pytest.raises(SystemExit):
        ingest("beat-body", folder, "--licence", "CC-BY-NC-4.0")
    assert "mute.bvh: expected a recording of the same name" in capsys.readouterr().err
    held = read_body_dataset(tmp_path / "set")
    assert [(each.name, each.activity) for each in held.recordings] == [("talk", "speak")]
    assert not held.card.may_ship


def test_a_damaged_motion_file_is_skipped_and_named(
    tmp_path: Path, ingest: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text("HIERARCHY\nnothing")
    (folder / "b.bvh").write_text(bvh_text(nodding(120), 120))
    with pytest.raises(SystemExit):
        ingest("motion", folder)
    assert "a.bvh" in capsys.readouterr().err
    assert [each.name for each in read_body_dataset(tmp_path / "set").recordings] == ["b"]


def test_motion_of_less_than_a_second_is_refused(
    tmp_path: Path, ingest: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text(bvh_text(nodding(30), 30))
    with pytest.raises(SystemExit):
        ingest("motion", folder)
    assert "expected performances of 1 s" in capsys.readouterr().err


def test_bodies_do_not_ship_under_a_licence_that_forbids_it(tmp_path: Path, ingest: Run) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text(bvh_text(nodding(120), 120))
    with pytest.raises(SystemExit, match="leave --may-ship away"):
        ingest("motion", folder, "--licence", "CC-BY-NC-4.0", "--may-ship")
    assert not (tmp_path / "set").exists()


def test_bodies_do_not_mix_with_faces_in_one_folder(tmp_path: Path, ingest: Run) -> None:
    folder = takes(tmp_path)
    (folder / "a.bvh").write_text(bvh_text(nodding(120), 120))
    write_tone(folder / "a.wav", 2)
    ingest("motion", folder)
    with pytest.raises(SystemExit, match="one folder holds one data set"):
        ingest("pairs", folder)


def test_show_draws_bodies_as_figures(
    tmp_path: Path, ingest: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = takes(tmp_path)
    for name in ("a", "b"):
        (folder / f"{name}.bvh").write_text(bvh_text(nodding(120), 120))
    write_tone(folder / "b.wav", 2)
    ingest("motion", folder, "--activity", "dance")
    main(["show", str(tmp_path / "set")])
    said = capsys.readouterr().out
    assert "set: motion, MIT" in said
    assert "2 recordings, 1 performers" in said
    assert "dance" in said
    from matplotlib.image import imread

    picture = imread(tmp_path / "set" / "overview.png")[..., :3]
    red = (picture[..., 0] > 0.7) & (picture[..., 1] < 0.3)
    blue = (picture[..., 2] > 0.6) & (picture[..., 0] < 0.3)
    assert red.sum() > 500
    assert blue.sum() > 500
    # Facing the reader, the left is on the right.
    assert np.flatnonzero(red.any(axis=0))[-1] > np.flatnonzero(blue.any(axis=0))[-1]


@pytest.mark.data
@real
def test_an_archive_gives_a_recording_of_every_performance(tmp_path: Path, ingest: Run) -> None:
    folder = takes(tmp_path)
    wanted = {"02/02.asf", "02/02_01.amc", "02/02_03.amc"}
    with (
        tarfile.open(CMU / "cmu_subjects_01_02_03_amc.tar.xz") as whole,
        tarfile.open(folder / "walks.tar", "w") as part,
    ):
        for member in whole:
            if any(member.name.endswith(each) for each in wanted):
                part.addfile(member, whole.extractfile(member))
    held = ingest("motion", folder, "--licence", "LicenseRef-CMU-mocap", "--may-ship")
    assert [each.name for each in held.recordings] == ["walks_1", "walks_2"]
    assert "walks_2: is 02_03" in held.card.notes
    before = (tmp_path / "set" / "walks_1.npz").stat().st_mtime_ns
    ingest("motion", folder, "--licence", "LicenseRef-CMU-mocap", "--may-ship")
    assert (tmp_path / "set" / "walks_1.npz").stat().st_mtime_ns == before
    assert licence_permits(read_card(tmp_path / "set").licence)
