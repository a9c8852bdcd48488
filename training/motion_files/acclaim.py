"""Acclaim motion capture (ASF skeleton, AMC motion) and its way onto our skeleton.

Format: "Acclaim Skeleton File" by Acclaim / M. Motion, as the CMU Graphics Lab database uses it:
a bone turns by its AMC angles inside the axis frame that the ASF gives it, order X, Y, Z fixed.
Rest is the ASF's own pose (arms out, legs 20 degrees apart), so a bone's world rotation carries
its rest direction to where it points. The database was recorded at 120 frames a second.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from training.humanoid.clip import Array, Clip
from training.humanoid.resample import resample
from training.motion_files import retarget as shared
from training.motion_files.rig_motion import MotionFileError, RigMotion, finite

SOURCE_FPS: Final = 120

BONE_FOR: Final[dict[str, str]] = {
    "hips": "root",
    "spine": "lowerback",
    "chest": "upperback",
    "upperChest": "thorax",
    "neck": "lowerneck",
    "head": "head",
    "leftShoulder": "lclavicle",
    "leftUpperArm": "lhumerus",
    "leftLowerArm": "lradius",
    "leftHand": "lhand",
    "leftUpperLeg": "lfemur",
    "leftLowerLeg": "ltibia",
    "leftFoot": "lfoot",
    "leftToes": "ltoes",
    "rightShoulder": "rclavicle",
    "rightUpperArm": "rhumerus",
    "rightLowerArm": "rradius",
    "rightHand": "rhand",
    "rightUpperLeg": "rfemur",
    "rightLowerLeg": "rtibia",
    "rightFoot": "rfoot",
    "rightToes": "rtoes",
}


@dataclass(frozen=True, slots=True, eq=False)
class AcclaimBone:
    direction: Array
    """[3], unit, world frame of the rest pose."""
    length: float
    """In the skeleton's own unit."""
    axis: Rotation
    freedoms: tuple[int, ...]
    """Which of rx, ry, rz the AMC gives, in its order."""


@dataclass(frozen=True, slots=True, eq=False)
class AcclaimSkeleton:
    bones: dict[str, AcclaimBone]
    parent_of: dict[str, str]
    """Parents precede children; the first bones hang from `root`."""


def read_skeleton(text: str) -> AcclaimSkeleton:
    """Parses an ASF file.

    Raises:
        MotionFileError: a section is missing or damaged.
    """
    sections = dict(re.findall(r"^:(\w+)(.*?)(?=^:|\Z)", text, re.MULTILINE | re.DOTALL))
    if missing := {"bonedata", "hierarchy"} - set(sections):
        raise MotionFileError(
            f"expected an ASF skeleton, found no section {', '.join(sorted(missing))}; give the "
            "ASF that belongs to the AMC."
        )
    try:
        blocks = re.findall(r"begin(.*?)end", sections["bonedata"], re.DOTALL)
        bones = dict(_bone(block) for block in blocks)
    except (KeyError, IndexError, ValueError) as error:
        raise MotionFileError(
            f"expected bones with a name, direction, length and axis, found {error} amiss; the "
            "ASF is damaged."
        ) from None
    tree = [line.split() for line in sections["hierarchy"].splitlines() if len(line.split()) > 1]
    parent_of = {child: parent for parent, *children in tree for child in children}
    known = {"root", *bones}
    if strange := (set(parent_of) | set(parent_of.values())) - known:
        raise MotionFileError(
            f"expected a hierarchy of bones, found {', '.join(sorted(strange))} without bone data; "
            "the ASF is cut short."
        )
    return AcclaimSkeleton(bones, parent_of)


def parse_amc(text: str) -> dict[str, Array]:
    """Parses an AMC file: bone -> [T, freedoms] degrees; `root` has 3 positions first.

    Raises:
        MotionFileError: no root, or rows of different lengths.
    """
    rows: dict[str, list[list[float]]] = {}
    try:
        for line in text.splitlines():
            name, *values = line.split() or [""]
            if values and not name.startswith((":", "#")):
                rows.setdefault(name, []).append([float(value) for value in values])
        motion = {name: finite(np.array(values), name) for name, values in rows.items()}
        frames = {len(values) for values in motion.values()}
        if len(frames) != 1 or "root" not in motion or motion["root"].shape[1:] != (6,):
            raise ValueError(f"{sorted(frames)} frames of {', '.join(motion) or 'no bones'}")
    except ValueError as error:
        raise MotionFileError(
            "expected an AMC with a row of numbers for every bone of every frame and 6 for the "
            f"root, found {error}; the file is cut short or altered."
        ) from None
    return motion


