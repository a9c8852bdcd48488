"""`face.csv`: `time_s`, the 52 ARKit weights in Live Link Face order, head and eyes in degrees."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from idol_protocol.frames import FaceFrame
from idol_runtime.errors import InputError

HEADER = ("time_s", *FACE_CHANNELS)


def write_face_csv(path: Path, frames: Sequence[FaceFrame], *, fps: float) -> None:
    """Writes one row a frame, the first at 0 s, the others 1 / fps apart."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for index, frame in enumerate(frames):
            writer.writerow(face_row(index / fps, frame))


def face_row(time_s: float, frame: FaceFrame) -> list[str]:
    """The cells of a row, in `HEADER` order."""
    values = [*frame.weights.tolist(), *frame.head_eyes_deg.tolist()]
    return [f"{time_s:.4f}", *(f"{value:.5f}" for value in values)]


def read_face_csv(path: Path) -> list[FaceFrame]:
    """Reads what `write_face_csv` wrote; `pts_us` counts from the first row.

    Raises:
        InputError: the header or a row is not as expected; the message names the line.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = tuple(next(rows, ()))
        if header != HEADER:
            raise InputError(
                f"{path}: expected a header of {len(HEADER)} columns from `time_s` to "
                f"`{HEADER[-1]}`, found {len(header)}; write it with `idol animate`."
            )
        return [_frame(path, line, row) for line, row in enumerate(rows, start=2)]


def _frame(path: Path, line: int, row: list[str]) -> FaceFrame:
    try:
        values = np.array([float(cell) for cell in row], np.float64)
    except ValueError:
        raise InputError(
            f"{path}, line {line}: expected numbers only, found other text; write the file again."
        ) from None
    if len(values) != len(HEADER):
        raise InputError(
            f"{path}, line {line}: expected {len(HEADER)} numbers, found {len(values)}; "
            "the file is cut off, write it again."
        )
    face = values[1:].astype(np.float32)
    count = len(ARKIT_BLENDSHAPES)
    return FaceFrame(round(values[0] * 1e6), face[:count], face[count:])
