"""How the reports' charts look: one style, one palette, one kind of bars."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.evaluation.report import Picture

REAL: Final = "#1f2430"
CONTROL: Final = "#b8bec9"
PALETTE: Final = (
    "#d1495b", "#00798c", "#edae49", "#6a4c93", "#30638e", "#8f5d3b", "#7d8597",
)  # fmt: skip
"""The generator comes first."""
MADE: Final = PALETTE[0]
_STYLE: Final[dict[Any, Any]] = {
    "font.size": 9, "axes.titlesize": 9, "legend.fontsize": 8, "xtick.labelsize": 8,
    "ytick.labelsize": 8, "figure.constrained_layout.use": True, "savefig.dpi": 100,
}  # fmt: skip

Rows = Sequence[tuple[str, float | None]]


def styled() -> AbstractContextManager[Any]:
    return matplotlib.rc_context(_STYLE)


def chart(name: str, caption: str, figure: Figure) -> Picture:
    return Picture(name, caption, figure.savefig)


def panels(
    width: float, height: float, rows: int = 1, columns: int = 1, **layout: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches and its axes, row by row."""
    figure = Figure(figsize=(width, height))
    return figure, list(figure.subplots(rows, columns, squeeze=False, **layout).flat)


def bars(groups: Mapping[str, Rows], colours: Mapping[str, str], axis: str = "") -> Figure:
    """A panel of labelled bars for each title; a value that is not known is a bar of nothing."""
    heights = [1 + len(rows) for rows in groups.values()]
    figure, grid = panels(8, 0.33 * sum(heights), len(groups), height_ratios=heights)
    for axes, (title, rows) in zip(grid, groups.items(), strict=True):
        values = [value or 0.0 for _, value in rows]
        shades = [colours.get(name, CONTROL) for name, _ in rows]
        drawn = axes.barh(range(len(rows)), values, color=shades)
        labels = ["n/a" if value is None else f"{value:.2f}" for _, value in rows]
        axes.bar_label(drawn, labels=labels, padding=3, fontsize=8)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(min(0.0, min(values) - 0.12), max(1.0, *values) * 1.1)
        axes.axvline(0, color=REAL, linewidth=0.6)
        axes.set(title=title, xlabel=axis)
    return figure


def paired(axes: Axes, rows: Mapping[str, Mapping[str, float | None]], keys: Sequence[str]) -> None:
    """A group of bars per key, one bar for each row."""
    height = 0.8 / len(rows)
    for index, (name, row) in enumerate(rows.items()):
        values = [abs(row.get(key) or 0.0) for key in keys]
        places = [at + index * height for at in range(len(keys))]
        axes.barh(places, values, height, color=PALETTE[index % len(PALETTE)], label=name)
    axes.set_yticks([at + 0.4 - height / 2 for at in range(len(keys))], keys)
    axes.invert_yaxis()
