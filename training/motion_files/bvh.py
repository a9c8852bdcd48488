"""Biovision hierarchies (BVH) of any rig.

Format: Biovision, as Meredith and Maddock describe it ("Motion Capture File Formats Explained",
University of Sheffield, 2001): a joint turns by its rotation channels in the order listed, and
position channels take the place of its OFFSET.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from training.humanoid.clip import Array, Clip
from training.humanoid.resample import resample
from training.motion_files.bvh_rows import BvhRows, read_rows
from training.motion_files.joint_names import bones_of
from training.motion_files.retarget import retarget, with_twists_folded
from training.motion_files.rig_motion import MotionFileError, RigMotion, finite
from training.motion_files.text_file import decoded, without_comments

_CHANNELS: Final = {
    f"{axis}{kind}".lower(): (kind, "XYZ".index(axis))
    for axis in "XYZ"
    for kind in ("position", "rotation", "scale")
}
_WORD: Final = re.compile(r"[{}]|[^\s{}]+")


@dataclass(slots=True, eq=False)
class _Hierarchy:
    joints: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[tuple[str, int]]] = field(default_factory=list)

    @property
    def columns(self) -> int:
        return sum(map(len, self.channels))


class _Words:
    """The words of a text one by one; `end` is where the last one stopped."""

    def __init__(self, text: str) -> None:
        self._matches = _WORD.finditer(text)
        self._next: re.Match[str] | None = None
        self.end = 0

    def __iter__(self) -> Iterator[str]:
        while (word := self.take()) is not None:
            yield word

    def take(self) -> str | None:
        match, self._next = self._next or next(self._matches, None), None
        if match is None:
            return None
        self.end = match.end()
        return match[0]

    def peek(self) -> str:
        self._next = self._next or next(self._matches, None)
        return "" if self._next is None else self._next[0]

    def needed(self) -> str:
        if (word := self.take()) is None:
            raise ValueError("the end of the file")
        return word


def read_bvh(path: Path, *, fps: int = 30) -> Clip:
    """The file's motion on our skeleton; the clip's notes say what the file had wrong.

    Raises:
        MotionFileError: not a BVH, cut short, or no humanoid.
    """
    try:
        performance = parse_bvh(decoded(path.read_bytes()), path.stem)
        bones = bones_of(performance.joints, performance.parents)
        clip = resample(retarget(with_twists_folded(performance, bones), bones), fps)
        return replace(clip, notes=performance.notes)
    except MotionFileError as error:
        raise MotionFileError(f"{path}: {error}") from None


def parse_bvh(text: str, name: str) -> RigMotion:
    """Any hierarchy and its motion, joints and units as they are.

    Raises:
        MotionFileError: the text is no BVH, or rows do not fit the channels.
    """
    text = _with_points(without_comments(text))
    words = _Words(text)
    if words.peek().upper() != "HIERARCHY":
        raise MotionFileError(
            "expected HIERARCHY and MOTION, found a file without them; give a BVH file."
        )
    tree = _hierarchy(words)
    first_line = text.count("\n", 0, words.end) + 1
    rows = read_rows(text[words.end :], tree.columns, first_line)
    return _performed(tree, rows, name)


def _with_points(text: str) -> str:
    """Numbers with decimal points, and nothing but white space between them.

    The frame time has decimals, so a file without a point writes commas in their place.
    """
    text = text.replace("\N{MINUS SIGN}", "-")
    if not re.search(r"\d\.\d", text):
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return text.replace(",", " ").replace(";", " ")


def _hierarchy(words: _Words) -> _Hierarchy:
    """Reads up to and with the word MOTION."""
    tree = _Hierarchy()
    stack: list[int] = []
    joint = -1
    try:
        for word in words:
            match word.upper():
                case "HIERARCHY" if not tree.joints:
                    pass
                case "ROOT" | "JOINT":
                    joint = _add(tree, _joint_name(words), stack[-1] if stack else -1)
                    stack.append(joint)
                case "END" | "ENDSITE":
                    _skip_end_site(words)
                case "}" if stack:
                    stack.pop()
                case "OFFSET" if tree.joints:
                    tree.offsets[joint] = [float(words.needed()) for _ in range(3)]
                case "CHANNELS" if tree.joints:
                    tree.channels[joint] = _channels(words)
                case "MOTION":
                    break
                case _:
                    raise ValueError(word)
        else:
            raise MotionFileError(
                "expected MOTION behind the hierarchy, found the end of the file; the file is cut "
                "short, or was exported without its motion."
            )
    except MotionFileError:
        raise
    except ValueError as error:
        near = tree.joints[-1] if tree.joints else "the root"
        raise MotionFileError(
            f"expected a tree of JOINT, OFFSET and CHANNELS, found {error} near {near}; the "
            "hierarchy is damaged."
        ) from None
    if stack or not tree.joints:
        raise MotionFileError(
            f"expected a closed tree of joints, found {len(stack)} open brackets and "
            f"{len(tree.joints)} joints; the hierarchy is cut short."
        )
    return tree


def _channels(words: _Words) -> list[tuple[str, int]]:
    """The channels that are named, whatever their count says."""
    if words.peek().isdecimal():
        words.take()
    found = []
    while (channel := _CHANNELS.get(words.peek().lower().replace("_", ""))) is not None:
        words.take()
        found.append(channel)
    return found


def _joint_name(words: _Words) -> str:
    """Names may hold spaces; the bracket ends them."""
    parts = []
    while (word := words.needed()) != "{":
        parts.append(word)
    return " ".join(parts)


def _add(tree: _Hierarchy, name: str, parent: int) -> int:
    tree.joints.append(name)
    tree.parents.append(parent)
    tree.offsets.append([0.0, 0.0, 0.0])
    tree.channels.append([])
    return len(tree.joints) - 1


def _skip_end_site(words: _Words) -> None:
    while words.needed() != "}":
        pass


def _performed(tree: _Hierarchy, rows: BvhRows, name: str) -> RigMotion:
    offsets = finite(np.array(tree.offsets), "OFFSET")
    rest = offsets.copy()
    turns: list[Array] = []
    places: list[Array] = []
    column = 0
    for joint, (parent, channels) in enumerate(zip(tree.parents, tree.channels, strict=True)):
        values = rows.values[:, column : column + len(channels)]
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
        rows.fps,
        tuple(tree.joints),
        tuple(tree.parents),
        rest,
        np.stack(turns, axis=1),
        np.stack(places, axis=1),
        rows.notes,
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
