"""Beats as a table, so that lights, cuts and steps elsewhere can fall on them."""

import csv
from pathlib import Path

from idol_runtime.errors import InputError
from idol_runtime.music.bars import BAR
from idol_runtime.music.beats import BeatGrid


def write_beats_csv(path: Path, beats: BeatGrid, duration_s: float) -> None:
    """Writes a row a beat: `time_s`, `beat` in the bar from 1 to 4, `count` from 1 to 8.

    Raises:
        InputError: the file cannot be written.
    """
    times_s, counts = beats.beats_between(0.0, duration_s)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["time_s", "beat", "count"])
            for time_s, count in zip(times_s.tolist(), counts.tolist(), strict=True):
                table.writerow([f"{time_s:.3f}", count % BAR + 1, count + 1])
    except OSError as error:
        raise InputError(
            f"{path}: expected a place to write to, but {error.strerror or error}; "
            "choose another folder or make room."
        ) from None
