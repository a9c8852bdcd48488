"""BVH files of other people's rigs, written from a motion that is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from idol_protocol.skeleton import OFFSETS_M, PARENTS
from training.humanoid.clip import Clip
from training.humanoid.skeleton import forward_kinematics

_NAMES = """\
vrm           daz      mixamo        xsens         smpl       unreal     biped
hips          hip      Hips          Hips          Pelvis     pelvis     Bip01
spine         abdomen  Spine         Chest         Spine1     spine_01   Bip01_Spine
chest         chest    Spine1        Chest2        Spine2     spine_02   Bip01_Spine1
upperChest    chest2   Spine2        Chest3        Spine3     spine_03   Bip01_Spine2
neck          neck     Neck          Neck          Neck       neck_01    Bip01_Neck
head          head     Head          Head          Head       head       Bip01_Head
leftShoulder  lCollar  LeftShoulder  LeftCollar    L_Collar   clavicle_l Bip01_L_Clavicle
leftUpperArm  lShldr   LeftArm       LeftShoulder  L_Shoulder upperarm_l Bip01_L_UpperArm
leftLowerArm  lForeArm LeftForeArm   LeftElbow     L_Elbow    lowerarm_l Bip01_L_Forearm
leftHand      lHand    LeftHand      LeftWrist     L_Wrist    hand_l     Bip01_L_Hand
rightShoulder rCollar  RightShoulder RightCollar   R_Collar   clavicle_r Bip01_R_Clavicle
rightUpperArm rShldr   RightArm      RightShoulder R_Shoulder upperarm_r Bip01_R_UpperArm
rightLowerArm rForeArm RightForeArm  RightElbow    R_Elbow    lowerarm_r Bip01_R_Forearm
rightHand     rHand    RightHand     RightWrist    R_Wrist    hand_r     Bip01_R_Hand
leftUpperLeg  lThigh   LeftUpLeg     LeftHip       L_Hip      thigh_l    Bip01_L_Thigh
leftLowerLeg  lShin    LeftLeg       LeftKnee      L_Knee     calf_l     Bip01_L_Calf
leftFoot      lFoot    LeftFoot      LeftAnkle     L_Ankle    foot_l     Bip01_L_Foot
leftToes      lToe     LeftToeBase   LeftToe       L_Foot     ball_l     Bip01_L_Toe0
rightUpperLeg rThigh   RightUpLeg    RightHip      R_Hip      thigh_r    Bip01_R_Thigh
rightLowerLeg rShin    RightLeg      RightKnee     R_Knee     calf_r     Bip01_R_Calf
rightFoot     rFoot    RightFoot     RightAnkle    R_Ankle    foot_r     Bip01_R_Foot
rightToes     rToe     RightToeBase  RightToe      R_Foot     ball_r     Bip01_R_Toe0
"""
TIPS_M = {"head": (0, 0.2, 0), "Hand": (0.15, 0, 0), "Toes": (0, 0, 0.06)}


@dataclass(frozen=True)
class Rig:
    """Our skeleton under other names, in another unit, rest pose and world."""

    name_of: Callable[[str], str]
    order: str = "ZXY"
    units_per_m: float = 100.0
    to_world: Rotation = field(default_factory=Rotation.identity)
    """From our axes (Y up, facing +Z) to the file's."""
    rest: Mapping[str, Rotation] = field(default_factory=dict)
    """How bones are turned in the rest pose, in our axes; the T-pose where none is given."""


def turned_limbs(part: str, degrees: float, axis: str = "z") -> dict[str, Rotation]:
    """A rest pose with both arms or legs turned, outwards or downwards alike on both sides."""
    return {
        bone: Rotation.from_euler(axis, degrees * (1 if bone.startswith("left") else -1), True)
        for bone in POSE_BONES
        if part in bone or (part == "Arm" and "Hand" in bone)
    }


def write_rig(path: Path, clip: Clip, rig: Rig) -> None:
    """Writes the clip as this rig would carry it."""
    joints, world = forward_kinematics(torch.from_numpy(clip.local), torch.from_numpy(clip.hips_m))
    rests = [rig.rest.get(bone, Rotation.identity()) for bone in POSE_BONES]
    turns = [
        rig.to_world * Rotation.from_matrix(world[:, at].numpy()) * rest.inv() * rig.to_world.inv()
        for at, rest in enumerate(rests)
    ]
    head: list[str] = ["HIERARCHY"]
    columns: list[np.ndarray] = []

    def offset(values: tuple[float, ...], rest: Rotation) -> str:
        placed = rig.units_per_m * rig.to_world.apply(rest.apply(np.array(values, float)))
        return "OFFSET " + " ".join(f"{value:.8f}" for value in placed)

    def joint(at: int) -> None:
        bone, parent = POSE_BONES[at], PARENTS[at]
        channels = [f"{axis}rotation" for axis in rig.order]
        local = turns[at] if parent < 0 else turns[parent].inv() * turns[at]
        if parent < 0:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
            columns.append(rig.units_per_m * rig.to_world.apply(joints[:, 0].numpy()))
        columns.append(local.as_euler(rig.order.upper(), degrees=True))
        rest = rests[parent] if parent >= 0 else Rotation.identity()
        head.extend([f"{'ROOT' if parent < 0 else 'JOINT'} {rig.name_of(bone)}", "{"])
        head.extend([offset(OFFSETS_M[at] if parent >= 0 else (0, 0, 0), rest)])
        head.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
        children = [child for child, above in enumerate(PARENTS) if above == at]
        for child in children:
            joint(child)
        if not children:
            tip = next(values for part, values in TIPS_M.items() if bone.endswith(part))
            head.extend(["End Site", "{", offset(tip, rests[at]), "}"])
        head.append("}")

    joint(0)
    rows = [" ".join(f"{value:.8f}" for value in row) for row in np.concatenate(columns, axis=1)]
    head += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / clip.fps:.9f}"]
    path.write_text("\n".join([*head, *rows]) + "\n")


def _names(rig: str) -> Callable[[str], str]:
    columns, *rows = [line.split() for line in _NAMES.splitlines()]
    return {row[0]: row[columns.index(rig)] for row in rows}.__getitem__


MIXAMO = _names("mixamo")
A_POSE = turned_limbs("Arm", -45)
ARMS_DOWN = turned_limbs("Arm", -88)
RIGS = {
    "mixamo": Rig(lambda bone: f"mixamorig:{MIXAMO(bone)}", "ZYX"),
    "xsens, arms down, inches": Rig(_names("xsens"), "ZXY", 39.3700787, rest=ARMS_DOWN),
    "daz, A-pose, facing -Z": Rig(
        _names("daz"), "XYZ", 40.0, Rotation.from_euler("y", 180, degrees=True), A_POSE
    ),
    "smpl, legs apart, facing +X, metres": Rig(
        _names("smpl"),
        "YXZ",
        1.0,
        Rotation.from_euler("y", 90, degrees=True),
        turned_limbs("Leg", 20),
    ),
    "unreal, Z up, facing -Y": Rig(
        _names("unreal"), "XZY", 100.0, Rotation.from_euler("x", 90, degrees=True), A_POSE
    ),
    "biped": Rig(_names("biped"), "YZX", 100.0, rest=turned_limbs("Arm", -30)),
    "vrm": Rig(_names("vrm"), "YXZ"),
}
