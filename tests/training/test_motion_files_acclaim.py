import contextlib
import gzip
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M
from tests.training.motion_rigs import RIGS, Rig, write_rig
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files import MotionFileError, read_motion
from training.motion_files.acclaim import (
    BONE_FOR,
    SOURCE_FPS,
    AcclaimSkeleton,
    parse_amc,
    read_skeleton,
    world_rotations,
)
from training.motion_files.retarget import LIMBS

DATA = Path(__file__).parents[3] / "shared" / "data" / "body"
real_captures = pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk of CMU subject 2 with its skeleton beside it, as the database hands them out."""
    folder = tmp_path_factory.mktemp("cmu")
    with tarfile.open(next(DATA.rglob("*.tar.xz"))) as archive:
        for member in archive.getmembers():
            if Path(member.name).name in ("02.asf", "02_05.amc"):
                file = archive.extractfile(member)
                assert file is not None
                (folder / Path(member.name).name).write_bytes(file.read())
    return folder / "02_05.amc"


def off_source_deg(clip: Clip, skeleton: AcclaimSkeleton, motion: dict[str, np.ndarray]) -> dict:
    """Limb -> degrees [T] between where it points and where the capture's bone does."""
    joints, _ = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))
    world = world_rotations(skeleton, motion)
    angles = {}
    for bone, end in LIMBS.items():
        source = skeleton.bones[BONE_FOR[bone]]
        theirs = world[BONE_FOR[bone]].apply(source.direction)[:: int(SOURCE_FPS // clip.fps)]
        ours = (joints[:, POSE_BONES.index(end)] - joints[:, POSE_BONES.index(bone)]).numpy()
        ours /= np.linalg.norm(OFFSETS_M[POSE_BONES.index(end)])
        angles[bone] = np.degrees(np.arccos(np.clip((ours * theirs).sum(-1), -1, 1)))
    return angles


@pytest.mark.data
@real_captures
def test_a_retargeted_capture_keeps_the_directions_of_its_limbs(recording: Path) -> None:
    skeleton = read_skeleton(recording.with_name("02.asf").read_text())
    motion = parse_amc(recording.read_text()).rows
    (clip,) = read_motion(recording, fps=120)
    for bone, angle in off_source_deg(clip, skeleton, motion).items():
        assert angle.max() < 0.1, bone


@pytest.mark.data
@real_captures
def test_smoothing_before_fewer_frames_leaves_the_limbs_where_they_were(recording: Path) -> None:
    skeleton = read_skeleton(recording.with_name("02.asf").read_text())
    motion = parse_amc(recording.read_text()).rows
    (clip,) = read_motion(recording)
    assert clip.fps == 30
    for bone, angle in off_source_deg(clip, skeleton, motion).items():
        assert angle.mean() < 1.0, bone
        assert angle.max() < 8.0, bone


@pytest.mark.data
@real_captures
@pytest.mark.parametrize("rig", RIGS.values(), ids=RIGS)
def test_a_real_walk_comes_back_from_another_rigs_bvh(
    recording: Path, tmp_path: Path, rig: Rig
) -> None:
    (clip,) = read_motion(recording)
    write_rig(tmp_path / "walk.bvh", clip, rig)
    (found,) = read_motion(tmp_path / "walk.bvh")
    joints, _ = forward_kinematics(torch.from_numpy(found.local), torch.from_numpy(found.hips_m))
    expected, _ = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))
    assert (joints - expected).norm(dim=-1).max() < 0.005


@pytest.mark.data
@real_captures
def test_a_recording_without_its_skeleton_is_refused_in_a_sentence(
    recording: Path, tmp_path: Path
) -> None:
    (tmp_path / "02_05.amc").write_bytes(recording.read_bytes())
    with pytest.raises(MotionFileError, match=r"found no 02_05\.asf and no 02\.asf"):
        read_motion(tmp_path / "02_05.amc")
    (tmp_path / "02.asf").write_text(":version 1.10\n")
    with pytest.raises(MotionFileError, match="found no section bonedata, hierarchy"):
        read_motion(tmp_path / "02_05.amc")


