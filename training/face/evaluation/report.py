"""One folder that tells it all: report.md, its pictures and metrics.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.evaluation.markdown import table
from training.evaluation.metrics_file import write_metrics
from training.face.evaluation import controls, sections
from training.face.evaluation.captures import WITHOUT_GAN
from training.face.evaluation.pictures import draw
from training.face.evaluation.suite import MAIN, Findings
from training.face.evaluation.voices import KNOWN, NEVER_OPENS, SHIFTED, UNKNOWN

_RIVALS = (
    controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE, controls.OTHER_CURVE,
    controls.OTHER_SOUND, controls.SHIFTED_MAX, controls.TABLE, SHIFTED, NEVER_OPENS,
)  # fmt: skip
_NO_CHANGE = 0.02


def write_report(findings: Findings, out: Path, *, command: str, run: Path) -> None:
    """Writes `report.md`, pictures and `metrics.json`; the last also into the run, for its card."""
    metrics = write_metrics({"command": command, **findings.metrics}, out, run)
    pictures = draw(findings, out)
    (out / "report.md").write_text(render(metrics, pictures))


def render(metrics: Mapping[str, Any], pictures: Sequence[tuple[str, str]]) -> str:
    """The report's text, from what `plain` made of the findings."""
    parts = [
        "# Evaluation of a face run",
        f"Made by `{metrics['command']}`; every number is in `metrics.json`.",
        *summary(metrics),
        *sections.inputs(metrics["inputs"]),
        *(part for name, found in metrics.get("captures", {}).items()
          for part in sections.captured(name, found)),
        *sections.voices(metrics.get("voices")),
        *sections.silence(metrics.get("silence")),
        *sections.blinks(metrics.get("blinks")),
        *sections.motion(metrics.get("brows_head_eyes")),
        *sections.frechet(metrics.get("frechet")),
        *sections.frechet(metrics.get("frechet_unseen_takes"), "takes that no critic was shown"),
        *sections.steady(metrics),
        *sections.cost(metrics.get("cost")),
        *ablations(metrics.get("ablations")),
        *(["## Pictures"] if pictures else []),
        *(f"{caption}\n\n![{caption}]({name})" for name, caption in pictures),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def summary(metrics: Mapping[str, Any]) -> list[str]:
    """The numbers to read first, each beside the control that comes nearest."""
    rows: list[Sequence[Any]] = []
    for dataset, found in metrics.get("captures", {}).items():
        splits = " and ".join(sorted({clip["split"] for clip in found["clips"].values()}))
        where = f"{dataset}, {len(found['clips'])} held out, {splits}"
        for key, label in (
            ("jaw_r", "jawOpen r"),
            ("mean_r_rounding_as_one", "mean r of moving mouth channels, rounding as one"),
        ):
            rows.append((label, found["mean"][key], *_nearest(found["controls_mean"], key), where))
        rows.append(("jawOpen, late by (frames)", found["mean"]["jaw_lag_frames"], "", "", where))
    if voices := metrics.get("voices"):
        for name in (KNOWN, UNKNOWN):
            rivals = voices["controls"] | voices[name]["controls"]
            rows.append(
                (f"closure F1 at p, b, m, {name}", voices[name]["closure_f1"],
                 *_nearest(rivals, "closure_f1"), f"{voices['utterances']} utterances, by speaker")
            )  # fmt: skip
    openings = metrics["silence"]["largest_opening"]
    rows.append(("largest opening in silence", max(openings.values()), "", "", "no sound"))
    if frechet := metrics.get("frechet"):
        floor = frechet["floor_real_to_real"]["to_calm"]
        rows.append(
            ("Frechet distance, upper face, to calm takes",
             frechet["made"]["all activities"]["to_calm"], floor, "floor, real to real",
             frechet["protocol"])
        )  # fmt: skip
    if cost := metrics.get("cost"):
        rows.append(
            ("us per character-frame, batch 128", cost["batch_128"]["us_per_frame_median"],
             "", "", cost["machine"])
        )  # fmt: skip
    return ["## In short", table(["", "score", "nearest", "which", "measured on"], rows)]


def _nearest(beside: Mapping[str, Mapping[str, Any]], key: str) -> tuple[Any, str]:
    """The control with the highest value."""
    known = {name: beside[name][key] for name in _RIVALS
             if name in beside and beside[name].get(key) is not None}  # fmt: skip
    if not known:
        return "", ""
    name = max(known, key=lambda each: float(known[each]))
    return known[name], name


def ablations(found: Mapping[str, Any] | None) -> list[str]:
    """Every run on the same material, and what the adversarial part changes."""
    if not found:
        return []
    rows = found["rows"]
    keys = dict.fromkeys(key for row in rows.values() for key in row)
    parts = [
        "## Runs side by side",
        f"The same voices, silences and seeds for every run; captured clips that none of them saw: "
        f"{', '.join(found['clips']) or 'none'}.",
        table(["measure", *rows], [[key, *(row.get(key) for row in rows.values())]
                                   for key in keys]),
    ]  # fmt: skip
    return [*parts, *(_verdict(rows[MAIN], rows[WITHOUT_GAN]) if WITHOUT_GAN in rows else [])]


def _verdict(ours: Mapping[str, Any], without: Mapping[str, Any]) -> list[str]:
    both = [key for key in ours if None not in (ours[key], without.get(key))]
    found: dict[str, list[str]] = {"Nearer to real": [], "No change": [], "Further from real": []}
    for key in both:
        if "off by" in key or "distance" in key:
            mine, other = abs(ours[key]), abs(without[key])
            if abs(mine - other) <= _NO_CHANGE * max(mine, other):
                found["No change"].append(key)
            else:
                found["Nearer to real" if mine < other else "Further from real"].append(key)
    lips = [f"{key} {ours[key] - without[key]:+.3f}" for key in both if key.endswith(" r")]
    lines = [f"- {name}: {'; '.join(keys) or 'nothing'}." for name, keys in found.items()]
    return [
        "With the adversarial part, against the same model without it "
        f"(within {_NO_CHANGE:.0%} is no change):",
        "\n".join([*lines, f"- Lips: {'; '.join(lips) or 'not measured'}."]),
    ]
