from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import PoseFrame
from idol_runtime.errors import InputError
from idol_runtime.motion.rotations import angle_between, normalise
from idol_runtime.motion.skeleton import forward_kinematics
from idol_runtime.outputs.bvh import read_bvh, write_bvh
from tests.readers.three import three_js_joints


def some_frames(count: int) -> list[PoseFrame]:
    rng = np.random.default_rng(0)
    turns = Rotation.from_rotvec(0.6 * rng.standard_normal((count * 22, 3))).as_quat()
    rotations = normalise(turns).reshape(count, 22, 4).astype(np.float32)
    hips = (0.1 * rng.standard_normal((count, 3))).astype(np.float32)
    return [PoseFrame(33_333 * i, rotations[i], hips[i]) for i in range(count)]


def independent_joints_cm(text: str) -> dict[str, np.ndarray]:
    """A small reader of any BVH: joint name -> world positions [T, 3], by its own kinematics."""
    head, motion = text.split("MOTION")
    rows = np.array([line.split() for line in motion.strip().splitlines()[2:]], float)
    stack: list[tuple[Rotation, np.ndarray]] = [(Rotation.identity(len(rows)), np.zeros((1, 3)))]
    joints, name, column, offset = {}, "", 0, np.zeros(3)
    for line in head.splitlines():
        words = line.split()
        match words[:1]:
            case ["ROOT"] | ["JOINT"]:
                name = words[1]
            case ["End"]:
                name = ""
            case ["OFFSET"]:
                offset = np.array(words[1:], float)
                turn, origin = stack[-1]
                stack.append((turn, origin + turn.apply(np.tile(offset, (len(rows), 1)))))
            case ["CHANNELS"]:
                channels = words[2:]
                values = dict(
                    zip(channels, rows[:, column : column + len(channels)].T, strict=True)
                )
                column += len(channels)
                turn, place = stack.pop()
                if "Xposition" in values:
                    place = np.stack([values[f"{axis}position"] for axis in "XYZ"], axis=1)
                for channel in channels:
                    if channel.endswith("rotation"):
                        turn = turn * Rotation.from_euler(
                            channel[0], values[channel][:, None], degrees=True
                        )
                stack.append((turn, place))
                joints[name] = place
            case ["}"]:
                stack.pop()
    return joints


def test_an_independent_reader_finds_every_joint_within_a_millimetre(tmp_path: Path) -> None:
    frames = some_frames(7)
    write_bvh(tmp_path / "pose.bvh", frames, 30)
    joints = independent_joints_cm((tmp_path / "pose.bvh").read_text())
    for index, bone in enumerate(POSE_BONES):
        for row, frame in enumerate(frames):
            expected, _ = forward_kinematics(frame.rotations, frame.hips_m)
            assert np.abs(joints[bone][row] - 100 * expected[index]).max() < 0.1


def test_three_js_puts_every_joint_where_we_do(tmp_path: Path) -> None:
    frames = some_frames(7)
    write_bvh(tmp_path / "pose.bvh", frames, 30)
    joints = three_js_joints(tmp_path / "pose.bvh", [frame / 30 for frame in range(7)])
    for row, frame in enumerate(frames):
        expected, _ = forward_kinematics(frame.rotations, frame.hips_m)
        for index, bone in enumerate(POSE_BONES):
            np.testing.assert_allclose(joints[bone][row], 100 * expected[index], atol=0.01)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    frames = some_frames(3)
    write_bvh(tmp_path / "pose.bvh", frames, 30)
    motion = read_bvh(tmp_path / "pose.bvh")
    assert motion.fps == pytest.approx(30, abs=1e-4)
    for row, frame in enumerate(frames):
        assert angle_between(motion.rotations[row], frame.rotations).max() < 0.01
        np.testing.assert_allclose(motion.hips_m[row], frame.hips_m, atol=1e-5)


@pytest.mark.parametrize("text", ["", "HIERARCHY\nROOT pelvis\nMOTION\nFrames: 0\nFrame Time: 1\n"])
def test_another_skeleton_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "pose.bvh").write_text(text)
    with pytest.raises(InputError, match="expected the joints"):
        read_bvh(tmp_path / "pose.bvh")


def test_a_file_that_is_cut_short_is_refused_in_a_sentence(tmp_path: Path) -> None:
    write_bvh(tmp_path / "pose.bvh", some_frames(3), 30)
    text = (tmp_path / "pose.bvh").read_text()
    (tmp_path / "pose.bvh").write_text(text[:-40])
    with pytest.raises(InputError, match="cut short"):
        read_bvh(tmp_path / "pose.bvh")