@pytest.mark.data
@real_captures
@pytest.mark.parametrize("lost", [3, 12, 2000])
def test_a_recording_that_is_cut_short_is_read_as_far_as_it_goes(
    recording: Path, tmp_path: Path, lost: int
) -> None:
    (tmp_path / "02.asf").write_bytes(recording.with_name("02.asf").read_bytes())
    (tmp_path / "02_05.amc").write_text(recording.read_text()[:-lost].rsplit("\n", 1)[0])
    (whole,), (cut,) = read_motion(recording, fps=120), read_motion(tmp_path / "02_05.amc", fps=120)
    kept = len(cut.local)
    assert len(whole.local) - 3 <= kept < len(whole.local)
    assert cut.notes == ("the last frame is cut off and was left out",)
    np.testing.assert_array_equal(cut.local, whole.local[:kept])


BRANCHES = {
    "root": ("lhipjoint", "rhipjoint", "lowerback"),
    "lhipjoint": ("lfemur",), "lfemur": ("ltibia",), "ltibia": ("lfoot",), "lfoot": ("ltoes",),
    "rhipjoint": ("rfemur",), "rfemur": ("rtibia",), "rtibia": ("rfoot",), "rfoot": ("rtoes",),
    "lowerback": ("upperback",), "upperback": ("thorax",),
    "thorax": ("lowerneck", "lclavicle", "rclavicle"), "lowerneck": ("head",),
    "lclavicle": ("lhumerus",), "lhumerus": ("lradius",), "lradius": ("lhand",),
    "rclavicle": ("rhumerus",), "rhumerus": ("rradius",), "rradius": ("rhand",),
}  # fmt: skip
WAYS = {"femur": (0, -1, 0), "tibia": (0, -1, 0), "foot": (0, 0, 1), "toes": (0, 0, 1)}


def skeleton_text() -> str:
    """A small body in the manner of CMU: arms out, legs down."""
    bones = [bone for below in BRANCHES.values() for bone in below]
    lines = [":version 1.10", ":name made", ":units", "  mass 1.0", "  length 0.45", "  angle deg",
             ":root", "  order TX TY TZ RX RY RZ", ":bonedata"]  # fmt: skip
    for at, bone in enumerate(bones, 1):
        side = 1 if bone[0] == "l" else -1
        way = next((way for part, way in WAYS.items() if part in bone), (side, 0, 0))
        if bone in ("lowerback", "upperback", "thorax", "lowerneck", "head"):
            way = (0, 1, 0)
        lines += ["  begin", f"    id {at}", f"    name {bone}",
                  "    direction " + " ".join(map(str, way)), "    length 4.0",
                  "    axis 0 0 0  XYZ", "    dof rx ry rz", "  end"]  # fmt: skip
    lines += [":hierarchy", "  begin"]
    lines += [f"    {above} {' '.join(below)}" for above, below in BRANCHES.items()]
    return "\n".join([*lines, "  end", ""])


def motion_text(frames: int = 40) -> str:
    bones = [bone for below in BRANCHES.values() for bone in below]
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(1, frames + 1):
        lines += [str(frame), f"root 0 18 0 0 {frame} 0"]
        lines += [f"{bone} {frame / 4} 0 {-frame / 3}" for bone in bones]
    return "\n".join(lines) + "\n"


def made(folder: Path, asf: str | bytes = "", amc: str | bytes = "") -> Path:
    for name, content in (("1.asf", asf or skeleton_text()), ("1_01.amc", amc or motion_text())):
        encoded = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(encoded)
    return folder / "1_01.amc"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "carriage returns and line feeds": lambda text: text.replace("\n", "\r\n"),
    "carriage returns": lambda text: text.replace("\n", "\r"),
    "a byte order mark": lambda text: "\ufeff" + text,
    "tabs": lambda text: text.replace(" ", "\t"),
    "comments": lambda text: "# by hand\n" + text,
    "empty lines": lambda text: text.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_recording_in_another_spelling_reads_the_same(
    tmp_path: Path, spelling: str
) -> None:
    (plain,) = read_motion(made(tmp_path))
    respell = SPELLINGS[spelling]
    (found,) = read_motion(made(tmp_path, respell(skeleton_text()), respell(motion_text())))
    np.testing.assert_array_equal(found.local, plain.local)
    assert len(plain.local) == 10
    assert plain.notes == ()