def world_rotations(skeleton: AcclaimSkeleton, motion: dict[str, Array]) -> dict[str, Rotation]:
    """World rotation of every bone, [T] each; the identity is the ASF's rest pose.

    Raises:
        MotionFileError: rows that do not fit the skeleton's freedoms.
    """
    world = {"root": Rotation.from_euler("xyz", motion["root"][:, 3:6], degrees=True)}
    for name, parent in skeleton.parent_of.items():
        bone = skeleton.bones[name]
        if name not in motion:
            world[name] = world[parent]
            continue
        if motion[name].shape[1:] != (len(bone.freedoms),):
            raise MotionFileError(
                f"expected {len(bone.freedoms)} angles a frame for {name}, found "
                f"{motion[name].shape[1]}; give the ASF that belongs to the AMC."
            )
        angles = np.zeros((len(motion[name]), 3))
        angles[:, list(bone.freedoms)] = motion[name]
        turn = Rotation.from_euler("xyz", angles, degrees=True)
        world[name] = world[parent] * bone.axis * turn * bone.axis.inv()
    return world


def retarget(name: str, skeleton: AcclaimSkeleton, motion: dict[str, Array], *, fps: int) -> Clip:
    """Puts a recording on our skeleton at `fps`."""
    performance = perform(name, skeleton, motion)
    joint_of = {joint: index for index, joint in enumerate(performance.joints)}
    missing = sorted(set(BONE_FOR.values()) - set(joint_of))
    if missing:
        raise MotionFileError(
            f"expected the bones of the CMU skeleton, found {', '.join(skeleton.bones)} without "
            f"{', '.join(missing)}; give a CMU recording, or export it as BVH."
        )
    bones = {bone: joint_of[joint] for bone, joint in BONE_FOR.items()}
    return resample(shared.retarget(performance, bones), fps)


def read_acclaim(asf: Path, amc: Path, *, fps: int = 30) -> Clip:
    """One recording on our skeleton.

    Raises:
        MotionFileError: a file that is cut short, or another skeleton.
    """
    try:
        skeleton = read_skeleton(asf.read_text(errors="replace"))
        return retarget(amc.stem, skeleton, parse_amc(amc.read_text(errors="replace")), fps=fps)
    except MotionFileError as error:
        raise MotionFileError(f"{amc}: {error}") from None


def perform(name: str, skeleton: AcclaimSkeleton, motion: dict[str, Array]) -> RigMotion:
    """Where the skeleton's bones start, frame by frame.

    Raises:
        MotionFileError: bones or rows that do not fit each other.
    """
    world = world_rotations(skeleton, motion)
    rest, places = {"root": np.zeros(3)}, {"root": finite(motion["root"][:, :3], "root")}
    names = list(world)
    for joint, parent in skeleton.parent_of.items():
        tip = np.zeros(3)
        if parent != "root":
            tip = skeleton.bones[parent].direction * skeleton.bones[parent].length
        rest[joint] = rest[parent] + tip
        places[joint] = places[parent] + world[parent].apply(tip)
    return RigMotion(
        name,
        SOURCE_FPS,
        tuple(names),
        tuple(-1 if joint == "root" else names.index(skeleton.parent_of[joint]) for joint in names),
        np.stack([rest[joint] for joint in names]),
        np.stack([world[joint].as_matrix() for joint in names], axis=1),
        np.stack([places[joint] for joint in names], axis=1),
    )


def read_archive(path: Path, *, fps: int) -> Iterator[Clip]:
    """Every recording of a tar archive with `NN/NN.asf` and `NN/NN_MM.amc`, retargeted.

    Raises:
        MotionFileError: a recording without its skeleton, or a damaged one.
    """
    with tarfile.open(path) as archive:
        texts = {
            Path(member.name).name: file.read().decode()
            for member in archive.getmembers()
            if member.name.endswith((".asf", ".amc")) and (file := archive.extractfile(member))
        }
    for name in sorted(texts):
        if name.endswith(".amc"):
            subject = f"{name.split('_')[0]}.asf"
            if subject not in texts:
                raise MotionFileError(
                    f"{path}: expected {subject} in the folder of {name}, found no such skeleton "
                    "in the archive; add it."
                )
            skeleton = read_skeleton(texts[subject])
            yield retarget(name[:-4], skeleton, parse_amc(texts[name]), fps=fps)


def _bone(block: str) -> tuple[str, AcclaimBone]:
    fields = {line.split()[0]: line.split()[1:] for line in block.splitlines() if line.strip()}
    direction = np.array(fields["direction"], float)
    return fields["name"][0], AcclaimBone(
        direction / np.linalg.norm(direction),
        float(fields["length"][0]),
        Rotation.from_euler("xyz", np.array(fields["axis"][:3], float), degrees=True),
        tuple("xyz".index(freedom[1]) for freedom in fields.get("dof", [])),
    )
