"""The pictures of the report, and a film."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, GESTURES
from idol_protocol.frames import FPS
from training.pose.conditions import Conditions
from training.pose.evaluation.bench import GENERATOR, TEACHER, WITHOUT_GAN
from training.pose.evaluation.sameness import recurrence
from training.pose.evaluation.scenes import LEAD
from training.pose.evaluation.smoothness import Windows
from training.pose.evaluation.suite import Findings
from training.pose.render import FRONT, THREE_QUARTER, film, sheet

Array = NDArray[Any]

_REAL, _BESIDE = "#1f2430", "#b8bec9"
_COLOURS: Final = {GENERATOR: "#d1495b", TEACHER: "#00798c", WITHOUT_GAN: "#edae49"}
_MOMENTS: Final = 5
_FILM_S: Final = 20


def draw(findings: Findings, out: Path) -> list[tuple[str, str]]:
    """Writes every picture there is material for; returns file names and captions."""
    drawn: list[tuple[str, str]] = []

    def keep(name: str, caption: str, figure: Figure) -> None:
        figure.savefig(out / name, dpi=90)
        drawn.append((name, caption))

    keep("gestures.png", "Every gesture from beginning to end, generator and teacher told the "
         "same.", gestures(findings))  # fmt: skip
    keep("activities.png", "Every activity, two bodies each, generator and teacher told the same.",
         activities(findings))  # fmt: skip
    keep("scores.png", "Scores beside their controls.", scores(findings))
    keep("jerk.png", "Jerk below 6 Hz against speed, in windows of 1 s.", jerk(findings))
    keep("confusion.png", "What was asked and what it is taken for.", confusion(findings))
    keep("recurrence.png", "Distance between all moments of the long idling.", idling(findings))
    name = "side_by_side.mp4" if find_spec("av") else "side_by_side.gif"
    _film(findings, out / name)
    drawn.append((name, "A scripted conversation: captioned with what both were told."))
    return drawn


def gestures(findings: Findings) -> Figure:
    asked = findings.scenes.gestures
    rows = {}
    for at, name in enumerate(GESTURES):
        row = int(np.flatnonzero(asked.gesture == at)[0])
        moments = np.linspace(LEAD, LEAD + asked.length[row], _MOMENTS + 2)[1:-1].round()
        rows[name] = _both(findings, "gestures", row, moments.astype(int), since=LEAD)
    return sheet(rows, dict.fromkeys(rows, FRONT), _title(findings), cell_inches=(1.05, 1.6))


def activities(findings: Findings) -> Figure:
    rows = {}
    for scene in ("idle_seeds", "listen", "think", "speech", "dance"):
        for row in (0, 1):
            moments = 3 * FPS + np.arange(_MOMENTS) * (7 if scene == "dance" else 2 * FPS)
            name = f"{scene.removesuffix('_seeds')} {row + 1}"
            rows[name] = _both(findings, scene, row, moments)
    return sheet(
        rows, dict.fromkeys(rows, THREE_QUARTER), _title(findings), cell_inches=(1.05, 1.6)
    )


def _both(
    findings: Findings, scene: str, row: int, moments: Array, since: int = 0
) -> list[tuple[Array, str]]:
    """The moments of the generator, then those of the teacher."""
    return [
        (getattr(findings.played[name], scene).joints[row, at], f"{(at - since) / FPS:.1f} s")
        for name in _pair(findings)
        for at in moments
    ]


def _pair(findings: Findings) -> list[str]:
    return [name for name in (GENERATOR, TEACHER) if name in findings.played]


def _title(findings: Findings) -> str:
    return "   |   ".join(_pair(findings))


def scores(findings: Findings) -> Figure:
    metrics = findings.metrics
    names = list(findings.played)
    panels: list[tuple[str, list[tuple[str, float]]]] = []
    for title, found in (
        ("dance on the beat", metrics["dance"]),
        ("strokes on accents", {name: row["strokes"] for name, row in metrics["speech"].items()}),
    ):
        rows = [(name, found[name]["score"]) for name in names]
        rows += [(f"{name}, shifted", found[name]["shifted_mean"]) for name in names]
        rows.append(("still", 0.0))
        panels.append((title, rows))
    told = metrics["gestures"]
    panels.append(("gestures recognised", [
        *((name, told[name]["accuracy"]) for name in names), *told["controls"].items(),
    ]))  # fmt: skip
    if frechet := metrics.get("frechet"):
        each = frechet["movement"]
        rows = [(name, each["made"][name]["matched"]) for name in names]
        rows.append(("floor: half to half", each["made"][names[0]]["matched_floor"]))
        rows.append(("one person to the others",
                     each["floor_one_subject_to_the_others"]["matched"]))  # fmt: skip
        panels.append(("Frechet distance, movement, matched in speed (lower is better)", rows))
    heights = [1 + len(rows) for _, rows in panels]
    figure = Figure(figsize=(8, 0.33 * sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
    for axes, (title, rows) in zip(grid, panels, strict=True):
        _bars(axes, title, rows)
    return figure


def _bars(axes: Axes, title: str, rows: Sequence[tuple[str, float]]) -> None:
    values = [0.0 if np.isnan(value) else value for _, value in rows]
    bars = axes.barh(range(len(rows)), values, color=[_COLOURS.get(n, _BESIDE) for n, _ in rows])
    axes.bar_label(bars, labels=[f"{value:.2f}" for _, value in rows], padding=3, fontsize=8)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.0, *values) * 1.1)
    axes.set_title(title, fontsize=9)


def jerk(findings: Findings) -> Figure:
    """Medians and quartiles against speed: captured, and everything each performer does."""
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    sets = {
        name: [take for done in played.by_activity().values() for take in done.takes]
        for name, played in findings.played.items()
    }
    if findings.captures:
        sets = {"captured": [capture.joints for capture in findings.captures], **sets}
    for name, takes in sets.items():
        windows = Windows.of(takes, filtered=True)
        curve = windows.curve()
        colour = _COLOURS.get(name, _REAL)
        axes.plot(windows.speed_m_s, windows.jerk_m_s3, ".", color=colour, alpha=0.12, ms=3)
        if not curve:
            continue
        middle = [np.sqrt(row["from_m_s"] * row["to_m_s"]) for row in curve]
        axes.plot(middle, [row["jerk_median"] for row in curve], "o-", color=colour, label=name)
        axes.fill_between(middle, [row["jerk_quarter"] for row in curve],
                          [row["jerk_three_quarters"] for row in curve],
                          color=colour, alpha=0.15)  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.004, 1.5)
    axes.set_ylim(0.3, 500)
    axes.set_xlabel("mean joint speed, m/s")
    axes.set_ylabel("mean jerk below 6 Hz, m/s³")
    axes.legend()
    return figure


def confusion(findings: Findings) -> Figure:
    names = _pair(findings)
    figure = Figure(figsize=(5 * len(names), 4.8), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        found = findings.metrics["gestures"][name]
        counts = np.array(found["confusion"], float)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(counts):
            if value:
                dark = "white" if share[row, column] > 0.5 else _REAL
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8,
                          color=dark)  # fmt: skip
        axes.set_xticks(range(len(found["classes"])), found["classes"], rotation=60, fontsize=8)
        axes.set_yticks(range(len(GESTURES)), GESTURES, fontsize=8)
        axes.set_title(f"{name}: {found['accuracy']:.0%}", fontsize=9)
        axes.set_ylabel("asked")
        axes.set_xlabel("taken for")
    return figure


def idling(findings: Findings) -> Figure:
    """A loop would show as lines beside the diagonal."""
    names = _pair(findings)
    figure = Figure(figsize=(4.8 * len(names), 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        joints = findings.played[name].idle.joints[0]
        distances = recurrence(joints)
        minutes = len(joints) / FPS / 60
        shown = axes.imshow(distances, cmap="magma", extent=(0, minutes, minutes, 0),
                            vmin=0, vmax=float(np.quantile(distances, 0.99)))  # fmt: skip
        figure.colorbar(shown, ax=axes, label="cm a joint", shrink=0.8)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("minutes")
    return figure


def _film(findings: Findings, path: Path) -> None:
    row, frames = _busiest(findings.scenes.talk), _FILM_S * FPS
    bodies = {name: findings.played[name].talk.joints[row, :frames] for name in _pair(findings)}
    film(bodies, path, captions=captions(findings.scenes.talk, row)[:frames])


def _busiest(given: Conditions) -> int:
    """The script whose first seconds have most changes and gestures."""
    part = given.select((slice(None), slice(0, _FILM_S * FPS)))
    doing = part.activity.argmax(dim=-1)
    changes = (doing.diff(dim=1) != 0).sum(dim=1)
    gestured = (part.gesture[..., : len(GESTURES)] > 0.5).any(dim=1).sum(dim=1)
    return int((changes + gestured).argmax())


def captions(given: Conditions, row: int) -> list[str]:
    """What a body is told at each frame: activity, then a gesture under way."""
    doing = given.activity[row].argmax(dim=-1).tolist()
    weights = given.gesture[row, :, : len(GESTURES)].max(dim=-1)
    return [
        ACTIVITIES[activity] + (f", {GESTURES[which]}" if weight > 0.5 else "")
        for activity, weight, which in zip(
            doing, weights.values.tolist(), weights.indices.tolist(), strict=True
        )
    ]
