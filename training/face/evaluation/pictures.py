"""The pictures of a face's report."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.evaluation.charts import CONTROL, MADE, PALETTE, REAL, bars, chart, paired, panels
from training.evaluation.report import WITHOUT_GAN, Found, Picture, counted
from training.evaluation.suite import Draw
from training.face.evaluation import controls
from training.face.evaluation.alive import WINDOW
from training.face.evaluation.bench import FaceBench
from training.face.evaluation.captures import JAW, MOVES
from training.face.evaluation.measures import spectrum
from training.face.evaluation.sets import MOUTH
from training.face.model import MADE as CHANNELS
from training.face.model import to_face
from training.pictures.avatar_page import VIEWS, AvatarFrame, open_avatar
from training.pictures.sheets import contact_sheet, save_sheet

Array = NDArray[Any]

_COLOURS: Final = {
    "speak": MADE, "idle": PALETTE[1], "listen": PALETTE[2], "think": PALETTE[3]
}  # fmt: skip
_SECONDS: Final = 6
_FACES: Final = 8
_BARS: Final = (
    controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE, controls.OTHER_SOUND,
    controls.OTHER_CURVE, controls.SHIFTED_MEAN, controls.SHIFTED_MAX, controls.TABLE, WITHOUT_GAN,
)  # fmt: skip
_GROUPS: Final[dict[str, Callable[[str], bool]]] = {
    "r to captures (higher is better)": lambda key: key.endswith(" r"),
    "closure F1 (higher is better)": lambda key: key.startswith("closure"),
    "Frechet distance (lower is better)": lambda key: key.startswith("Frechet"),
    "off from real, octaves (0 is best)": lambda key: key.endswith("(octaves)"),
}


def scores(_: FaceBench, metrics: Found) -> Iterator[Picture]:
    groups = {}
    for dataset, found in metrics.get("captures", {}).items():
        clips = found["clips"].values()
        rows = [("the generator", found["mean"]["jaw_r"])]
        rows += [
            (name, found["controls_mean"][name]["jaw_r"])
            for name in _BARS
            # A control that has fewer clips cannot be compared with the others.
            if all(name in clip["controls"] for clip in clips)
        ]
        splits = " and ".join(sorted({clip["split"] for clip in clips}))
        groups[f"{dataset}: {counted(len(clips), 'clip')}, {splits}"] = rows
    if groups:
        yield chart(
            "scores.png",
            "jawOpen r of the generator and of its controls, mean over the clips of each set.",
            bars(groups, {"the generator": MADE}, "jawOpen, Pearson r"),
        )


def curves(bench: FaceBench, _: Found) -> Iterator[Picture]:
    for dataset, judged in bench.judged.items():
        one = max(judged, key=lambda each: float(each.clip.real[:, JAW].std()))
        real = one.clip.real
        start = _busiest(real[:, JAW], _SECONDS * FPS)
        part = slice(start, start + _SECONDS * FPS)
        moving = [i for i in MOUTH if one.clip.known[i] and real[:, i].std() > MOVES]
        moving = [i for i in moving if not CHANNELS[i].endswith("Right")]
        chosen = sorted(moving, key=lambda i: (i != JAW, -float(real[:, i].std())))[:5]
        figure, rows = panels(10, 1 + 1.7 * len(chosen), len(chosen))
        for axes, column in zip(rows, chosen, strict=True):
            at = np.arange(start, start + len(real[part])) / FPS
            axes.plot(at, real[part, column], color=REAL, label="captured")
            axes.plot(at, one.made[part, column], color=MADE, label="generated")
            axes.set_ylabel(CHANNELS[column])
            axes.margins(x=0)
        rows[0].legend(loc="upper right", ncols=2)
        rows[-1].set_xlabel("seconds")
        figure.suptitle(f"{one.clip.dataset} / {one.clip.name}")
        caption = f"{dataset}, clip {one.clip.name} ({one.subject.name}): captured and generated."
        yield chart(f"curves_{dataset}.png", caption, figure)


def blink_intervals(bench: FaceBench, _: Found) -> Iterator[Picture]:
    figure, (axes,) = panels(8, 4)
    edges = np.linspace(0, 15, 31).tolist()
    real = [take.intervals_s for take in bench.real_blinks.values()]
    if real and len(intervals := np.concatenate(real)):
        axes.hist(intervals.clip(0, 14.99), edges, density=True, color=CONTROL, alpha=0.6,
                  label=f"real takes ({len(intervals)} intervals)")  # fmt: skip
    for name, each in bench.made_blinks.items():
        if len(each.intervals_s):
            axes.hist(each.intervals_s.clip(0, 14.99), edges, density=True, histtype="step",
                      linewidth=1.6, color=_COLOURS[name],
                      label=f"{name} ({len(each.intervals_s)})")  # fmt: skip
    if never := [name for name, each in bench.made_blinks.items() if not len(each.intervals_s)]:
        axes.set_title(f"generated, without two blinks: {', '.join(never)}")
    if axes.has_data():
        axes.legend()
    axes.set(xlabel="seconds between blinks (15 and more in the last bar)", ylabel="density")
    caption = "Intervals between blinks: real takes and what the generator does."
    yield chart("blinks.png", caption, figure)


def spectra(bench: FaceBench, _: Found) -> Iterator[Picture]:
    motion = bench.living.by_activity["speak"]
    names = ("browInnerUp", "browOuterUpLeft", "headYaw", "headPitch", "leftEyeYaw", "leftEyePitch")
    figure, grid = panels(11, 6, 2, 3)
    for axes, name in zip(grid, names, strict=True):
        hz, power = spectrum([motion[:, CHANNELS.index(name)]], WINDOW, FPS)
        _density(axes, hz, power, color=MADE, label="generated, speaking")
        sources = [s for s, channels in bench.real_motion.items() if name in channels]
        for source, dash in zip(sources, ("-", "--", ":", "-."), strict=False):
            hz, power = spectrum(bench.real_motion[source][name], WINDOW, FPS)
            _density(axes, hz, power, color=REAL, label=source, linestyle=dash)
        unit = "deg^2/Hz" if name.startswith(("head", "left")) else "weight^2/Hz"
        title = name if sources else f"{name} (not captured)"
        axes.set(title=title, xlabel="Hz", ylabel=unit)
        axes.legend()
    caption = (
        f"Power of brow, head and eye motion in windows of {WINDOW / FPS:.1f} s: speaking, and "
        "real captures."
    )
    yield chart("spectra.png", caption, figure)


def drift(_: FaceBench, metrics: Found) -> Iterator[Picture]:
    found = metrics["drift"]
    figure, grid = panels(8, 3.2, 1, 2)
    for axes, (key, title) in zip(
        grid,
        {
            "head_spread_deg_by_minute": "head, standard deviation (deg)",
            "blinks_by_minute": "blinks a minute",
        }.items(),
        strict=True,
    ):
        for name in ("idle", "speak"):
            if name in found:
                minutes = range(1, found["minutes"] + 1)
                axes.plot(minutes, found[name][key], "o-", color=_COLOURS[name], label=name)
        axes.set(title=title, xlabel="minute")
        axes.set_ylim(bottom=0)
        axes.legend()
    yield chart("drift.png", "Head motion and blinks, minute by minute.", figure)


def ablations(_: FaceBench, metrics: Found) -> Iterator[Picture]:
    rows = metrics.get("ablations", {}).get("rows", {})
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    groups = {title: [key for key in keys if wants(key)] for title, wants in _GROUPS.items()}
    groups = {title: found for title, found in groups.items() if found}
    if not groups:
        return
    heights = [1 + len(found) * len(rows) / 4 for found in groups.values()]
    figure, grid = panels(10, 1.1 * sum(heights), len(groups), height_ratios=heights)
    for axes, (title, found) in zip(grid, groups.items(), strict=True):
        paired(axes, rows, found)
        axes.set_title(title)
    grid[0].legend()
    yield chart("ablations.png", "The same measures for every run.", figure)


def side_by_side(bench: FaceBench, _: Found) -> Iterator[Picture]:
    """The clip whose jaw moves most, on an avatar."""
    every = [one for judged in bench.judged.values() for one in judged]
    if not every:
        return
    one = max(every, key=lambda each: float(each.clip.real[:, JAW].std()))
    motions = {"captured": one.clip.real, "generated": one.made, **one.extra}
    moments = _apart(one.clip.real[: len(one.made), JAW], _FACES)
    with open_avatar() as page:
        rows = {}
        for name, motion in motions.items():
            faces = to_face(torch.from_numpy(motion[moments])).numpy()
            drawn = page.draw(map(AvatarFrame, faces), VIEWS["face"])
            rows[name] = [(p, f"{at / FPS:.2f} s") for p, at in zip(drawn, moments, strict=True)]
        sheet = contact_sheet(rows)
    yield Picture(
        "side_by_side.png",
        f"{one.clip.dataset}, clip {one.clip.name} ({one.subject.name}): faces at the same times.",
        lambda path: save_sheet(sheet, path),
    )


PICTURES: Final[Sequence[Draw[FaceBench]]] = (
    side_by_side, scores, curves, blink_intervals, spectra, drift, ablations,
)  # fmt: skip


def _density(axes: Axes, hz: Array, power: Array, **line: Any) -> None:
    """On two logarithmic scales; a curve without power is not drawn."""
    seen = (hz > 0) & (power > 0)
    if seen.any():
        axes.loglog(hz[seen], power[seen], **line)
        axes.minorticks_off()


def _apart(jaw: Array, count: int) -> list[int]:
    """Frames from one end to the other at which the jaw is by turns open and shut."""
    parts = np.array_split(np.arange(len(jaw)), count)
    return [
        int(part[jaw[part].argmin() if at % 2 else jaw[part].argmax()])
        for at, part in enumerate(parts)
    ]


def _busiest(curve: Array, length: int) -> int:
    """Where a stretch of `length` frames varies most."""
    starts = range(0, max(1, len(curve) - length + 1), FPS)
    return max(starts, key=lambda start: float(curve[start : start + length].std()))
