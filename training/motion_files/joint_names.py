"""Which joint of a rig is which bone of ours.

Sides and limbs go by name, the trunk by structure: whatever lies between the hips and the joint
that carries both arms is the spine. Names of these rigs are understood: CMU and cgspeed, Daz and
Poser, Mixamo and MotionBuilder, BEAT, Biovision, Xsens, Rokoko, SMPL, 3ds Max Biped, Unreal,
Blender Rigify and VRM.
"""

import re
from typing import Final

from training.motion_files.rig_motion import MotionFileError, ancestors

UNDERSTOOD: Final[dict[str, tuple[str, ...]]] = {
    "Shoulder": ("collar", "clavicle", "shoulder"),
    "UpperArm": ("upperarm", "uparm", "arm", "shldr", "humerus", "shoulder"),
    "LowerArm": ("lowerarm", "lowarm", "forearm", "elbow", "radius"),
    "Hand": ("wrist", "hand"),
    "UpperLeg": ("upperleg", "upleg", "thigh", "femur", "hip"),
    "LowerLeg": ("lowerleg", "lowleg", "leg", "knee", "shin", "calf", "tibia"),
    "Foot": ("ankle", "foot"),
    "Toes": ("forefoot", "toebase", "toes", "toe", "ball", "foot"),
}
"""A bone of ours and its names elsewhere, the surest first."""
_NEEDED: Final = ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg", "Foot")
_SIDES: Final = {"left": "left", "l": "left", "right": "right", "r": "right"}
_PARTS: Final = {name for names in UNDERSTOOD.values() for name in names}
_PREFIX: Final = re.compile(r"^(.*:|mixamorig\d*_?|bip\d+[_ ]|j_bip_[lrc]_(?=.)|cc_base_)", re.I)
_TOKEN: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def bones_of(joints: tuple[str, ...], parents: tuple[int, ...]) -> dict[str, int]:
    """Bone of `POSE_BONES` -> joint, for the bones that the rig has.

    Raises:
        MotionFileError: no humanoid with two arms and two legs was found.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for joint, name in enumerate(joints):
        found.setdefault(side_and_part(name), []).append(joint)
    bones: dict[str, int] = {}
    for side in ("left", "right"):
        bones |= {f"{side}{bone}": joint for bone, joint in _limbs(found, side).items()}
    missing = [
        f"{side}{bone}"
        for side in ("left", "right")
        for bone in _NEEDED
        if f"{side}{bone}" not in bones
    ]
    if missing:
        raise MotionFileError(
            f"expected a humanoid, found no joint for {', '.join(missing)} among "
            f"{', '.join(joints) or 'no joints'}; name joints by a side (left, right, l, r) and "
            f"one of {', '.join(sorted(_PARTS))}."
        )
    return bones | _trunk(found, parents, bones)


def side_and_part(name: str) -> tuple[str, str]:
    """`("left", "upleg")` of `mixamorig:LeftUpLeg`; the side is "" where the name has none."""
    side = ""
    if prefix := re.match(r"^j_bip_([lr])_", name, re.I):
        side = _SIDES[prefix[1].lower()]
    tokens = [token.lower() for token in _TOKEN.findall(_PREFIX.sub("", name))]
    sides = [token for token in tokens if token in _SIDES]
    if sides:
        side = _SIDES[sides[0]]
        tokens.remove(sides[0])
    part = "".join(tokens)
    if not side and part[:1] in ("l", "r") and part[1:] in _PARTS:
        side, part = _SIDES[part[0]], part[1:]
    return side, part


def _limbs(found: dict[tuple[str, str], list[int]], side: str) -> dict[str, int]:
    taken: dict[str, int] = {}
    by_name = {part: joints for (where, part), joints in found.items() if where == side}
    # A shoulder is the upper arm itself unless something else is.
    arm = next((name for name in UNDERSTOOD["UpperArm"][:-1] if name in by_name), None)
    collar = next((name for name in UNDERSTOOD["Shoulder"][:-1] if name in by_name), None)
    if arm is None and collar is None and "shoulder" in by_name:
        taken["UpperArm"] = by_name["shoulder"][0]
    for bone, names in UNDERSTOOD.items():
        free = (
            joint
            for name in names
            for joint in by_name.get(name, [])
            if joint not in taken.values()
        )
        if bone not in taken and (joint := next(free, None)) is not None:
            taken[bone] = joint
    # Rigs that number their joints: Arm, Arm1.
    if "LowerArm" not in taken and arm and len(by_name[arm]) > 1:
        taken["LowerArm"] = by_name[arm][1]
    return taken


def _trunk(
    found: dict[tuple[str, str], list[int]], parents: tuple[int, ...], bones: dict[str, int]
) -> dict[str, int]:
    hips = _common(parents, bones["leftUpperLeg"], bones["rightUpperLeg"])
    arms = [bones.get(f"{side}Shoulder", bones[f"{side}UpperArm"]) for side in ("left", "right")]
    top = _common(parents, *arms)
    if hips < 0 or top < 0:
        raise MotionFileError(
            "expected a humanoid whose limbs hang from one root, found limbs without a common "
            "joint; export the whole skeleton."
        )
    below = set(ancestors(parents, hips))
    spine = [joint for joint in ancestors(parents, top) if joint not in below][::-1]
    trunk = {"hips": hips}
    if spine:
        trunk |= {"spine": spine[0]}
    if len(spine) > 1:
        trunk |= {"chest": spine[len(spine) // 2]}
    if len(spine) > 2:
        trunk |= {"upperChest": spine[-1]}
    heads = found.get(("", "head"), [])
    necks = found.get(("", "neck"), [])
    if heads:
        trunk["head"] = heads[0]
        above = [
            joint
            for joint in ancestors(parents, heads[0])[1:]
            if joint not in ancestors(parents, top)
        ]
        necks = above[::-1]
    if necks:
        trunk["neck"] = necks[0]
    return trunk


def _common(parents: tuple[int, ...], one: int, other: int) -> int:
    chain = set(ancestors(parents, other))
    return next((joint for joint in ancestors(parents, one)[1:] if joint in chain), -1)
