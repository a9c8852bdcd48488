"""The pictures of the report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.face.evaluation import controls
from training.face.evaluation.alive import WINDOW
from training.face.evaluation.captures import MOVES, WITHOUT_GAN, Judged
from training.face.evaluation.measures import spectrum
from training.face.evaluation.sets import MOUTH
from training.face.evaluation.suite import Findings
from training.face.model import MADE

Array = NDArray[Any]

_REAL, _MADE, _BESIDE = "#1f2430", "#d1495b", "#7d8597"
_ACTIVITY_COLOURS: Final = {
    "idle": "#00798c", "listen": "#edae49", "think": "#6a4c93", "speak": "#d1495b",
}  # fmt: skip
_SECONDS = 6
_BAR_CONTROLS: Final = (
    controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE, controls.OTHER_SOUND,
    controls.OTHER_CURVE, controls.SHIFTED_MEAN, controls.SHIFTED_MAX, controls.TABLE, WITHOUT_GAN,
)  # fmt: skip


def draw(findings: Findings, out: Path) -> list[tuple[str, str]]:
    """Writes every picture there is material for; returns file names and captions."""
    drawn: list[tuple[str, str]] = []

    def keep(name: str, caption: str, figure: Figure) -> None:
        figure.savefig(out / name, dpi=110)
        drawn.append((name, caption))

    if "captures" in findings.metrics:
        keep("scores.png", "jawOpen r of the generator beside its controls, mean over the clips "
             "of each set.", scores(findings))  # fmt: skip
    for dataset, judged in findings.judged.items():
        one = max(judged, key=lambda each: float(each.clip.real[:, MADE.index("jawOpen")].std()))
        keep(
            f"curves_{dataset}.png",
            f"{dataset}, clip {one.clip.name} ({one.subject.name}): captured and generated.",
            curves(one),
        )
    if findings.blinks:
        keep("blinks.png", "Intervals between blinks: real takes and what the generator does.",
             blink_intervals(findings))  # fmt: skip
    if findings.living:
        keep("spectra.png", "Power of brow, head and eye motion in windows of "
             f"{WINDOW / FPS:.1f} s: speaking, and real captures.", spectra(findings))  # fmt: skip
    if "drift" in findings.metrics:
        keep("drift.png", "Head motion and blinks, minute by minute.", drift(findings))
    if "ablations" in findings.metrics:
        keep("ablations.png", "The same measures for every run.", ablations(findings))
    return drawn


def scores(findings: Findings) -> Figure:
    sets = findings.metrics["captures"]
    figure = Figure(figsize=(8, 0.6 + 3.1 * len(sets)), layout="constrained")
    for axes, (dataset, found) in zip(_column(figure, len(sets)), sets.items(), strict=True):
        rows = [("the generator", found["mean"]["jaw_r"])]
        rows += [
            (name, found["controls_mean"][name]["jaw_r"])
            for name in _BAR_CONTROLS
            # A control that has fewer clips is no bar to stand beside the others.
            if all(name in clip["controls"] for clip in found["clips"].values())
        ]
        values = [0.0 if np.isnan(value) else value for _, value in rows]
        colours = [_MADE] + [_BESIDE] * (len(rows) - 1)
        bars = axes.barh(range(len(rows)), values, color=colours)
        axes.bar_label(bars, labels=[f"{value:.2f}" for value in values], padding=3)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.invert_yaxis()
        axes.set_xlim(min(0.0, *values) - 0.12, 1)
        axes.axvline(0, color=_REAL, linewidth=0.6)
        splits = {clip["split"] for clip in found["clips"].values()}
        clips = counted(len(found["clips"]), "clip")
        axes.set_title(f"{dataset}: {clips}, {' and '.join(sorted(splits))}")
        axes.set_xlabel("jawOpen, Pearson r")
    return figure


def curves(one: Judged) -> Figure:
    real, made = one.clip.real, one.made
    start = _busiest(real[:, MADE.index("jawOpen")], _SECONDS * FPS)
    part = slice(start, start + _SECONDS * FPS)
    moving = [i for i in MOUTH if one.clip.known[i] and real[:, i].std() > MOVES]
    moving = [i for i in moving if not MADE[i].endswith("Right")]
    jaw = MADE.index("jawOpen")
    chosen = sorted(moving, key=lambda i: (i != jaw, -float(real[:, i].std())))[:5]
    figure = Figure(figsize=(10, 1 + 1.7 * len(chosen)), layout="constrained")
    for axes, column in zip(_column(figure, len(chosen)), chosen, strict=True):
        shown = real[part, column]
        at = np.arange(start, start + len(shown)) / FPS
        axes.plot(at, shown, color=_REAL, label="captured")
        axes.plot(at, made[part, column], color=_MADE, label="generated")
        axes.set_ylabel(MADE[column])
        axes.margins(x=0)
    figure.axes[0].legend(loc="upper right", ncols=2)
    figure.axes[-1].set_xlabel("seconds")
    figure.suptitle(f"{one.clip.dataset} / {one.clip.name}")
    return figure


def blink_intervals(findings: Findings) -> Figure:
    made = findings.blinks
    real = [take.intervals_s for take in findings.real_blinks.values()]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(0, 15, 31).tolist()
    if real and len(intervals := np.concatenate(real)):
        axes.hist(intervals.clip(0, 14.99), edges, density=True, color=_BESIDE, alpha=0.45,
                  label=f"real takes ({len(intervals)} intervals)")  # fmt: skip
    for name, each in made.items():
        if len(each.intervals_s):
            axes.hist(each.intervals_s.clip(0, 14.99), edges, density=True, histtype="step",
                      linewidth=1.6, color=_ACTIVITY_COLOURS[name],
                      label=f"{name} ({len(each.intervals_s)})")  # fmt: skip
    if never := [name for name, each in made.items() if not len(each.intervals_s)]:
        axes.set_title(f"generated, without two blinks: {', '.join(never)}")
    if axes.has_data():
        axes.legend()
    axes.set_xlabel("seconds between blinks (15 and more in the last bar)")
    axes.set_ylabel("density")
    return figure


def spectra(findings: Findings) -> Figure:
    assert findings.living is not None
    motion = findings.living.by_activity["speak"]
    names = ("browInnerUp", "browOuterUpLeft", "headYaw", "headPitch", "leftEyeYaw", "leftEyePitch")
    figure = Figure(figsize=(11, 6), layout="constrained")
    for axes, name in zip(figure.subplots(2, 3).ravel(), names, strict=True):
        hz, power = spectrum([motion[:, MADE.index(name)]], WINDOW, FPS)
        _density(axes, hz, power, color=_MADE, label="generated, speaking")
        sources = [s for s, channels in findings.real_motion.items() if name in channels]
        for source, dash in zip(sources, ("-", "--", ":", "-."), strict=False):
            hz, power = spectrum(findings.real_motion[source][name], WINDOW, FPS)
            _density(axes, hz, power, color=_REAL, label=source, linestyle=dash)
        axes.set_title(name if sources else f"{name} (not captured)")
        axes.set_xlabel("Hz")
        unit = "deg^2/Hz" if name.startswith(("head", "left")) else "weight^2/Hz"
        axes.set_ylabel(unit)
        axes.legend(fontsize="small")
    return figure


def drift(findings: Findings) -> Figure:
    found = findings.metrics["drift"]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    head, lids = figure.subplots(1, 2)
    for name in ("idle", "speak"):
        if name in found:
            minutes = np.arange(1, found["minutes"] + 1)
            colour = _ACTIVITY_COLOURS[name]
            head.plot(minutes, found[name]["head_spread_deg_by_minute"], "o-", color=colour,
                      label=name)  # fmt: skip
            lids.plot(minutes, found[name]["blinks_by_minute"], "o-", color=colour, label=name)
    for axes, title in ((head, "head, standard deviation (deg)"), (lids, "blinks a minute")):
        axes.set_title(title)
        axes.set_xlabel("minute")
        axes.set_ylim(bottom=0)
        axes.legend()
    return figure


def ablations(findings: Findings) -> Figure:
    rows = findings.metrics["ablations"]["rows"]
    wanted: tuple[Callable[[str], bool], ...] = (
        lambda key: key.endswith(" r"),
        lambda key: key.startswith("closure"),
        lambda key: key.startswith("Frechet"),
        lambda key: key.endswith("(octaves)"),
    )
    titles = ("r to captures (higher is better)", "closure F1 (higher is better)",
              "Frechet distance (lower is better)",
              "off from real, octaves (0 is best)")  # fmt: skip
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    groups = [(t, [k for k in keys if want(k)]) for t, want in zip(titles, wanted, strict=True)]
    groups = [(title, found) for title, found in groups if found]
    figure = Figure(figsize=(10, 1.1 * sum(1 + len(f) * len(rows) / 4 for _, f in groups)),
                    layout="constrained")  # fmt: skip
    ratios = [1 + len(found) * len(rows) / 4 for _, found in groups]
    panels = figure.subplots(len(groups), 1, squeeze=False, height_ratios=ratios).ravel()
    palette = (_MADE, _BESIDE, "#00798c", "#edae49", "#6a4c93", "#30638e", "#8f5d3b")
    for axes, (title, found) in zip(panels, groups, strict=True):
        height = 0.8 / len(rows)
        for index, (name, row) in enumerate(rows.items()):
            at = np.arange(len(found)) + index * height
            values = [abs(row.get(key, float("nan"))) for key in found]
            axes.barh(at, values, height, color=palette[index % len(palette)], label=name)
        axes.set_yticks(np.arange(len(found)) + 0.4 - height / 2, found)
        axes.invert_yaxis()
        axes.set_title(title)
    panels[0].legend(fontsize="small")
    return figure


def _density(axes: Axes, hz: Array, power: Array, **line: Any) -> None:
    """On two logarithmic scales; a curve without power is not drawn."""
    seen = (hz > 0) & (power > 0)
    if seen.any():
        axes.loglog(hz[seen], power[seen], **line)
        axes.minorticks_off()


def _busiest(curve: Array, length: int) -> int:
    """Where a stretch of `length` frames varies most."""
    starts = range(0, max(1, len(curve) - length + 1), FPS)
    return max(starts, key=lambda start: float(curve[start : start + length].std()))


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _column(figure: Figure, count: int) -> Sequence[Axes]:
    return list(figure.subplots(count, 1, squeeze=False).ravel())
