"""Curves as pictures: losses and validation of runs, predicted beside captured motion.

    python -m training.curves runs/face                          # runs/face/curves.png
    python -m training.curves runs/face runs/no_gan --metrics "loss/*" "validation/*" --out ab.png

Several runs are drawn over one another, e.g. the same model with and without one of its losses.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.tracking import METRICS_FILE

Curve: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Steps and values."""
COLUMNS: Final = 3
SMOOTHED_OVER: Final = 25
"""A curve of more points than twice this gets a moving average over as many."""
STILL: Final = 1e-4
"""A channel whose standard deviation is below this does not move: it has no correlation."""


def read_curves(run: Path) -> dict[str, Curve]:
    """Every logged number of a run by its slash path.

    A run that was resumed logs some steps twice; the later line counts.

    Raises:
        SystemExit: the folder has no metrics or a line of it is not JSON.
    """
    file = run / METRICS_FILE
    if not file.exists():
        raise SystemExit(f"{run}: expected a run folder with {METRICS_FILE}, found none.")
    found: dict[str, dict[int, float]] = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        try:
            values = json.loads(line)
            step = int(values.pop("step"))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise SystemExit(
                f"{file}, line {number}: expected an object with a step, found {line[:60]!r}; "
                "was the run cut while it wrote? Remove the line."
            ) from None
        for name, value in values.items():
            found.setdefault(name, {})[step] = float(value)
    return {name: _curve(values) for name, values in found.items()}


def draw_runs(runs: Mapping[str, Path], path: Path, *, metrics: Sequence[str] = ("*",)) -> Path:
    """One panel a number, one line a run.

    Args:
        runs: label -> run folder.
        path: where the PNG goes.
        metrics: patterns of slash paths, `*` for any part.

    Raises:
        SystemExit: a run has no metrics, or no number fits the patterns.
    """
    curves = {label: read_curves(run) for label, run in runs.items()}
    known = sorted({name for each in curves.values() for name in each}, key=_place)
    names = [name for name in known if any(fnmatch(name, pattern) for pattern in metrics)]
    if not names:
        raise SystemExit(
            f"Expected logged numbers that fit {' '.join(metrics)}, found {', '.join(known)}."
        )
    figure, panels = _panels(len(names))
    for axes, name in zip(panels, names, strict=False):
        for colour, (label, each) in enumerate(curves.items()):
            if name in each:
                _line(axes, each[name], label, f"C{colour}")
        axes.set_title(name, fontsize=9)
        _scale(axes, [each[name][1] for each in curves.values() if name in each])
    _legend(figure, len(runs) > 1, panels[: len(names)])
    figure.supxlabel("step", fontsize=9)
    figure.savefig(path, dpi=110)
    return path


def draw_channels(
    motions: Mapping[str, NDArray[Any]],
    names: Sequence[str],
    path: Path,
    *,
    fps: float,
    channels: Sequence[str] | None = None,
) -> Path:
    """One panel a channel: the first motion (the truth) and the others over it.

    The panel's title holds each other motion's Pearson correlation with the first; a channel that
    does not move has none.

    Args:
        motions: label -> [frames, C]; shorter ones end sooner.
        names: of the C channels.
        path: where the PNG goes.
        fps: of all motions.
        channels: which to draw; all that move in some motion when absent.
    """
    for label, motion in motions.items():
        if motion.ndim != 2 or motion.shape[1] != len(names):
            raise ValueError(
                f"{label}: expected [frames, {len(names)}] as many as there are names, found "
                f"{list(motion.shape)}."
            )
    if channels is None:
        moves = np.any([motion.std(axis=0) > STILL for motion in motions.values()], axis=0)
        channels = [name for name, moved in zip(names, moves, strict=True) if moved]
    figure, panels = _panels(len(channels))
    (_, truth), *others = motions.items()
    for axes, channel in zip(panels, channels, strict=False):
        at = list(names).index(channel)
        for number, (label, motion) in enumerate(motions.items()):
            look = {"color": "black", "linewidth": 1.4} if not number else {"linewidth": 1.0}
            axes.plot(np.arange(len(motion)) / fps, motion[:, at], label=label, **look)
        scores = [_correlation(truth[:, at], motion[:, at]) for _, motion in others]
        title = ", ".join("-" if score is None else f"{score:.2f}" for score in scores)
        axes.set_title(f"{channel}   r {title}" if scores else channel, fontsize=9)
    _legend(figure, len(motions) > 1, panels[: len(channels)])
    figure.supxlabel("s", fontsize=9)
    figure.savefig(path, dpi=110)
    return path


def labels_of(runs: Sequence[Path]) -> dict[str, Path]:
    """Runs by the shortest ends of their paths that tell them apart."""
    parts = [run.resolve().parts for run in runs]
    depth = 1
    while len({each[-depth:] for each in parts}) < len(set(parts)):
        depth += 1
    return {"/".join(each[-depth:]): run for each, run in zip(parts, runs, strict=True)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draws the curves of runs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, help="a PNG; curves.png in the first run when absent")
    parser.add_argument("--metrics", nargs="+", default=["*"], help='patterns such as "loss/*"')
    args = parser.parse_args(arguments)
    out = args.out or args.runs[0] / "curves.png"
    print(f"wrote {draw_runs(labels_of(args.runs), out, metrics=args.metrics)}")


def _curve(values: Mapping[int, float]) -> Curve:
    steps = sorted(values)
    return np.array(steps, np.int64), np.array([values[step] for step in steps])


def _place(name: str) -> tuple[int, str]:
    """Validation first, then losses, then the rest."""
    groups = ("validation", "loss")
    group = name.split("/")[0]
    return groups.index(group) if group in groups else len(groups), name


def _line(axes: Axes, curve: Curve, label: str, colour: str) -> None:
    steps, values = curve
    if len(values) <= 2 * SMOOTHED_OVER:
        marker = "o" if len(values) < 30 else ""
        axes.plot(steps, values, color=colour, marker=marker, markersize=3, label=label)
        return
    axes.plot(steps, values, color=colour, alpha=0.2, linewidth=0.7)
    window = np.ones(SMOOTHED_OVER)
    counts = np.convolve(np.ones(len(values)), window, "same")
    axes.plot(steps, np.convolve(values, window, "same") / counts, color=colour, label=label)


def _scale(axes: Axes, values: Sequence[NDArray[np.float64]]) -> None:
    every = np.concatenate(values)
    every = every[np.isfinite(every)]
    if len(every) and 0 < 30 * every.min() < every.max():
        axes.set_yscale("log")


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    columns = max(1, min(COLUMNS, count))
    rows = max(1, -(-count // columns))
    figure = Figure(figsize=(4.2 * columns, 2.3 * rows + 0.5), layout="constrained")
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False).flat)
    for number, axes in enumerate(panels):
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=8)
        if number >= count:
            axes.set_axis_off()
    return figure, panels


def _legend(figure: Figure, wanted: bool, panels: Sequence[Axes]) -> None:
    lines: dict[str, Artist] = {}
    for axes in panels:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            lines.setdefault(label, line)
    if wanted:
        figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=4, fontsize=9)


def _correlation(truth: NDArray[Any], other: NDArray[Any]) -> float | None:
    frames = min(len(truth), len(other))
    one, two = truth[:frames].astype(float), other[:frames].astype(float)
    if frames < 2 or one.std() < STILL or two.std() < STILL:
        return None
    return float(np.corrcoef(one, two)[0, 1])


if __name__ == "__main__":
    main()