@pytest.mark.parametrize("lost", [1, 3, 12, 300])
def test_a_motion_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, lost: int) -> None:
    text = motion_text().rstrip()[:-lost].rsplit("\n", 1)[0]
    (found,) = read_motion(made(tmp_path, amc=text), fps=120)
    assert found.notes == ("the last frame is cut off and was left out",)
    assert len(found.local) == 39


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda text: text.replace("lfoot 1.0 0", "lfoot 1.0 x", 1), "line 85: expected a bone"),
        (lambda text: text.replace("lfoot 1.0 0", "lfoot 1.0", 1), "frame 4: expected the same"),
        (lambda text: text.replace("root", "Root"), "6 numbers for the root, found 40 frames"),
        (lambda text: "", "found 0 frames"),
        (lambda text: text.replace(" 18 ", " nan "), "not a number"),
        (lambda text: text.replace("DEGREES", "RADIANS"), "found RADIANS"),
    ],
)
def test_a_motion_that_is_none_is_a_sentence(
    tmp_path: Path, change: Callable[[str], str], sentence: str
) -> None:
    path = made(tmp_path, amc=change(motion_text()) or "\n")
    with pytest.raises(MotionFileError, match=sentence):
        read_motion(path)


@settings(max_examples=60)
@given(
    in_skeleton=st.booleans(),
    cuts=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), min_size=1, max_size=4),
)
def test_altered_acclaim_files_are_read_or_refused_but_never_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, in_skeleton: bool, cuts: list[tuple[int, bytes]]
) -> None:
    content = (skeleton_text() if in_skeleton else motion_text(3)).encode()
    for at, replacement in cuts:
        start = at % len(content)
        content = content[:start] + replacement + content[start + len(replacement) + at % 3 :]
    folder = tmp_path_factory.mktemp("altered")
    path = made(folder, **{"asf" if in_skeleton else "amc": content})
    with contextlib.suppress(MotionFileError):
        for clip in read_motion(path):
            assert np.isfinite(clip.local).all()
            assert np.isfinite(clip.hips_m).all()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tar.xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_an_archive_that_is_cut_off_is_a_sentence(tmp_path: Path, suffix: str) -> None:
    made(tmp_path)
    path = tmp_path / f"all{suffix}"
    with tarfile.open(tmp_path / "plain", "w") as archive:
        for name in ("1.asf", "1_01.amc"):
            archive.add(tmp_path / name, f"1/{name}")
    path.write_bytes(PACKERS[suffix]((tmp_path / "plain").read_bytes()))
    assert len(read_motion(path)) == 1
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    with pytest.raises(MotionFileError, match="expected a whole tar archive"):
        read_motion(path)
    path.write_bytes(b"no archive at all")
    with pytest.raises(MotionFileError, match="expected a whole tar archive") as refusal:
        read_motion(path)
    assert "\n" not in str(refusal.value)


def test_a_motion_without_its_skeleton_names_the_files_that_were_looked_for(tmp_path: Path) -> None:
    (tmp_path / "1_01.amc").write_text(motion_text())
    with pytest.raises(MotionFileError, match=r"found no 1_01\.asf and no 1\.asf; put the ASF"):
        read_motion(tmp_path / "1_01.amc")


@pytest.mark.parametrize("name", ["a.bvh", "a.vrma", "a.amc", "a.tar"])
def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.asf").write_text(skeleton_text())
    with pytest.raises(MotionFileError, match="but No such file"):
        read_motion(tmp_path / name)
