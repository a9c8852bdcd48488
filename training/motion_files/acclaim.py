"""Acclaim motion capture (ASF skeleton, AMC motion) and its way onto our skeleton.

Format: "Acclaim Skeleton File" by Acclaim / M. Motion, as the CMU Graphics Lab database uses it:
a bone turns by its AMC angles inside the axis frame that the ASF gives it, order X, Y, Z fixed.
Rest is the ASF's own pose (arms out, legs 20 degrees apart), so a bone's world rotation carries
its rest direction to where it points. The database was recorded at 120 frames a second.
"""

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from training.humanoid.clip import Array, Clip
from training.humanoid.resample import resample
from training.motion_files import retarget as shared
from training.motion_files.rig_motion import MotionFileError, RigMotion, finite
from training.motion_files.text_file import decoded, without_comments

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
    text = without_comments(text)
    found = re.findall(r"^\s*:(\w+)(.*?)(?=^\s*:|\Z)", text, re.MULTILINE | re.DOTALL)
    sections = {name.lower(): content for name, content in found}
    if missing := {"bonedata", "hierarchy"} - set(sections):
        raise MotionFileError(
            f"expected an ASF skeleton, found no section {', '.join(sorted(missing))}; give the "
            "ASF that belongs to the AMC."
        )
    try:
        blocks = re.findall(r"\bbegin\b(.*?)\bend\b", sections["bonedata"], re.DOTALL)
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


@dataclass(frozen=True, slots=True, eq=False)
class AcclaimMotion:
    rows: dict[str, Array]
    """Bone -> [T, freedoms] degrees; `root` has 3 positions first."""
    notes: tuple[str, ...] = ()


def parse_amc(text: str) -> AcclaimMotion:
    """Parses an AMC file; a last frame that is cut off is left out.

    Raises:
        MotionFileError: no root, or frames that do not have the same bones; the line is named.
    """
    frames: list[dict[str, list[float]]] = []
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        name, *values = line.split() or [""]
        if name.isdecimal() and not values:
            frames.append({})
        elif name.upper() == ":RADIANS":
            raise MotionFileError(
                "expected an AMC in degrees, found RADIANS; export the motion in degrees."
            )
        elif name and not name.startswith(":"):
            try:
                frames[-1][name] = [float(value) for value in values]
            except (ValueError, IndexError):
                raise MotionFileError(
                    f"line {number}: expected a bone and its numbers below the number of a frame, "
                    f"found `{line.strip()[:40]}`; correct the line or export the motion again."
                ) from None
    if not frames or len(frames[0].get("root", [])) != 6:
        raise MotionFileError(
            f"expected an AMC whose frames give 6 numbers for the root, found {len(frames)} "
            "frames without them; give an AMC file."
        )
    is_cut = len(frames) > 1 and _widths(frames[-1]) != _widths(frames[0])
    whole = frames[:-1] if is_cut else frames
    for at, frame in enumerate(whole, 1):
        if _widths(frame) != _widths(frames[0]):
            raise MotionFileError(
                f"frame {at}: expected the same bones and as many numbers as in the first frame, "
                "found others; correct the frame or export the motion again."
            )
    rows = {
        name: finite(np.array([frame[name] for frame in whole], np.float64), name)
        for name in frames[0]
    }
    return AcclaimMotion(rows, ("the last frame is cut off and was left out",) if is_cut else ())


def _widths(frame: dict[str, list[float]]) -> dict[str, int]:
    return {name: len(values) for name, values in frame.items()}


def world_rotations(skeleton: AcclaimSkeleton, motion: Mapping[str, Array]) -> dict[str, Rotation]:
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


def retarget(name: str, skeleton: AcclaimSkeleton, motion: AcclaimMotion, *, fps: int) -> Clip:
    """Puts a recording on our skeleton at `fps`."""
    performance = perform(name, skeleton, motion.rows)
    joint_of = {joint: index for index, joint in enumerate(performance.joints)}
    missing = sorted(set(BONE_FOR.values()) - set(joint_of))
    if missing:
        raise MotionFileError(
            f"expected the bones of the CMU skeleton, found {', '.join(skeleton.bones)} without "
            f"{', '.join(missing)}; give a CMU recording, or export it as BVH."
        )
    bones = {bone: joint_of[joint] for bone, joint in BONE_FOR.items()}
    return replace(resample(shared.retarget(performance, bones), fps), notes=motion.notes)


def read_acclaim(asf: Path, amc: Path, *, fps: int = 30) -> Clip:
    """One recording on our skeleton.

    Raises:
        MotionFileError: a file that is cut short, or another skeleton.
    """
    try:
        skeleton = read_skeleton(decoded(asf.read_bytes()))
        return retarget(amc.stem, skeleton, parse_amc(decoded(amc.read_bytes())), fps=fps)
    except MotionFileError as error:
        raise MotionFileError(f"{amc}: {error}") from None


def perform(name: str, skeleton: AcclaimSkeleton, motion: Mapping[str, Array]) -> RigMotion:
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
        MotionFileError: no archive, a recording without its skeleton, or a damaged one.
    """
    texts = _archived(path)
    for name in sorted(texts):
        if name.endswith(".amc"):
            subject = f"{name.split('_')[0]}.asf"
            if subject not in texts:
                raise MotionFileError(
                    f"{path}: expected {subject} in the folder of {name}, found no such skeleton "
                    "in the archive; add it."
                )
            try:
                skeleton = read_skeleton(texts[subject])
                yield retarget(name[:-4], skeleton, parse_amc(texts[name]), fps=fps)
            except MotionFileError as error:
                raise MotionFileError(f"{path}, {name}: {error}") from None


def _archived(path: Path) -> dict[str, str]:
    """File name -> text of the skeletons and motions."""
    try:
        with tarfile.open(path) as archive:
            return {
                Path(member.name).name: decoded(file.read())
                for member in archive.getmembers()
                if member.name.endswith((".asf", ".amc")) and (file := archive.extractfile(member))
            }
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, KeyError) as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        raise MotionFileError(
            f"{path}: expected a whole tar archive, but {reason}; fetch or pack it again."
        ) from None


def _bone(block: str) -> tuple[str, AcclaimBone]:
    fields = {line.split()[0]: line.split()[1:] for line in block.splitlines() if line.strip()}
    direction = np.array(fields["direction"], float).reshape(3)
    if not 0 < np.linalg.norm(direction) < np.inf:
        raise ValueError("a direction of no length")
    return fields["name"][0], AcclaimBone(
        direction / np.linalg.norm(direction),
        float(fields["length"][0]),
        Rotation.from_euler("xyz", np.array(fields["axis"][:3], float), degrees=True),
        tuple("xyz".index(freedom[1]) for freedom in fields.get("dof", [])),
    )
