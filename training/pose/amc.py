"""Acclaim motion capture (ASF skeleton, AMC motion) and its way onto our skeleton.

Format: "Acclaim Skeleton File" by Acclaim / M. Motion, as the CMU Graphics Lab database uses it:
a bone turns by its AMC angles inside the axis frame that the ASF gives it, order X, Y, Z fixed.
Rest is the ASF's own pose (arms out, legs 20 degrees apart), so a bone's world rotation carries
its rest direction to where it points; retargeting copies those world rotations.
"""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from idol_protocol.channels import POSE_BONES
from training.pose.skeleton import OFFSETS_M, PARENTS

Array = NDArray[np.float64]

INCH_M: Final = 0.0254
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
LIMBS: Final[dict[str, str]] = {
    f"{side}{bone}": f"{side}{end}"
    for side in ("left", "right")
    for bone, end in (
        ("UpperArm", "LowerArm"),
        ("LowerArm", "Hand"),
        ("UpperLeg", "LowerLeg"),
        ("LowerLeg", "Foot"),
        ("Foot", "Toes"),
    )
}
"""Bones with one clear direction, and the bone at their far end."""


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
    unit_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Motion on our skeleton."""

    name: str
    local: Array
    """[T, 22, 3, 3]"""
    hips_m: Array
    """[T, 3], translation from rest."""


def read_skeleton(text: str) -> AcclaimSkeleton:
    """Parses an ASF file.

    Raises:
        ValueError: a section is missing.
    """
    sections = dict(re.findall(r"^:(\w+)(.*?)(?=^:|\Z)", text, re.MULTILINE | re.DOTALL))
    if missing := {"units", "bonedata", "hierarchy"} - set(sections):
        raise ValueError(f"Expected an ASF with {sorted(missing)}, found {sorted(sections)}.")
    scale = float(re.findall(r"length\s+(\S+)", sections["units"])[0])
    bones = {}
    for block in re.findall(r"begin(.*?)end", sections["bonedata"], re.DOTALL):
        fields = {line.split()[0]: line.split()[1:] for line in block.splitlines() if line.strip()}
        bones[fields["name"][0]] = AcclaimBone(
            _unit(np.array(fields["direction"], float)),
            float(fields["length"][0]),
            Rotation.from_euler("xyz", np.array(fields["axis"][:3], float), degrees=True),
            tuple("xyz".index(freedom[1]) for freedom in fields.get("dof", [])),
        )
    tree = [line.split() for line in sections["hierarchy"].splitlines() if len(line.split()) > 1]
    parent_of = {child: parent for parent, *children in tree for child in children}
    return AcclaimSkeleton(bones, parent_of, INCH_M / scale)


def read_motion(text: str) -> dict[str, Array]:
    """Parses an AMC file: bone -> [T, freedoms] degrees; `root` has 3 positions first."""
    rows: dict[str, list[list[float]]] = {}
    for line in text.splitlines():
        name, *values = line.split() or [""]
        if values and not name.startswith((":", "#")):
            rows.setdefault(name, []).append([float(value) for value in values])
    return {name: np.array(values) for name, values in rows.items()}


def world_rotations(skeleton: AcclaimSkeleton, motion: dict[str, Array]) -> dict[str, Rotation]:
    """World rotation of every bone, [T] each; the identity is the ASF's rest pose."""
    world = {"root": Rotation.from_euler("xyz", motion["root"][:, 3:6], degrees=True)}
    for name, parent in skeleton.parent_of.items():
        bone = skeleton.bones[name]
        if name not in motion:
            world[name] = world[parent]
            continue
        angles = np.zeros((len(motion[name]), 3))
        angles[:, list(bone.freedoms)] = motion[name]
        turn = Rotation.from_euler("xyz", angles, degrees=True)
        world[name] = world[parent] * bone.axis * turn * bone.axis.inv()
    return world


def retarget(name: str, skeleton: AcclaimSkeleton, motion: dict[str, Array], *, fps: int) -> Clip:
    """Puts a recording on our skeleton at `fps`, a divisor of 120.

    Limbs keep their world directions; the hips' path is scaled by the length of the legs.
    """
    step = SOURCE_FPS // fps
    motion = {bone: values[::step] for bone, values in motion.items()}
    source = world_rotations(skeleton, motion)
    world = {}
    for bone in POSE_BONES:
        rest = _rest_alignment(skeleton, bone)
        world[bone] = source[BONE_FOR[bone]] * rest
    local = np.stack(
        [
            (
                world[bone] if parent < 0 else world[POSE_BONES[parent]].inv() * world[bone]
            ).as_matrix()
            for bone, parent in zip(POSE_BONES, PARENTS, strict=True)
        ],
        axis=1,
    )
    legs_m = sum(abs(OFFSETS_M[POSE_BONES.index(bone)][1]) for bone in ("leftLowerLeg", "leftFoot"))
    source_legs = sum(skeleton.bones[bone].length for bone in ("lfemur", "ltibia"))
    hips_m = motion["root"][:, :3] * (legs_m / source_legs)
    hips_m[:, 1] -= OFFSETS_M[0][1]
    return Clip(name, local, hips_m)


def read_archive(path: Path, *, fps: int) -> Iterator[Clip]:
    """Every recording of a tar archive with `NN/NN.asf` and `NN/NN_MM.amc`, retargeted."""
    with tarfile.open(path) as archive:
        texts = {
            Path(member.name).name: file.read().decode()
            for member in archive.getmembers()
            if member.name.endswith((".asf", ".amc")) and (file := archive.extractfile(member))
        }
    for name in sorted(texts):
        if name.endswith(".amc"):
            skeleton = read_skeleton(texts[f"{name.split('_')[0]}.asf"])
            yield retarget(name[:-4], skeleton, read_motion(texts[name]), fps=fps)


def _rest_alignment(skeleton: AcclaimSkeleton, bone: str) -> Rotation:
    """Carries our rest direction of a limb to the source's; both rests are T-poses elsewhere."""
    if bone not in LIMBS:
        return Rotation.identity()
    ours = _unit(np.array(OFFSETS_M[POSE_BONES.index(LIMBS[bone])]))
    theirs = skeleton.bones[BONE_FOR[bone]].direction
    axis = np.cross(ours, theirs)
    sine, cosine = np.linalg.norm(axis), float(ours @ theirs)
    return Rotation.from_rotvec(_unit(axis) * np.arctan2(sine, cosine) if sine > 1e-9 else axis)


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit
