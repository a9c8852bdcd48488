"""Which joint of a rig is which bone of ours.

Sides and limbs go by name, the trunk by structure: whatever lies between the hips and the joint
that carries both arms is the spine. Names of these rigs are understood: CMU and cgspeed, Daz
Genesis 1 to 9 and Poser, Mixamo and MotionBuilder, Perception Neuron, BEAT, Biovision, Xsens,
Rokoko, Kinect, ARKit, SMPL, 3ds Max Biped, Unreal, Character Creator, MakeHuman, Blender Rigify,
VRM and VRoid, MMD in English and Japanese.
"""

import re
import unicodedata
from collections import Counter
from typing import Final

from training.motion_files.rig_motion import MotionFileError, ancestors

UNDERSTOOD: Final[dict[str, tuple[str, ...]]] = {
    "Shoulder": ("collar", "clavicle", "shoulder"),
    "UpperArm": ("upperarm", "uparm", "armupper", "arm", "shldr", "humerus", "shoulder"),
    "LowerArm": ("lowerarm", "lowarm", "armlower", "forearm", "elbow", "radius"),
    "Hand": ("wrist", "hand"),
    "UpperLeg": ("upperleg", "upleg", "legupper", "thigh", "femur", "hip"),
    "LowerLeg": ("lowerleg", "lowleg", "leglower", "leg", "knee", "shin", "calf", "tibia"),
    "Foot": ("ankle", "foot"),
    "Toes": ("forefoot", "toebase", "toes", "toe", "ball", "foot"),
}
"""A bone of ours and its names elsewhere, the surest first."""
_NEEDED: Final = ("UpperArm", "LowerArm", "UpperLeg", "LowerLeg", "Foot")
_SIDES: Final = {
    **dict.fromkeys(("left", "l", "lf", "lft"), "left"),
    **dict.fromkeys(("right", "r", "rt", "rgt"), "right"),
}
_PARTS: Final = {name for names in UNDERSTOOD.values() for name in names}
_JAPANESE: Final = {
    "左": "Left ", "右": "Right ", "手首": "Wrist", "足首": "Ankle", "つま先": "Toe",
    "肩": "Shoulder", "腕": "Arm", "ひじ": "Elbow", "肘": "Elbow", "足": "Leg", "ひざ": "Knee",
    "膝": "Knee", "首": "Neck", "頭": "Head", "捩": "Twist",
}  # fmt: skip
"""As MMD writes them, longer words before those they contain."""
_PREFIX: Final = re.compile(r"^(.*[:|]|mixamorig\d*_?|cc_base_)", re.I)
_FIRST: Final = re.compile(r"[^\W_]+[ _.:|-]+(?=.)")
_TOKEN: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_MEANINGLESS: Final = frozenset({"joint", "jnt", "bone", "bend", "def", "j", "bip", "c"})
"""ARKit, Maya and others end names in the first, Daz in `Bend`; Rigify begins them with `DEF`,
VRoid with `J_Bip_C_`, Biped with `Bip01`."""


def bones_of(joints: tuple[str, ...], parents: tuple[int, ...]) -> dict[str, int]:
    """Bone of `POSE_BONES` -> joint, for the bones that the rig has.

    Raises:
        MotionFileError: no humanoid with two arms and two legs was found.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for joint, name in enumerate(_without_shared_prefix(joints)):
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
    name = unicodedata.normalize("NFKC", name)
    for theirs, ours in _JAPANESE.items():
        name = name.replace(theirs, ours)
    tokens = [token.lower() for token in _TOKEN.findall(_PREFIX.sub("", name))]
    tokens = [token for token in tokens if token not in _MEANINGLESS]
    sides = [token for token in tokens if token in _SIDES]
    if sides:
        side = _SIDES[sides[0]]
        tokens.remove(sides[0])
    part = "".join(tokens)
    if not side:
        for word, meant in _SIDES.items():
            if part.startswith(word) and part[len(word) :] in _PARTS:
                return meant, part[len(word) :]
            if len(word) > 3 and part.endswith(word) and part[: -len(word)] in _PARTS:
                return meant, part[: -len(word)]
    return side, part


def _without_shared_prefix(joints: tuple[str, ...]) -> tuple[str, ...]:
    """`Robot_LeftArm` and the like without what most joints begin with."""
    while True:
        firsts = Counter(match[0] for name in joints if (match := _FIRST.match(name)))
        shared, count = next(iter(firsts.most_common(1)), ("", 0))
        if 2 * count <= len(joints) or side_and_part(shared)[0]:
            return joints
        joints = tuple(name.removeprefix(shared) for name in joints)


def _limbs(found: dict[tuple[str, str], list[int]], side: str) -> dict[str, int]:
    taken: dict[str, int] = {}
    by_name = {part: joints for (where, part), joints in found.items() if where == side}
    # A shoulder is the upper arm itself unless something else is.
    arm = next((name for name in UNDERSTOOD["UpperArm"][:-1] if name in by_name), None)
    collar = next((name for name in UNDERSTOOD["Shoulder"][:-1] if name in by_name), None)
    if arm is None and collar is None and "shoulder" in by_name:
        taken["UpperArm"] = by_name["shoulder"][0]
    # A leg is the lower one, as in Mixamo, unless something else is, as in MMD.
    uppers = set(UNDERSTOOD["UpperLeg"][:-1]) & set(by_name)
    lowers = set(UNDERSTOOD["LowerLeg"]) & set(by_name) - {"leg"}
    if "leg" in by_name and lowers and not uppers:
        taken["UpperLeg"] = by_name["leg"][0]
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
    if "UpperLeg" not in taken and len(by_name.get("leg", [])) > 1:
        taken["UpperLeg"], taken["LowerLeg"] = by_name["leg"][:2]
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
    necks = found.get(("", "neck"), [])
    heads = found.get(("", "head"), []) or _last_of_spine(found, parents, top)
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


def _last_of_spine(
    found: dict[tuple[str, str], list[int]], parents: tuple[int, ...], top: int
) -> list[int]:
    """Blender's spine goes on through the neck and ends in the head."""
    spine = found.get(("", "spine"), [])
    return [joint for joint in spine if top in ancestors(parents, joint)[1:]][-1:]


def _common(parents: tuple[int, ...], one: int, other: int) -> int:
    chain = set(ancestors(parents, other))
    return next((joint for joint in ancestors(parents, one)[1:] if joint in chain), -1)
