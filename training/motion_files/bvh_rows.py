"""The numbers under MOTION in a BVH, as exporters write them and as hands have edited them.

The Frames line is not believed: what is there counts. Numbers that were printed without a space
between them are told apart where there is one way to do it.
"""

import re
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from training.humanoid.clip import Array
from training.motion_files.rig_motion import MotionFileError

_HEADER: Final = re.compile(r"[ \t]*(?:(frames)|frame[ \t_]*time)[ \t]*:?[ \t]*([^\s]*)\s*", re.I)
_GLUED: Final = re.compile(r"(?<=[\d.])(?<![eE])(?=[-+])")
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_UNDEFINED: Final = re.compile(r"[-+]?(?:nan|inf|1\.#)", re.I)
_WORDS: Final = re.compile(r"\s*(?:(?!nan|inf)[^\W\d_]{2}|[{}])", re.I)
_DECIMALS: Final = re.compile(r"[-+]?\d+\.(\d+)")
SLOWEST_S: Final = 10.0
"""A frame that lasts longer was given in another unit."""


@dataclass(frozen=True, slots=True, eq=False)
class BvhRows:
    values: Array
    """[frames, columns]"""
    fps: float
    notes: tuple[str, ...]


def read_rows(motion: str, columns: int, first_line: int) -> BvhRows:
    """What follows the word MOTION.

    Args:
        motion: the text.
        columns: numbers a frame, by the hierarchy.
        first_line: the file's line that `motion` begins in, from 1.

    Raises:
        MotionFileError: there are no frames, or a line is no frame; the line is named.
    """
    header: dict[str, str] = {}
    at = len(motion) - len(motion.lstrip())
    while (match := _HEADER.match(motion, at)) and len(header) < 2:
        header["frames" if match[1] else "time"] = match[2]
        at = match.end()
    fps = _fps(header.get("time"))
    lines = [
        (first_line + motion.count("\n", 0, at) + index, line)
        for index, line in enumerate(motion[at:].split("\n"))
        if line.strip()
    ]
    said = header.get("frames", "")
    declared = int(said) if said.isdecimal() else 0
    values, notes = _values(lines, columns, declared)
    if not len(values):
        raise MotionFileError(
            "expected frames after MOTION, found none; export the motion with its frames."
        )
    if declared != len(values):
        notes = (f"Frames says {said or 'nothing'}, {len(values)} are there and were read", *notes)
    return BvhRows(values, fps, notes)


def _fps(said: str | None) -> float:
    try:
        frame_s = float((said or "").replace(",", "."))
        if not 0 < frame_s < SLOWEST_S:
            raise ValueError
    except ValueError:
        raise MotionFileError(
            "expected the seconds between two frames, such as `Frame Time: 0.033333`, found "
            f"{said or 'none'}; correct it in the file."
        ) from None
    # Frame times are written with few digits: 0.008333 s means 120 frames a second.
    return round(1 / frame_s) if abs(1 / frame_s - round(1 / frame_s)) < 0.02 else 1 / frame_s


def _values(
    lines: list[tuple[int, str]], columns: int, declared: int
) -> tuple[Array, tuple[str, ...]]:
    words = [line.split() for _, line in lines]
    # NumPy reads 1_0 as 10, as Python does.
    if all(len(row) == columns for row in words) and not any("_" in line for _, line in lines):
        try:
            values = np.array(words, np.float64).reshape(len(words), columns)
        except ValueError:
            values = np.array([np.nan])
        if np.isfinite(values).all():
            return values, ()
    return _repaired(lines, columns, declared)


def _repaired(
    lines: list[tuple[int, str]], columns: int, declared: int
) -> tuple[Array, tuple[str, ...]]:
    """Line by line: glued numbers, frames over several lines, a cut last one, text behind it."""
    lines, left = _without_tail(lines)
    decimals = _common_decimals(lines)
    rows = []
    glued = 0
    for number, line in lines:
        row = _row(line)
        if row is None or len(row) != columns:
            apart = _row(_apart(line, decimals))
            if apart is not None and (row is None or len(apart) == columns):
                row, glued = apart, glued + 1
        if row is None and number == lines[-1][0]:
            row = _row(line.rpartition(line.split()[-1])[0])
        if row is None:
            raise _no_frame(number, line, columns)
        rows.append(row)
    wrong = [at for at, row in enumerate(rows) if len(row) != columns]
    is_cut = bool(wrong) and wrong == [len(rows) - 1] and len(rows[-1]) < columns
    if is_cut:
        rows.pop()
    elif wrong:
        # Frames that were wrapped, or that all stand in one line.
        if sum(map(len, rows)) != columns * declared:
            raise _no_frame(*lines[wrong[0]], columns)
        flat = [value for row in rows for value in row]
        rows = [flat[at : at + columns] for at in range(0, len(flat), columns)]
    notes = {
        f"numbers without a space between them were told apart in {glued} lines": glued,
        "the last frame is cut off and was left out": is_cut,
        f"{left} lines of text behind the last frame were left out": left,
    }
    values = np.array(rows, np.float64).reshape(len(rows), columns)
    return values, tuple(note for note, applies in notes.items() if applies)


def _row(line: str) -> list[float] | None:
    """The numbers of a line; None where something in it is none."""
    words = line.split()
    if not all(map(_NUMBER.fullmatch, words)):
        return None
    row = [float(word) for word in words]
    return row if np.isfinite(row).all() else None


def _apart(line: str, decimals: int | None) -> str:
    """Spaces where numbers are glued: before a sign, and after a file's constant decimals."""
    words = _GLUED.sub(" ", line).split()
    if decimals is not None:
        fixed = re.compile(rf"[-+]?\d*\.\d{{{decimals}}}")
        words = [
            " ".join(fixed.findall(word))
            if word.count(".") > 1 and "".join(fixed.findall(word)) == word
            else word
            for word in words
        ]
    return " ".join(words)


def _common_decimals(lines: list[tuple[int, str]]) -> int | None:
    """How many decimals every number of the file has; None where they differ."""
    found = {
        len(match[1])
        for _, line in lines
        for word in line.split()
        if (match := _DECIMALS.fullmatch(word))
    }
    return found.pop() if len(found) == 1 else None


def _without_tail(lines: list[tuple[int, str]]) -> tuple[list[tuple[int, str]], int]:
    """Without the lines at the end that begin with a word or a bracket."""
    end = len(lines)
    while end and _WORDS.match(lines[end - 1][1]):
        end -= 1
    return lines[:end], len(lines) - end


def _no_frame(number: int, line: str, columns: int) -> MotionFileError:
    words = line.split()
    strange = [word for word in words if not _NUMBER.fullmatch(word) or not isfinite(float(word))]
    found = f"{len(words)} words"
    if strange:
        kind = "which is not a number" if _UNDEFINED.match(strange[0]) else f"in {found}"
        found = f"`{strange[0][:40]}`, {kind}"
    return MotionFileError(
        f"line {number}: expected {columns} numbers for a frame, found {found}; "
        "correct the line or export the motion again."
    )
