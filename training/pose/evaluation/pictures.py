"""The pictures of a body's report, and a film."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, GESTURES
from idol_protocol.frames import FPS
from training.evaluation.charts import PALETTE, REAL, Rows, bars, chart, panels
from training.evaluation.report import WITHOUT_GAN, Found, Picture
from training.evaluation.suite import Draw
from training.pictures.avatar_page import (
    FRONT,
    THREE_QUARTER,
    AvatarFrame,
    AvatarPage,
    View,
    open_avatar,
    pose_frames,
)
from training.pictures.sheets import (
    Labelled,
    contact_sheet,
    save_sheet,
    side_by_side,
    write_film,
)
from training.pose.conditions import PoseConditions
from training.pose.evaluation.bench import GENERATOR, TEACHER, PoseBench
from training.pose.evaluation.performance import BodyMotion
from training.pose.evaluation.sameness import recurrence
from training.pose.evaluation.scenes import LEAD
from training.pose.evaluation.smoothness import JerkWindows

Array = NDArray[Any]

_COLOURS: Final = dict(zip((GENERATOR, TEACHER, WITHOUT_GAN), PALETTE, strict=False))
_FILM_FPS: Final = 15


class Moment(NamedTuple):
    """One frame of one body, and what stands over it."""

    motion: BodyMotion
    row: int
    at: int
    words: str


def on_avatar(bench: PoseBench, _: Found) -> Iterator[Picture]:
    """Gestures, activities and a conversation, generator and teacher side by side."""
    with open_avatar() as page:
        title = "   |   ".join(_pair(bench))
        for name, rows, view, caption in (
            ("gestures", _gestures(bench), FRONT, "Every gesture from beginning to end"),
            ("activities", _activities(bench), THREE_QUARTER, "Every activity, two bodies each"),
        ):
            sheet = contact_sheet(_drawn(page, rows, replace(view, width=110, height=165)), title)
            caption += ", generator and teacher under the same conditions."
            yield Picture(f"{name}.png", caption, partial(save_sheet, sheet))
        overview = _drawn(page, _overview(bench), replace(FRONT, width=160, height=240))
        caption = "The middle of every gesture, and a dance."
        yield Picture("hoshi.png", caption, partial(save_sheet, contact_sheet(overview)))
        yield _conversation(bench, page)


def _drawn(
    page: AvatarPage, rows: Mapping[str, Sequence[Moment]], view: View
) -> dict[str, list[Labelled]]:
    found = {}
    for name, row in rows.items():
        frames = (_frames(moment.motion, moment.row, [moment.at])[0] for moment in row)
        pictures = page.draw(frames, view)
        found[name] = [(p, moment.words) for p, moment in zip(pictures, row, strict=True)]
    return found


def _frames(motion: BodyMotion, row: int, at: Any) -> list[AvatarFrame]:
    poses = pose_frames(motion.local[row, at], motion.hips_m[row, at])
    return [AvatarFrame(pose=pose) for pose in poses]


def _gesture(bench: PoseBench, name: str, moments: int) -> tuple[int, Array]:
    """The first body that makes it, and moments from its beginning to its end."""
    asked = bench.scenes.gestures
    row = int(np.flatnonzero(asked.gesture == GESTURES.index(name))[0])
    at = np.linspace(LEAD, LEAD + asked.length[row], moments + 2)[1:-1].round()
    return row, at.astype(int)


def _gestures(bench: PoseBench) -> dict[str, list[Moment]]:
    places = {name: _gesture(bench, name, bench.request.moments) for name in GESTURES}
    return {name: _both(bench, "gestures", *place, LEAD) for name, place in places.items()}


def _activities(bench: PoseBench) -> dict[str, list[Moment]]:
    rows = {}
    for scene in ("idle_seeds", "listen", "think", "speech", "dance"):
        for row in (0, 1):
            at = 3 * FPS + np.arange(bench.request.moments) * (7 if scene == "dance" else 2 * FPS)
            rows[f"{scene.removesuffix('_seeds')} {row + 1}"] = _both(bench, scene, row, at)
    return rows


def _overview(bench: PoseBench) -> dict[str, list[Moment]]:
    first = bench.first
    strokes = [(name, *_gesture(bench, name, 1)) for name in GESTURES]
    dance_frames = bench.scenes.dance.noise.shape[1]
    beats = np.arange(max(0, dance_frames // 2 - 5 * FPS), dance_frames, FPS // 2)[: len(GESTURES)]
    return {
        "gestures": [Moment(first.gestures, row, int(at), name) for name, row, (at,) in strokes],
        "a dance": [Moment(first.dance, 4, int(at), f"{at / FPS:.1f} s") for at in beats],
    }


def _both(bench: PoseBench, scene: str, row: int, moments: Array, since: int = 0) -> list[Moment]:
    """The moments of the generator, then those of the teacher."""
    return [
        Moment(getattr(bench.played[name], scene), row, int(at), f"{(at - since) / FPS:.1f} s")
        for name in _pair(bench)
        for at in moments
    ]


def _conversation(bench: PoseBench, page: AvatarPage) -> Picture:
    talk = bench.scenes.talk
    row, frames = _busiest(talk, bench.request.film_s * FPS), bench.request.film_s * FPS
    at, doing = range(0, min(frames, talk.noise.shape[1]), FPS // _FILM_FPS), captions(talk, row)
    words = [f"{each / FPS:5.1f} s   {doing[each]}" for each in at]
    view = replace(THREE_QUARTER, width=240, height=360)
    drawn = {
        name: list(page.draw(_frames(bench.played[name].talk, row, at), view, step_s=1 / _FILM_FPS))
        for name in _pair(bench)
    }
    name = "side_by_side.mp4" if find_spec("av") else "side_by_side.gif"
    film = partial(write_film, side_by_side(drawn, words), fps=_FILM_FPS)
    return Picture(name, "A scripted conversation, captioned with its conditions.", film)


def _pair(bench: PoseBench) -> list[str]:
    return [name for name in (GENERATOR, TEACHER) if name in bench.played]


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


def _busiest(given: PoseConditions, frames: int) -> int:
    """The script whose first frames have most changes and gestures."""
    part = given.select((slice(None), slice(0, frames)))
    doing = part.activity.argmax(dim=-1)
    changes = (doing.diff(dim=1) != 0).sum(dim=1)
    gestured = (part.gesture[..., : len(GESTURES)] > 0.5).any(dim=1).sum(dim=1)
    return int((changes + gestured).argmax())


def captions(given: PoseConditions, row: int) -> list[str]:
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
    on_avatar, scores, jerk, confusion, idling,
)  # fmt: skip
