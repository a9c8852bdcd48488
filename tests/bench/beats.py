"""How well beats are found, against librosa on the same songs in one run.

F-measure within 70 ms, and CMLt and AMLt: the share of beats that are tracked without a slip at
the written tempo, and at it or half, double or off it; all by mir_eval.

python -m tests.bench.beats                    # songs made here, all of whose beats are known
python -m tests.bench.beats --songs DIR --json # your own
"""

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.audio.recording import read_recording
from idol_runtime.bench.turn import machine
from idol_runtime.errors import InputError
from idol_runtime.music.bars import BAR
from idol_runtime.music.beats import BeatGrid, find_beats
from tests.bench.songs import Song, recipes, song

OURS, RIVAL = "idol_runtime", "librosa"
RIVAL_RATE_HZ = 22_050
"""What it is made for."""
MEASURES: Final = ("F", "CMLt", "AMLt")

Times = NDArray[np.float64]
Row = dict[str, Any]


def bench_beats(
    folder: Path | None, progress: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """Tracks every song with both and compares them with its beats.

    Args:
        folder: Holds NAME.wav with NAME.beats, a text file with the time of a beat in
            seconds a line and, where known, its place in the bar from 1 on; by default the songs
            of `tests.bench.songs`, all of whose beats are known.
        progress: Told how many songs are done, and of how many.

    Raises:
        InputError: mir_eval or librosa is not installed, or a folder without songs.
    """
    metrics, rival = _module("mir_eval"), _module("librosa")
    made = [(recipe.name, recipe) for recipe in recipes()]
    files = [] if folder is None else sorted(folder.glob("*.wav"))
    if folder is not None and not files:
        raise InputError(
            f"{folder}: expected songs as NAME.wav with NAME.beats, found none; "
            "give the folder that holds them."
        )
    total = len(files or made)
    rival.beat.beat_track(y=np.zeros(RIVAL_RATE_HZ, np.float32), sr=RIVAL_RATE_HZ)  # compiles
    rows = []
    for number in range(total):
        known = _read(files[number]) if files else song(made[number][1], seed=number)
        rows.append(_compared(known, metrics, rival))
        progress(number + 1, total)
    return {
        "machine": machine(),
        "rival": f"{RIVAL} {rival.__version__}",
        "songs": rows,
        "mean": _means(rows),
    }


def describe(report: dict[str, Any]) -> str:
    """The report as a table."""
    head = f"{'':28s}{OURS:>24s}{RIVAL:>22s}{'downbeats':>12s}{'confidence':>12s}"
    names = f"{'':28s}{'F   CMLt   AMLt':>24s}{'F   CMLt   AMLt':>22s}"
    lines = [head, names]
    for row in [*report["songs"], {"song": "mean", **report["mean"]}]:
        cells = [" ".join(f"{row[who][name]:6.2f}" for name in MEASURES) for who in (OURS, RIVAL)]
        extra = f"{row['downbeats']:12.2f}{row['confidence']:12.2f}"
        lines.append(f"{row['song']:28s}{cells[0]:>24s}{cells[1]:>22s}{extra}")
    mean = report["mean"]
    lines.append(
        f"seconds of processor time a minute of music: {OURS} {mean[OURS]['cost_s']:.2f}, "
        f"{RIVAL} {mean[RIVAL]['cost_s']:.2f}"
    )
    return "\n".join(lines)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"expected {name}, found it not installed; run `pip install mir_eval librosa`, which "
            "only this benchmark needs."
        ) from None


def _read(path: Path) -> Song:
    try:
        table = np.loadtxt(path.with_suffix(".beats"), ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.with_suffix('.beats')}: expected a time in seconds a line, found {error}; "
            "write down the beats of the song."
        ) from None
    beats_s = table[:, 0]
    downbeats_s = beats_s[table[:, 1] == 1] if table.shape[1] > 1 else beats_s[:0]
    return Song(path.stem, read_recording(path), beats_s, downbeats_s)


def _compared(known: Song, metrics: ModuleType, rival: ModuleType) -> Row:
    minutes = len(known.samples) / AUDIO_RATE_HZ / 60
    grid, ours_s = _timed(lambda: find_beats(known.samples))
    sound = soxr.resample(known.samples / np.float32(32768), AUDIO_RATE_HZ, RIVAL_RATE_HZ)
    (_, theirs), rival_s = _timed(
        lambda: rival.beat.beat_track(y=sound, sr=RIVAL_RATE_HZ, units="time")
    )
    return {
        "song": known.name,
        OURS: {**_scores(metrics, known.beats_s, grid.times_s), "cost_s": ours_s / minutes},
        RIVAL: {**_scores(metrics, known.beats_s, theirs), "cost_s": rival_s / minutes},
        "downbeats": _downbeats(metrics, known, grid),
        "bpm": grid.bpm,
        "confidence": grid.confidence,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def _scores(metrics: ModuleType, known_s: Times, found_s: Times) -> dict[str, float]:
    known_s, found_s = metrics.beat.trim_beats(known_s), metrics.beat.trim_beats(found_s)
    _, cmlt, _, amlt = metrics.beat.continuity(known_s, found_s)
    f_measure = metrics.beat.f_measure(known_s, found_s)
    return dict(zip(MEASURES, map(float, (f_measure, cmlt, amlt)), strict=True))


def _downbeats(metrics: ModuleType, known: Song, grid: BeatGrid) -> float:
    """F-measure; NaN where they are not known."""
    if not len(known.downbeats_s):
        return float("nan")
    times_s, counts = grid.beats_between(0.0, len(known.samples) / AUDIO_RATE_HZ)
    found_s = metrics.beat.trim_beats(times_s[counts % BAR == 0])
    return float(metrics.beat.f_measure(metrics.beat.trim_beats(known.downbeats_s), found_s))


def _means(rows: Sequence[Row]) -> Row:
    def mean(*path: str) -> float:
        values = [row[path[0]][path[1]] if len(path) > 1 else row[path[0]] for row in rows]
        return float(np.mean(values))

    each = {who: {name: mean(who, name) for name in (*MEASURES, "cost_s")} for who in (OURS, RIVAL)}
    return {**each, "downbeats": mean("downbeats"), "confidence": mean("confidence")}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Tracks songs whose beats are known, with the beat tracker that `idol animate "
        "--activity dance` uses and with librosa's beat_track, and reports the F-measure within "
        "70 ms, CMLt and AMLt of both, and our downbeats."
    )
    parser.add_argument(
        "--songs",
        type=Path,
        metavar="DIR",
        help="your own: NAME.wav, and NAME.beats with the time of a beat in seconds a line and, "
        "if known, its place in the bar (default: songs made here)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        report = bench_beats(
            options.songs, lambda done, total: print(f"{done} of {total} songs", file=sys.stderr)
        )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
