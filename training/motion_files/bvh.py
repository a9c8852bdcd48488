"""Biovision hierarchies (BVH) of any rig.

Format: Biovision, as Meredith and Maddock describe it ("Motion Capture File Formats Explained",
University of Sheffield, 2001): a joint turns by its rotation channels in the order listed, and
position channels take the place of its OFFSET.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from training.humanoid.clip import Array, Clip
from training.humanoid.resample import resample
from training.motion_files.joint_names import bones_of
from training.motion_files.retarget import retarget
from training.motion_files.rig_motion import MotionFileError, RigMotion, finite

_CHANNELS: Final = {
    f"{axis}{kind}".lower(): (kind, "XYZ".index(axis))
    for axis in "XYZ"
    for kind in ("position", "rotation")
}


@dataclass(slots=True, eq=False)
class _Hierarchy:
    joints: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[tuple[str, int]]] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return sum(map(len, self.channels))


def read_bvh(path: Path, *, fps: int = 30) -> Clip:
    """The file's motion on our skeleton.

    Raises:
        MotionFileError: not a BVH, cut short, or no humanoid.
    """
    try:
        performance = parse_bvh(path.read_text(encoding="utf-8", errors="replace"), path.stem)
        bones = bones_of(performance.joints, performance.parents)
        return resample(retarget(performance, bones), fps)
    except MotionFileError as error:
        raise MotionFileError(f"{path}: {error}") from None


def parse_bvh(text: str, name: str) -> RigMotion:
    """Any hierarchy and its motion, joints and units as they are.

    Raises:
        MotionFileError: the text is no BVH, or rows do not fit the channels.
    """
    head, found, motion = text.partition("MOTION")
    words = iter(head.split())
    if not found or next(words, "").upper() != "HIERARCHY":
        raise MotionFileError(
            "expected HIERARCHY and MOTION, found a file without them; give a BVH file."
        )
    tree = _hierarchy(words)
    rows, fps = _rows(motion, tree.columns)
    return _performed(tree, rows, fps, name)


def _hierarchy(words: Iterator[str]) -> _Hierarchy:
    tree = _Hierarchy()
    stack: list[int] = []
    joint = -1
    try:
        for word in words:
            match word.upper():
                case "ROOT" | "JOINT":
                    joint = _add(tree, _joint_name(words), stack[-1] if stack else -1)
                    stack.append(joint)
                case "END":
                    _skip_end_site(words)
                case "}":
                    stack.pop()
                case "OFFSET":
                    tree.offsets[joint] = [float(next(words)) for _ in range(3)]
                case "CHANNELS":
                    names = [next(words).lower() for _ in range(int(next(words)))]
                    tree.channels[joint] = [_CHANNELS[channel] for channel in names]
                case _:
                    raise ValueError(word)
    except (StopIteration, IndexError, KeyError, ValueError, RuntimeError) as error:
        near = tree.joints[-1] if tree.joints else "the root"
        raise MotionFileError(
            f"expected a tree of JOINT, OFFSET and CHANNELS, found {error!r} near {near}; the "
            "hierarchy is damaged."
        ) from None
    if stack or not tree.joints:
        raise MotionFileError(
            f"expected a closed tree of joints, found {len(stack)} open brackets and "
            f"{len(tree.joints)} joints; the hierarchy is cut short."
        )
    return tree


def _joint_name(words: Iterator[str]) -> str:
    """Names may hold spaces; the bracket ends them."""
    parts = []
    while (word := next(words)) != "{":
        parts.append(word)
    return " ".join(parts)


def _add(tree: _Hierarchy, name: str, parent: int) -> int:
    tree.joints.append(name)
    tree.parents.append(parent)
    tree.offsets.append([0.0, 0.0, 0.0])
    tree.channels.append([])
    return len(tree.joints) - 1


def _skip_end_site(words: Iterator[str]) -> None:
    while next(words) != "}":
        pass


def _rows(motion: str, columns: int) -> tuple[Array, float]:
    words = motion.replace(":", " ").split()
    try:
        if [word.lower() for word in (words[0], *words[2:4])] != ["frames", "frame", "time"]:
            raise ValueError
        count, frame_s = int(words[1]), float(words[4])
        rows = np.array(words[5:], np.float64).reshape(count, columns)
    except (ValueError, IndexError):
        raise MotionFileError(
            f"expected Frames, Frame Time and {columns} numbers a frame after MOTION, found "
            f"{len(words)} words that do not fit; the file is cut short or altered."
        ) from None
    if count < 1 or not 0 < frame_s < 10:
        raise MotionFileError(
            f"expected frames and the seconds between them, found {count} frames and "
            f"{frame_s} s; export the motion again."
        )
    # Frame times are written with few digits: 0.008333 s means 120 frames a second.
    fps = round(1 / frame_s) if abs(1 / frame_s - round(1 / frame_s)) < 0.02 else 1 / frame_s
    return finite(rows, "MOTION"), fps


def _performed(tree: _Hierarchy, rows: Array, fps: float, name: str) -> RigMotion:
    offsets = finite(np.array(tree.offsets), "OFFSET")
    rest = offsets.copy()
    turns: list[Array] = []
    places: list[Array] = []
    column = 0
    for joint, (parent, channels) in enumerate(zip(tree.parents, tree.channels, strict=True)):
        values = rows[:, column : column + len(channels)]
        column += len(channels)
        turn = _turned(values, channels)
        place = _placed(values, channels, offsets[joint])
        if parent >= 0:
            rest[joint] += rest[parent]
            place = places[parent] + np.einsum("tij,tj->ti", turns[parent], place)
            turn = turns[parent] @ turn
        turns.append(turn)
        places.append(place)
    return RigMotion(
        name,
        fps,
        tuple(tree.joints),
        tuple(tree.parents),
        rest,
        np.stack(turns, axis=1),
        np.stack(places, axis=1),
    )


def _turned(values: Array, channels: list[tuple[str, int]]) -> Array:
    turn = Rotation.identity(len(values))
    for column, (kind, axis) in enumerate(channels):
        if kind == "rotation":
            turn = turn * Rotation.from_euler("xyz"[axis], values[:, [column]], degrees=True)
    matrix: Array = turn.as_matrix()
    return matrix


def _placed(values: Array, channels: list[tuple[str, int]], offset: Array) -> Array:
    place = np.tile(offset, (len(values), 1))
    moves = [(at, axis) for at, (kind, axis) in enumerate(channels) if kind == "position"]
    # Some exporters list positions for every joint and leave them at 0.
    if moves and np.abs(values[:, [at for at, _ in moves]]).max() > 0:
        for at, axis in moves:
            place[:, axis] = values[:, at]
    return place
