"""Which joints of other people's rigs are which bones, twist joints among them."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import PARENT_OF
from tests.training.motion_rigs import Rig, write_rig
from tests.training.rig_names import BONES_OF, naming
from training.humanoid.clip import Clip
from training.motion_files import read_motion
from training.motion_files.joint_names import bones_of


@pytest.mark.parametrize("rig", BONES_OF)
def test_every_joint_of_a_rig_is_the_bone_its_program_means(rig: str) -> None:
    joints = tuple(BONES_OF[rig][bone] for bone in POSE_BONES)
    parents = tuple(
        POSE_BONES.index(PARENT_OF[bone]) if bone in PARENT_OF else -1 for bone in POSE_BONES
    )
    found = bones_of(joints, parents)
    assert {bone: joints[joint] for bone, joint in found.items()} == BONES_OF[rig]


def test_a_spine_that_goes_on_to_the_head_has_one() -> None:
    """Blender's meta-rig has no bone that is called head."""
    joints = (*BONES_OF["rigify"].values(), "DEF-face")
    order = tuple(BONES_OF["rigify"])
    parents = (
        *(order.index(PARENT_OF[bone]) if bone in PARENT_OF else -1 for bone in order),
        order.index("head"),
    )
    found = bones_of(joints, parents)
    assert joints[found["head"]] == "DEF-spine.006"
    assert joints[found["neck"]] == "DEF-spine.004"


def test_joints_of_tools_beside_the_bones_are_not_taken_for_them() -> None:
    bones = BONES_OF["mmd in english"]
    beside = ("leg_IK_L", "leg_D_L", "arm_twist_L", "wrist_twist_L", "shoulder_P_L", "toe_IK_L")
    joints = (*(bones[bone] for bone in POSE_BONES), *beside)
    parents = tuple(
        POSE_BONES.index(PARENT_OF[bone]) if bone in PARENT_OF else -1 for bone in POSE_BONES
    )
    found = bones_of(joints, (*parents, *(0 for _ in beside)))
    assert {bone: joints[joint] for bone, joint in found.items()} == bones


def daz_8(path: Path, clip: Clip) -> None:
    """The clip as Genesis 8 carries it: limbs bend in one joint and twist in the next."""
    write_rig(path, clip, Rig(naming("daz genesis 3 and 8"), "XYZ", 40.0))
    lines = path.read_text().splitlines()
    motion = lines.index("MOTION")
    rows = np.array([line.split() for line in lines[motion + 3 :]], float)
    head: list[str] = []
    columns: list[np.ndarray] = []
    stack: list[tuple[str, int]] = []
    at = 0
    for line in lines[:motion]:
        word, *rest = line.split()
        if word in ("ROOT", "JOINT", "End"):
            stack.append((rest[0], 1))
        if word == "JOINT" and (twist := _twist_before(rest[0])):
            # Half of the turn happens here: the bend joint above keeps the other half.
            bend = columns[-1][:, -3:]
            half = Rotation.from_rotvec(
                Rotation.from_euler("XYZ", bend, degrees=True).as_rotvec() / 2
            ).as_euler("XYZ", degrees=True)
            columns[-1][:, -3:] = half
            columns.append(half.copy())
            head += [f"JOINT {twist}", "{", "OFFSET 0 0 0"]
            head.append("CHANNELS 3 Xrotation Yrotation Zrotation")
            stack[-1] = (rest[0], 2)
        head.append(line)
        if word == "CHANNELS":
            count = int(rest[0])
            columns.append(rows[:, at : at + count].copy())
            at += count
        if word == "}":
            _, brackets = stack.pop()
            head += ["}"] * (brackets - 1)
    frames = np.concatenate(columns, axis=1)
    body = [" ".join(f"{value:.8f}" for value in row) for row in frames]
    path.write_text("\n".join([*head, *lines[motion : motion + 3], *body]) + "\n")


def _twist_before(joint: str) -> str:
    """The twist joint that Genesis 8 has above this one."""
    return {
        f"{side}{part}": f"{side}{limb}Twist"
        for side in "lr"
        for part, limb in (("ForearmBend", "Shldr"), ("Hand", "Forearm"), ("Shin", "Thigh"))
    }.get(joint, "")


def test_twist_joints_are_folded_into_their_limbs(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    turns = Rotation.from_rotvec(rng.normal(0, 0.4, (6 * 22, 3))).as_matrix()
    clip = Clip("made", 30, turns.reshape(6, 22, 3, 3), np.zeros((6, 3)), np.ones(22, bool))
    daz_8(tmp_path / "daz.bvh", clip)
    assert "lShldrTwist" in (tmp_path / "daz.bvh").read_text()
    (found,) = read_motion(tmp_path / "daz.bvh")
    between = np.swapaxes(found.local, -1, -2) @ clip.local
    off = np.degrees(Rotation.from_matrix(between.reshape(-1, 3, 3)).magnitude()).reshape(6, 22)
    assert dict(zip(POSE_BONES, off.max(0).round(2), strict=True)) == dict.fromkeys(POSE_BONES, 0)
