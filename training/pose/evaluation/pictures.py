"""The pictures of a body's report, and a film."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, GESTURES
from idol_protocol.frames import FPS
from training.evaluation.charts import PALETTE, REAL, Rows, bars, chart, panels
from training.evaluation.report import WITHOUT_GAN, Found, Picture
from training.evaluation.suite import Draw
from training.pose.conditions import Conditions
from training.pose.evaluation.bench import GENERATOR, TEACHER, PoseBench
from training.pose.evaluation.sameness import recurrence
from training.pose.evaluation.scenes import LEAD
from training.pose.evaluation.smoothness import JerkWindows
from training.pose.render import FRONT, THREE_QUARTER, film, sheet

Array = NDArray[Any]

_COLOURS: Final = dict(zip((GENERATOR, TEACHER, WITHOUT_GAN), PALETTE, strict=False))
_MOMENTS: Final = 5
_FILM_S: Final = 20


def gestures(bench: PoseBench, _: Found) -> Iterator[Picture]:
    asked = bench.scenes.gestures
    rows = {}
    for at, name in enumerate(GESTURES):
        row = int(np.flatnonzero(asked.gesture == at)[0])
        moments = np.linspace(LEAD, LEAD + asked.length[row], _MOMENTS + 2)[1:-1].round()
        rows[name] = _both(bench, "gestures", row, moments.astype(int), since=LEAD)
    figure = sheet(rows, dict.fromkeys(rows, FRONT), _title(bench), cell_inches=(1.05, 1.6))
    caption = (
        "Every gesture from beginning to end, generator and teacher under the same conditions."
    )
    yield chart("gestures.png", caption, figure)


def activities(bench: PoseBench, _: Found) -> Iterator[Picture]:
    rows = {}
    for scene in ("idle_seeds", "listen", "think", "speech", "dance"):
        for row in (0, 1):
            moments = 3 * FPS + np.arange(_MOMENTS) * (7 if scene == "dance" else 2 * FPS)
            name = f"{scene.removesuffix('_seeds')} {row + 1}"
            rows[name] = _both(bench, scene, row, moments)
    figure = sheet(rows, dict.fromkeys(rows, THREE_QUARTER), _title(bench), cell_inches=(1.05, 1.6))
    caption = "Every activity, two bodies each, generator and teacher under the same conditions."
    yield chart("activities.png", caption, figure)


def _both(
    bench: PoseBench, scene: str, row: int, moments: Array, since: int = 0
) -> list[tuple[Array, str]]:
    """The moments of the generator, then those of the teacher."""
    return [
        (getattr(bench.played[name], scene).joints[row, at], f"{(at - since) / FPS:.1f} s")
        for name in _pair(bench)
        for at in moments
    ]


def _pair(bench: PoseBench) -> list[str]:
    return [name for name in (GENERATOR, TEACHER) if name in bench.played]


def _title(bench: PoseBench) -> str:
    return "   |   ".join(_pair(bench))


def scores(bench: PoseBench, metrics: Found) -> Iterator[Picture]:
    names = list(bench.played)
    groups: dict[str, Rows] = {}
    for title, found in (
        ("dance on the beat", metrics["dance"]),
        ("strokes on accents", {name: row["strokes"] for name, row in metrics["speech"].items()}),
    ):
        groups[title] = [
            *((name, found[name]["score"]) for name in names),
            *((f"{name}, shifted", found[name]["shifted_mean"]) for name in names),
            ("still", 0.0),
        ]
    asked = metrics["gestures"]
    groups["gestures recognised"] = [
        *((name, asked[name]["accuracy"]) for name in names), *asked["controls"].items()
    ]  # fmt: skip
    if frechet := metrics.get("frechet"):
        each = frechet["movement"]
        groups["Frechet distance, movement, matched in speed (lower is better)"] = [
            *((name, each["made"][name]["matched"]) for name in names),
            ("floor: half to half", each["made"][names[0]]["matched_floor"]),
            ("one person to the others", each["floor_one_subject_to_the_others"]["matched"]),
        ]
    yield chart("scores.png", "Scores and their controls.", bars(groups, _COLOURS))


def jerk(bench: PoseBench, _: Found) -> Iterator[Picture]:
    """Medians and quartiles against speed: captured, and everything each performer does."""
    figure, (axes,) = panels(7.5, 5)
    sets = {
        name: [take for done in played.by_activity().values() for take in done.takes]
        for name, played in bench.played.items()
    }
    if bench.captures:
        sets = {"captured": [capture.joints for capture in bench.captures], **sets}
    for name, takes in sets.items():
        windows, colour = JerkWindows.of(takes, filtered=True), _COLOURS.get(name, REAL)
        axes.plot(windows.speed_m_s, windows.jerk_m_s3, ".", color=colour, alpha=0.12, ms=3)
        if not (curve := windows.curve()):
            continue
        middle = [np.sqrt(row["from_m_s"] * row["to_m_s"]) for row in curve]
        axes.plot(middle, [row["jerk_median"] for row in curve], "o-", color=colour, label=name)
        axes.fill_between(middle, [row["jerk_quarter"] for row in curve],
                          [row["jerk_three_quarters"] for row in curve],
                          color=colour, alpha=0.15)  # fmt: skip
    axes.set(xscale="log", yscale="log", xlim=(0.004, 1.5), ylim=(0.3, 500),
             xlabel="mean joint speed, m/s", ylabel="mean jerk below 6 Hz, m/s³")  # fmt: skip
    axes.legend()
    yield chart("jerk.png", "Jerk below 6 Hz against speed, in windows of 1 s.", figure)


def confusion(bench: PoseBench, metrics: Found) -> Iterator[Picture]:
    names = _pair(bench)
    figure, grid = panels(5 * len(names), 4.8, 1, len(names))
    for axes, name in zip(grid, names, strict=True):
        found = metrics["gestures"][name]
        counts = np.array(found["confusion"], float)
        share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(counts):
            if value:
                dark = "white" if share[row, column] > 0.5 else REAL
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=dark)
        axes.set_xticks(range(len(found["classes"])), found["classes"], rotation=60)
        axes.set_yticks(range(len(GESTURES)), GESTURES)
        axes.set(title=f"{name}: {found['accuracy']:.0%}", ylabel="asked", xlabel="taken for")
    yield chart("confusion.png", "What was asked and what it is taken for.", figure)


def idling(bench: PoseBench, _: Found) -> Iterator[Picture]:
    """A loop would show as lines along the diagonal."""
    names = _pair(bench)
    figure, grid = panels(4.8 * len(names), 4.2, 1, len(names))
    for axes, name in zip(grid, names, strict=True):
        joints = bench.played[name].idle.joints[0]
        distances, minutes = recurrence(joints), len(joints) / FPS / 60
        shown = axes.imshow(distances, cmap="magma", extent=(0, minutes, minutes, 0),
                            vmin=0, vmax=float(np.quantile(distances, 0.99)))  # fmt: skip
        figure.colorbar(shown, ax=axes, label="cm a joint", shrink=0.8)
        axes.set(title=name, xlabel="minutes")
    caption = "Distance between all moments of the long idling."
    yield chart("recurrence.png", caption, figure)


def side_by_side(bench: PoseBench, _: Found) -> Iterator[Picture]:
    row, frames = _busiest(bench.scenes.talk), _FILM_S * FPS
    bodies = {name: bench.played[name].talk.joints[row, :frames] for name in _pair(bench)}

    def write(path: Path) -> None:
        film(bodies, path, captions=captions(bench.scenes.talk, row)[:frames])

    name = "side_by_side.mp4" if find_spec("av") else "side_by_side.gif"
    yield Picture(name, "A scripted conversation, captioned with its conditions.", write)


def _busiest(given: Conditions) -> int:
    """The script whose first seconds have most changes and gestures."""
    part = given.select((slice(None), slice(0, _FILM_S * FPS)))
    doing = part.activity.argmax(dim=-1)
    changes = (doing.diff(dim=1) != 0).sum(dim=1)
    gestured = (part.gesture[..., : len(GESTURES)] > 0.5).any(dim=1).sum(dim=1)
    return int((changes + gestured).argmax())


def captions(given: Conditions, row: int) -> list[str]:
    """What a body is asked at each frame: activity, then a gesture under way."""
    doing = given.activity[row].argmax(dim=-1).tolist()
    weights = given.gesture[row, :, : len(GESTURES)].max(dim=-1)
    return [
        ACTIVITIES[activity] + (f", {GESTURES[which]}" if weight > 0.5 else "")
        for activity, weight, which in zip(
            doing, weights.values.tolist(), weights.indices.tolist(), strict=True
        )
    ]


PICTURES: Final[Sequence[Draw[PoseBench]]] = (
    gestures, activities, scores, jerk, confusion, idling, side_by_side,
)  # fmt: skip
