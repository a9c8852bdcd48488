"""Live Link Face recordings: a CSV of 61 curves a row, with the sound in a file of the same stem.

Verified on real takes: rows come 30 times a second while the timecode's last field counts to 60;
a recording that was cut off ends in half a row; untracked heads leave their columns zero.
Angles are radians in a mirrored sense: yaw to the speaker's right, pitch down, roll to the left
(eyeLook weights agree with that for the eyes; heads follow the same rule).
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES
from training.ingest.channels import channel_of, face_of
from training.ingest.recording import Kind, Recording, RecordingError
from training.ingest.sound import sound_beside
from training.ingest.takes import FaceTake, Reading, recordings_of

TIMECODE_RATES: Final = (24, 25, 30, 48, 50, 60, 120)
_TIMECODE = re.compile(r"(\d{1,2}):([0-5]?\d):([0-5]?\d)[:;](\d{1,3}(?:\.\d+)?)")
_DAY_S: Final = 86_400.0
_HEAD_SIGNS: Final = {"headYaw": -1.0, "headPitch": 1.0, "headRoll": -1.0}


def parse_timecode(text: str) -> tuple[int, float]:
    """HH:MM:SS:FF.mmm as whole seconds of the day and frames [0, rate).

    Raises:
        ValueError: it is none.
    """
    found = _TIMECODE.fullmatch(text.strip())
    if found is None or int(found[1]) > 23:
        raise ValueError(f"expected a timecode HH:MM:SS:FF.mmm, found {text[:40]!r}")
    hours, minutes, seconds = (int(found[index]) for index in (1, 2, 3))
    return (hours * 60 + minutes) * 60 + seconds, float(found[4])


def timecode_rate(frames: NDArray[np.float64]) -> int:
    """The rate a timecode counts at: the smallest usual one that its frame fields fit in."""
    return next((rate for rate in TIMECODE_RATES if frames.max() < rate), TIMECODE_RATES[-1])


def times_of(timecodes: list[str]) -> NDArray[np.float64]:
    """Seconds since the first timecode [n]; midnight may pass."""
    parsed = [parse_timecode(text) for text in timecodes]
    seconds = np.array([whole for whole, _ in parsed], np.float64)
    frames = np.array([part for _, part in parsed], np.float64)
    # Less than two seconds may not have reached the last frame of one: 60 is what the app counts.
    rate = timecode_rate(frames) if np.ptp(seconds) >= 2 else max(60, timecode_rate(frames))
    times = seconds + frames / rate
    times += _DAY_S * np.cumsum(np.diff(times, prepend=times[0]) < -_DAY_S / 2)
    return times - times[0]


def read_take(path: Path) -> tuple[FaceTake, list[str]]:
    """A Live Link Face CSV, the sound of the same name, and what was dropped.

    Raises:
        RecordingError: it is no such file, or damaged.
    """
    header, rows, notes = _read_rows(path)
    names = {channel_of(column): index for index, column in enumerate(header)}
    absent = [name for name in ARKIT_BLENDSHAPES if name not in names]
    if absent:
        raise RecordingError(
            f"{path}: expected the 52 ARKit columns of a Live Link Face CSV, "
            f"found no {absent[0]} ({len(absent)} missing)."
        )
    try:
        times_s = times_of([row[0] for row in rows])
        table = np.array([row[2:] for row in rows], np.float64)
    except ValueError as error:
        raise RecordingError(f"{path}: expected timecodes and numbers, but {error}.") from None
    columns = {name: table[:, names[name] - 2] for name in ARKIT_BLENDSHAPES}
    for name, sign in _HEAD_SIGNS.items():
        if name in names and table[:, names[name] - 2].any():
            columns[name] = np.degrees(sign * table[:, names[name] - 2])
    face, known = face_of(columns, len(rows), str(path))
    return FaceTake(times_s, face, known, sound_beside(path)), notes


def _read_rows(path: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Header, whole rows of tracked frames, and notes on the others."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path}: expected a Live Link Face CSV, but {error}.") from None
    if not lines or [name.strip().lower() for name in lines[0][:2]] != [
        "timecode",
        "blendshapecount",
    ]:
        raise RecordingError(
            f"{path}: expected a Live Link Face CSV that begins `Timecode,BlendShapeCount`, "
            f"found {','.join(lines[0])[:40] if lines else 'an empty file'!r}."
        )
    header, *rows = lines
    notes = []
    # The app writes a count of 0, and no curves, while it sees no face.
    untracked = sum(len(row) > 1 and row[1].strip() == "0" for row in rows)
    rows = [row for row in rows if len(row) < 2 or row[1].strip() != "0"]
    if untracked:
        notes.append(f"{untracked} rows without a tracked face")
    if rows and len(rows[-1]) < len(header):
        rows = rows[:-1]
        notes.append("the last row was cut off and dropped")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise RecordingError(
                f"{path}: expected {len(header)} columns in every row, found {len(row)} in row "
                f"{number}."
            )
    if len(rows) < 2:
        raise RecordingError(f"{path}: expected rows of curves, found {len(rows)}.")
    return header, rows, notes


@dataclass(frozen=True, slots=True)
class LiveLink:
    """The adapter."""

    fps: float | None = None
    kind: ClassVar[Kind] = "livelink"
    patterns: ClassVar[tuple[str, ...]] = (".csv",)

    def read(self, path: Path, name: str, speaker: str) -> Reading[Recording]:
        take, notes = read_take(path)
        reading = recordings_of(name, speaker, take, self.fps)
        return Reading(reading.recordings, [f"{name}: {note}" for note in notes] + reading.notes)
