import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import PoseFrame
from idol_protocol.skeleton import OFFSETS_M, PARENT_OF
from idol_runtime.outputs.bvh import write_bvh
from idol_runtime.outputs.vrma import write_vrma
from tests.training.motion_rigs import MIXAMO, RIGS, Rig, turned_limbs, write_rig
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics
from training.motion_files import MotionFileError, read_motion
from training.motion_files.joint_names import bones_of
from training.motion_files.retarget import LIMBS


def some_clip(frames: int, seed: int = 0, spread: float = 0.5) -> Clip:
    """Bones that wander smoothly; the first frame is the T-pose."""
    rng = np.random.default_rng(seed)
    wave = np.sin(np.linspace(0, 3, frames))[:, None, None]
    turns = spread * wave * rng.standard_normal((1, 22, 3))
    turns[:, 0] *= 0.4
    local = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(frames, 22, 3, 3)
    hips = 0.1 * wave[:, 0] * rng.standard_normal((1, 3))
    return Clip("made", 30, local, hips, np.ones(22, bool))


def assert_same(found: Clip, expected: Clip, degrees: float = 0.02) -> None:
    assert found.local.shape == expected.local.shape
    between = np.swapaxes(found.local, -1, -2) @ expected.local
    turns = Rotation.from_matrix(between.reshape(-1, 3, 3)).magnitude()
    assert np.degrees(turns).max() < degrees
    np.testing.assert_allclose(found.hips_m, expected.hips_m, atol=1e-3)


def directions(clip: Clip) -> Mapping[str, np.ndarray]:
    joints, _ = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))
    ways = {
        bone: (joints[:, POSE_BONES.index(end)] - joints[:, POSE_BONES.index(bone)]).numpy()
        for bone, end in LIMBS.items()
    }
    return {bone: way / np.linalg.norm(way, axis=-1, keepdims=True) for bone, way in ways.items()}


@pytest.mark.parametrize("rig", RIGS.values(), ids=RIGS)
def test_the_same_motion_comes_out_of_every_rig(tmp_path: Path, rig: Rig) -> None:
    clip = some_clip(20)
    write_rig(tmp_path / "rig.bvh", clip, rig)
    (found,) = read_motion(tmp_path / "rig.bvh")
    assert found.known.all()
    assert found.name == "rig"
    # The shortest arc to a turned rest pose leaves out the twist that such a turn brings.
    assert_same(found, clip, degrees=1.5 if rig.rest else 0.02)


def test_a_rig_whose_bones_all_rest_along_one_axis_keeps_its_limbs(tmp_path: Path) -> None:
    """Such a rest pose is no pose; the frame that stands best, here a T-pose, takes its place."""
    along_x = {}
    for bone in POSE_BONES:
        way = np.array(OFFSETS_M[POSE_BONES.index(LIMBS.get(bone, "spine"))])
        turn, _ = Rotation.align_vectors([[1.0, 0, 0]], [way / np.linalg.norm(way)])
        along_x[bone] = turn
    clip = some_clip(20)
    write_rig(tmp_path / "rig.bvh", clip, Rig(MIXAMO, "ZYX", rest=along_x))
    (found,) = read_motion(tmp_path / "rig.bvh")
    theirs = directions(clip)
    for bone, ours in directions(found).items():
        assert (ours * theirs[bone]).sum(-1).min() > np.cos(np.radians(0.1)), bone
    np.testing.assert_allclose(found.hips_m, clip.hips_m, atol=0.002)


alterations = st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), min_size=1)
Writer = Callable[[Path, Sequence[PoseFrame], int], None]

poses = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def random_frames(rng: np.random.Generator, count: int) -> list[PoseFrame]:
    turns = Rotation.from_rotvec(rng.normal(0, 1.2, (count * 22, 3))).as_quat()
    rotations = turns.reshape(count, 22, 4).astype(np.float32)
    hips = rng.uniform(-0.15, 0.1, (count, 3)).astype(np.float32)
    return [PoseFrame(0, rotations[at], hips[at]) for at in range(count)]


def as_clip(frames: list[PoseFrame]) -> Clip:
    turns = np.concatenate([frame.rotations for frame in frames]).astype(float)
    local = Rotation.from_quat(turns).as_matrix().reshape(len(frames), 22, 3, 3)
    hips = np.stack([frame.hips_m for frame in frames]).astype(float)
    return Clip("pose", 30, local, hips, np.ones(22, bool))


@pytest.mark.parametrize(("write", "suffix"), [(write_bvh, ".bvh"), (write_vrma, ".vrma")])
@settings(max_examples=25)
@given(rng=poses, count=st.integers(1, 6))
def test_any_pose_that_the_runtime_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    write: Writer,
    suffix: str,
    rng: np.random.Generator,
    count: int,
) -> None:
    path = tmp_path_factory.mktemp("written") / f"pose{suffix}"
    frames = random_frames(rng, count)
    write(path, frames, 30)
    (found,) = read_motion(path)
    assert found.known.all()
    assert_same(found, as_clip(frames))


