"""What other people's rigs call the bones of ours: each rig as the program behind it writes it."""

from collections.abc import Callable

from idol_protocol.channels import POSE_BONES

_TRUNK = 6
"""Bones from the hips to the head; the limbs follow."""
_LIMB = ("Shoulder", "UpperArm", "LowerArm", "Hand", "UpperLeg", "LowerLeg", "Foot", "Toes")
# The trunk from hips to head; then the left limbs in the order of `_LIMB`; how left becomes right.
_RIGS = {
    "mixamo": (
        "Hips Spine Spine1 Spine2 Neck Head",
        "LeftShoulder LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg LeftFoot LeftToeBase",
        "Left Right",
    ),
    "motionbuilder character": (
        "Character1_Hips Character1_Spine Character1_Spine1 Character1_Spine2 Character1_Neck "
        "Character1_Head",
        "Character1_LeftShoulder Character1_LeftArm Character1_LeftForeArm Character1_LeftHand "
        "Character1_LeftUpLeg Character1_LeftLeg Character1_LeftFoot Character1_LeftToeBase",
        "Left Right",
    ),
    "cmu by cgspeed, motionbuilder": (
        "Hips LowerBack Spine Spine1 Neck Head",
        "LeftShoulder LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg LeftFoot LeftToeBase",
        "Left Right",
    ),
    "cmu by cgspeed, poser": (
        "hip abdomen chest chest2 neck head",
        "lCollar lShldr lForeArm lHand lThigh lShin lFoot lToe",
        "l r",
    ),
    "poser with spaces": (
        "Hip Abdomen Chest Chest_2 Neck Head",
        "Left_Collar Left_Shoulder Left_Forearm Left_Hand Left_Thigh Left_Shin Left_Foot Left_Toe",
        "Left Right",
    ),
    "daz genesis 3 and 8": (
        "pelvis abdomenLower abdomenUpper chestUpper neckLower head",
        "lCollar lShldrBend lForearmBend lHand lThighBend lShin lFoot lToe",
        "l r",
    ),
    "daz genesis 9": (
        "pelvis spine1 spine2 spine4 neck1 head",
        "l_shoulder l_upperarm l_forearm l_hand l_thigh l_shin l_foot l_toes",
        "l_ r_",
    ),
    "perception neuron": (
        "Robot_Hips Robot_Spine Robot_Spine1 Robot_Spine2 Robot_Neck Robot_Head",
        "Robot_LeftShoulder Robot_LeftArm Robot_LeftForeArm Robot_LeftHand "
        "Robot_LeftUpLeg Robot_LeftLeg Robot_LeftFoot Robot_LeftToeBase",
        "Left Right",
    ),
    "rokoko": (
        "Hips Spine1 Spine2 Spine3 Neck Head",
        "LeftShoulder LeftArm LeftForeArm LeftHand LeftThigh LeftShin LeftFoot LeftToe",
        "Left Right",
    ),
    "xsens mvn": (
        "Pelvis L5 T12 T8 Neck Head",
        "LeftShoulder LeftUpperArm LeftForeArm LeftHand LeftUpperLeg LeftLowerLeg LeftFoot LeftToe",
        "Left Right",
    ),
    "xsens bvh": (
        "Hips Chest Chest2 Chest3 Neck Head",
        "LeftCollar LeftShoulder LeftElbow LeftWrist LeftHip LeftKnee LeftAnkle LeftToe",
        "Left Right",
    ),
    "kinect": (
        "SpineBase SpineMid SpineChest SpineShoulder Neck Head",
        "ClavicleLeft ShoulderLeft ElbowLeft WristLeft HipLeft KneeLeft AnkleLeft FootLeft",
        "Left Right",
    ),
    "arkit": (
        "hips_joint spine_1_joint spine_4_joint spine_7_joint neck_1_joint head_joint",
        "left_shoulder_1_joint left_arm_joint left_forearm_joint left_hand_joint "
        "left_upLeg_joint left_leg_joint left_foot_joint left_toes_joint",
        "left right",
    ),
    "smpl-x": (
        "pelvis spine1 spine2 spine3 neck head",
        "left_collar left_shoulder left_elbow left_wrist left_hip left_knee left_ankle left_foot",
        "left right",
    ),
    "unreal": (
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "clavicle_l upperarm_l lowerarm_l hand_l thigh_l calf_l foot_l ball_l",
        "_l _r",
    ),
    "source engine": (
        "ValveBiped.Bip01_Pelvis ValveBiped.Bip01_Spine ValveBiped.Bip01_Spine1 "
        "ValveBiped.Bip01_Spine4 ValveBiped.Bip01_Neck1 ValveBiped.Bip01_Head1",
        "ValveBiped.Bip01_L_Clavicle ValveBiped.Bip01_L_UpperArm ValveBiped.Bip01_L_Forearm "
        "ValveBiped.Bip01_L_Hand ValveBiped.Bip01_L_Thigh ValveBiped.Bip01_L_Calf "
        "ValveBiped.Bip01_L_Foot ValveBiped.Bip01_L_Toe0",
        "_L_ _R_",
    ),
    "character creator": (
        "CC_Base_Pelvis CC_Base_Waist CC_Base_Spine01 CC_Base_Spine02 CC_Base_NeckTwist01 "
        "CC_Base_Head",
        "CC_Base_L_Clavicle CC_Base_L_Upperarm CC_Base_L_Forearm CC_Base_L_Hand "
        "CC_Base_L_Thigh CC_Base_L_Calf CC_Base_L_Foot CC_Base_L_ToeBase",
        "_L_ _R_",
    ),
    "rigify": (
        "DEF-spine DEF-spine.001 DEF-spine.002 DEF-spine.003 DEF-spine.004 DEF-spine.006",
        "DEF-shoulder.L DEF-upper_arm.L DEF-forearm.L DEF-hand.L "
        "DEF-thigh.L DEF-shin.L DEF-foot.L DEF-toe.L",
        ".L .R",
    ),
    "makehuman": (
        "root spine05 spine03 spine01 neck01 head",
        "clavicle.L upperarm01.L lowerarm01.L wrist.L upperleg01.L lowerleg01.L foot.L toe1-1.L",
        ".L .R",
    ),
    "vroid": (
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
        "J_Bip_L_Shoulder J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand "
        "J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase",
        "_L_ _R_",
    ),
    "mmd in english": (
        "lower_body upper_body upper_body2 upper_body3 neck head",
        "shoulder_L arm_L elbow_L wrist_L leg_L knee_L ankle_L toe_L",
        "_L _R",
    ),
    "mmd in japanese": (
        "下半身 上半身 上半身2 上半身3 首 頭",
        "左肩 左腕 左ひじ 左手首 左足 左ひざ 左足首 左つま先",
        "左 右",
    ),
    "all in small letters": (
        "hips spine chest upperchest neck head",
        "leftshoulder leftarm leftforearm lefthand leftupleg leftleg leftfoot lefttoe",
        "left right",
    ),
    "a part before its half": (
        "pelvis spine_0 spine_1 spine_2 neck_0 head_0",
        "clavicle_L arm_upper_L arm_lower_L hand_L leg_upper_L leg_lower_L ankle_L ball_L",
        "_L _R",
    ),
}


def _bones(trunk: str, limbs: str, sides: str) -> dict[str, str]:
    bones = dict(zip(POSE_BONES[:_TRUNK], trunk.split(), strict=True))
    left, right = sides.split()
    for part, name in zip(_LIMB, limbs.split(), strict=True):
        bones[f"left{part}"] = name
        at = 0 if name.startswith(left) else name.rindex(left)
        bones[f"right{part}"] = name[:at] + right + name[at + len(left) :]
    return bones


BONES_OF: dict[str, dict[str, str]] = {rig: _bones(*names) for rig, names in _RIGS.items()}
"""Rig -> bone of ours -> joint."""


def naming(rig: str) -> Callable[[str], str]:
    return BONES_OF[rig].__getitem__
