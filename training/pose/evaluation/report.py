"""One folder that tells it all: report.md, its pictures and metrics.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training.evaluation.markdown import table
from training.evaluation.metrics_file import write_metrics
from training.pose.evaluation.bench import GENERATOR
from training.pose.evaluation.pictures import draw
from training.pose.evaluation.sections import CALM, CAPTURED, LOOPED
from training.pose.evaluation.suite import Findings
from training.pose.evaluation.tables import SECTIONS

Found = Mapping[str, Any]
_NEAR_JERK: Final = (0.75, 1.25)
_NEAR_SE: Final = 3.0


def write_report(findings: Findings, out: Path, *, command: str, run: Path) -> None:
    """Writes `report.md`, pictures and `metrics.json`; the last also into the run, for its card."""
    metrics = write_metrics({"command": command, **findings.metrics}, out, run)
    pictures = draw(findings, out)
    (out / "report.md").write_text(render(metrics, pictures))


def render(metrics: Found, pictures: Sequence[tuple[str, str]]) -> str:
    """The report's text, from what `plain` made of the findings."""
    parts = [
        "# Evaluation of a pose run",
        f"Made by `{metrics['command']}`; every number is in `metrics.json`.",
        *summary(metrics),
        *_inputs(metrics["inputs"]),
    ]
    for name, tell in SECTIONS.items():
        if name in metrics:
            parts += tell(metrics[name])
    if pictures:
        parts.append("## Pictures")
        parts += [_picture(name, caption) for name, caption in pictures]
    return "\n\n".join(parts) + "\n"


def _picture(name: str, caption: str) -> str:
    if name.endswith(".mp4"):
        return f"[{caption}]({name})"
    return f"{caption}\n\n![{caption}]({name})"


def summary(metrics: Found) -> list[str]:
    """The numbers to read first, each beside its control and its target."""
    rows: list[Sequence[Any]] = []
    ours = metrics["jerk"]["made"][GENERATOR]
    for activity, row in ours.items():
        matched = row.get("matched_filtered")
        if matched and matched["ratio"] is not None:
            low, high = _NEAR_JERK
            rows.append(
                (f"jerk below 6 Hz over captured, equal speed: {activity}", matched["ratio"],
                 f"{matched['share_compared']:.0%} of windows have a captured counterpart",
                 f"{low} to {high}", _met(low <= matched["ratio"] <= high))
            )  # fmt: skip
    scores = [("dance on the beat", metrics["dance"][GENERATOR])]
    scores.append(("strokes on the voice's accents", metrics["speech"][GENERATOR]["strokes"]))
    for name, found in scores:
        above = found["above_shifted_se"]
        rows.append(
            (f"{name} ({found['protocol']})", found["score"], f"shifted {found['shifted_mean']}",
             f"{_NEAR_SE:g} standard errors above", f"{above} {_met((above or 0) >= _NEAR_SE)}")
        )  # fmt: skip
    told = metrics["gestures"]
    rows.append(("gestures recognised", told[GENERATOR]["accuracy"],
                 f"chance {told['controls']['chance']:.2f}", "", ""))  # fmt: skip
    same, minutes = metrics["sameness"][GENERATOR], metrics["inputs"]["idle_s"] / 60
    rows += [
        (f"{minutes:g} minutes of idling, nearest two windows of 2 s (cm a joint)",
         same["to_itself"]["posture_cm"],
         f"loop {metrics['sameness']['controls'][LOOPED]['to_itself']['posture_cm']:.2g}", "", ""),
        ("two seeds, nearest windows of 2 s (cm a joint)",
         same["two_seeds_long"]["posture_cm"], "", "", ""),
    ]  # fmt: skip
    rows += _bodily(metrics)
    if cost := metrics.get("cost"):
        rows.append(("us per character-frame, batch 128", cost["batch_128"]["us_per_frame_median"],
                     cost["machine"], "", ""))  # fmt: skip
    return ["## In short", table(["", "score", "beside", "target", ""], rows)]


def _bodily(metrics: Found) -> list[Sequence[Any]]:
    conversation = f"{GENERATOR}, conversation"
    calm = metrics["feet"].get(CALM, {}).get("skate_cm_s")
    limits, depth = metrics["joint_limits"], metrics["self_penetration"]

    def worst(found: Found, name: str, key: str) -> Any:
        return max(row[key] for row in found[name].values())

    rows: list[Sequence[Any]] = [
        ("foot skate in conversation, cm/s", metrics["feet"][conversation]["skate_cm_s"],
         f"captured, calm {calm}", "", ""),
        ("degrees beyond a joint's range, worst", worst(limits, GENERATOR, "worst_deg"),
         f"captured {worst(limits, CAPTURED, 'worst_deg')}" if CAPTURED in limits else "", "", ""),
        ("deepest self-penetration, cm", worst(depth, GENERATOR, "deepest_cm"),
         f"captured {worst(depth, CAPTURED, 'deepest_cm')}" if CAPTURED in depth else "", "", ""),
    ]  # fmt: skip
    for where, row in metrics["turns"][GENERATOR].items():
        if isinstance(row, Mapping):
            rows.append((f"largest turn a frame, {where.replace('_', ' ')} (deg)",
                         row["largest_deg"], row["bone"], "", ""))  # fmt: skip
    return rows


def _met(yes: bool) -> str:
    return "met" if yes else "missed"


def _inputs(found: Found) -> list[str]:
    people = ", ".join(found["captured_subjects"]) or "none"
    return [
        "## Material",
        f"Voices: {found['voices']} ({found['voices_are']}). Captures: {found['captures']} takes, "
        f"{found['captured_s'] / 60:.1f} minutes, CMU subjects {people}: they climb, box, walk and "
        f"run; {found['calm_captured_s']:.0f} s are upright and in place, and nobody stands still. "
        f"{found['bodies']} bodies a scene, {found['idle_s'] / 60:g} minutes of idling, seed "
        f"{found['seed']}.",
    ]