@settings(max_examples=40)
@given(
    rng=poses,
    order=st.permutations("XYZ"),
    unit=st.floats(0.5, 500),
    yaw=st.sampled_from([0, 90, 180, 270]),
    arms=st.one_of(st.just(0.0), st.floats(-90, 40)),
)
def test_any_pose_comes_back_from_any_order_unit_and_rest_pose(
    tmp_path_factory: pytest.TempPathFactory,
    rng: np.random.Generator,
    order: list[str],
    unit: float,
    yaw: int,
    arms: float,
) -> None:
    path = tmp_path_factory.mktemp("written") / "rig.bvh"
    clip = as_clip(random_frames(rng, 3))
    facing = Rotation.from_euler("y", yaw, degrees=True)
    rig = Rig(MIXAMO, "".join(order), unit, facing, turned_limbs("Arm", arms))
    write_rig(path, clip, rig)
    (found,) = read_motion(path)
    # Our arms slope by a degree against the axis that turns them: that much twist is left open.
    assert_same(found, clip, degrees=0.02 if arms == 0 else 3.0)


def test_a_rig_without_some_bones_says_which_and_holds_them_still() -> None:
    named = [bone for bone in POSE_BONES if bone not in ("upperChest", "leftToes", "rightToes")]
    joints = tuple(MIXAMO(bone) for bone in named)
    above = {"neck": "chest", "leftShoulder": "chest", "rightShoulder": "chest"}
    parents = tuple(
        named.index(above.get(bone, PARENT_OF[bone])) if bone in PARENT_OF else -1 for bone in named
    )
    assert set(bones_of(joints, parents)) == set(named)


@pytest.mark.parametrize("fps", [24, 60, 120])
def test_another_frame_rate_shows_the_same_motion_at_the_same_times(
    tmp_path: Path, fps: int
) -> None:
    count = 2 * fps + 1
    clip = some_clip(count, spread=0.3)
    write_rig(tmp_path / "rig.bvh", Clip("", fps, *some(clip)), RIGS["mixamo"])
    (found,) = read_motion(tmp_path / "rig.bvh")
    assert found.fps == 30
    assert len(found.local) == 61
    at = np.rint(np.arange(5, 56) * fps / 30).astype(int)
    joints = forward_kinematics(torch.from_numpy(found.local), torch.from_numpy(found.hips_m))[0]
    source = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))[0]
    assert (joints[5:56] - source[at]).abs().max() < 0.015


def some(clip: Clip) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return clip.local, clip.hips_m, clip.known


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "found a file without them"),
        ("HIERARCHY\nROOT a\n{\nOFFSET 0 0\nMOTION\n", "hierarchy is damaged"),
        ("HIERARCHY\nROOT a\n{\nOFFSET 0 x 0\n}\nMOTION\n", "hierarchy is damaged"),
        ("HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nMOTION\n", "cut short"),
        ("HIERARCHY\nMOTION\nFrames: 0\nFrame Time: 1\n", "0 joints"),
        (
            "HIERARCHY\nROOT dog\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}\n"
            "MOTION\nFrames: 1\nFrame Time: 0.03\n1\n",
            "no joint for leftUpperArm.*among dog; name joints by a side",
        ),
    ],
)
def test_a_damaged_or_strange_bvh_is_refused_in_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "pose.bvh").write_text(text)
    with pytest.raises(MotionFileError, match=sentence) as refusal:
        read_motion(tmp_path / "pose.bvh")
    assert str(tmp_path / "pose.bvh") in str(refusal.value)


def test_another_kind_of_file_is_refused_with_the_kinds_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(MotionFileError, match=r"expected one of \.bvh, \.vrma.*found \.fbx"):
        read_motion(tmp_path / "pose.fbx")


@pytest.mark.parametrize(("write", "suffix"), [(write_bvh, ".bvh"), (write_vrma, ".vrma")])
@settings(max_examples=40)
@given(
    rng=poses, cuts=st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), min_size=1)
)
def test_an_altered_file_is_read_or_refused_but_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory,
    write: Writer,
    suffix: str,
    rng: np.random.Generator,
    cuts: list[tuple[int, bytes]],
) -> None:
    path = tmp_path_factory.mktemp("altered") / f"pose{suffix}"
    write(path, random_frames(rng, 2), 30)
    content = path.read_bytes()
    for at, replacement in cuts:
        start = at % len(content)
        content = content[:start] + replacement + content[start + len(replacement) + at % 3 :]
        content = content or b"-"
    path.write_bytes(content)
    with contextlib.suppress(MotionFileError):
        for clip in read_motion(path):
            assert np.isfinite(clip.local).all()
