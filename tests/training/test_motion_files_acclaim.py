import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

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
    motion = parse_amc(recording.read_text())
    (clip,) = read_motion(recording, fps=120)
    for bone, angle in off_source_deg(clip, skeleton, motion).items():
        assert angle.max() < 0.1, bone


@pytest.mark.data
@real_captures
def test_smoothing_before_fewer_frames_leaves_the_limbs_where_they_were(recording: Path) -> None:
    skeleton = read_skeleton(recording.with_name("02.asf").read_text())
    motion = parse_amc(recording.read_text())
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
    with pytest.raises(MotionFileError, match=r"found neither 02_05\.asf nor 02\.asf"):
        read_motion(tmp_path / "02_05.amc")
    (tmp_path / "02.asf").write_text(":version 1.10\n")
    with pytest.raises(MotionFileError, match="found no section bonedata, hierarchy"):
        read_motion(tmp_path / "02_05.amc")


@pytest.mark.data
@real_captures
@pytest.mark.parametrize("lost", [3, 12, 2000])
def test_a_recording_that_is_cut_short_is_refused_in_a_sentence(
    recording: Path, tmp_path: Path, lost: int
) -> None:
    (tmp_path / "02.asf").write_bytes(recording.with_name("02.asf").read_bytes())
    (tmp_path / "02_05.amc").write_text(recording.read_text()[:-lost].rsplit("\n", 1)[0])
    with pytest.raises(MotionFileError, match="cut short"):
        read_motion(tmp_path / "02_05.amc")
