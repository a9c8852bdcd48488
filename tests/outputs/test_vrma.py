import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from idol_protocol.frames import PoseFrame
from idol_protocol.skeleton import OFFSETS_M, PARENTS
from idol_runtime.errors import InputError
from idol_runtime.motion.rotations import normalise
from idol_runtime.motion.skeleton import forward_kinematics
from idol_runtime.outputs.vrma import write_vrma
from tests.readers.three import reference_joints
from training.gltf import Glb

WEB = Path(__file__).parents[2] / "idol_runtime" / "web"


def some_frames(count: int) -> list[PoseFrame]:
    rng = np.random.default_rng(0)
    turns = Rotation.from_rotvec(0.6 * rng.standard_normal((count * 22, 3))).as_quat()
    rotations = normalise(turns).reshape(count, 22, 4).astype(np.float32)
    hips = (0.1 * rng.standard_normal((count, 3))).astype(np.float32)
    return [PoseFrame(33_333 * i, rotations[i], hips[i]) for i in range(count)]


def test_the_reference_implementation_puts_every_joint_where_we_do(tmp_path: Path) -> None:
    frames = some_frames(7)
    write_vrma(tmp_path / "pose.vrma", frames, 30)
    times_s = [frame / 30 for frame in range(7)]
    joints = reference_joints(tmp_path / "pose.vrma", times_s, PARENTS, np.array(OFFSETS_M))
    for row, frame in enumerate(frames):
        expected, _ = forward_kinematics(frame.rotations, frame.hips_m)
        np.testing.assert_allclose(joints[row], expected, atol=1e-5)


def test_a_character_of_another_height_plays_it_in_proportion(tmp_path: Path) -> None:
    frames = some_frames(3)
    write_vrma(tmp_path / "pose.vrma", frames, 30)
    taller = 1.5 * np.array(OFFSETS_M)
    joints = reference_joints(tmp_path / "pose.vrma", [0, 1 / 30, 2 / 30], PARENTS, taller)
    for row, frame in enumerate(frames):
        expected, _ = forward_kinematics(frame.rotations, frame.hips_m)
        np.testing.assert_allclose(joints[row], 1.5 * expected, atol=1e-5)


def test_keys_never_jump_to_a_quaternions_negative(tmp_path: Path) -> None:
    """It is the same rotation, but a player that blends without looking would spin."""
    frames = [
        PoseFrame(frame.pts_us, (-1) ** at * frame.rotations, frame.hips_m)
        for at, frame in enumerate(some_frames(6))
    ]
    write_vrma(tmp_path / "pose.vrma", frames, 30)
    glb = Glb.parse((tmp_path / "pose.vrma").read_bytes())
    animation = glb.document["animations"][0]
    turns = [
        glb.accessor(animation["samplers"][channel["sampler"]]["output"])
        for channel in animation["channels"]
        if channel["target"]["path"] == "rotation"
    ]
    assert len(turns) == 22
    for keys in turns:
        assert ((keys[1:] * keys[:-1]).sum(-1) >= 0).all()


def test_the_khronos_validator_finds_no_error(tmp_path: Path) -> None:
    validator = WEB / "node_modules" / "gltf-validator"
    if shutil.which("node") is None or not validator.is_dir():
        pytest.skip("gltf-validator is not installed; run `make setup`")
    write_vrma(tmp_path / "pose.vrma", some_frames(5), 30)
    script = (
        "const v=require(process.argv[1]),fs=require('fs');"
        "v.validateBytes(new Uint8Array(fs.readFileSync(process.argv[2])),{})"
        ".then(r=>console.log(JSON.stringify(r.issues)))"
    )
    done = subprocess.run(
        ["node", "-e", script, str(validator), str(tmp_path / "pose.vrma")],
        capture_output=True,
        text=True,
        check=True,
    )
    issues = json.loads(done.stdout)
    assert issues["numErrors"] == issues["numWarnings"] == 0, issues["messages"]


def test_a_performance_without_poses_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected at least one pose"):
        write_vrma(tmp_path / "pose.vrma", [], 30)
