"""The report of a pose run: its summary, and the sections and pictures it is made of."""

from collections.abc import Sequence
from typing import Any, Final

from training.evaluation.report import Found, table
from training.evaluation.suite import Suite
from training.pose.evaluation import pictures
from training.pose.evaluation.bench import GENERATOR, PoseBench
from training.pose.evaluation.sections import CALM, CAPTURED, LOOPED, SECTIONS

_NEAR_JERK: Final = (0.75, 1.25)
_NEAR_SE: Final = 3.0
Row = Sequence[Any]


def summary(metrics: Found) -> list[str]:
    """The numbers to read first, each with its control and its target."""
    rows = [*_smooth(metrics), *_on_time(metrics)]
    asked = metrics["gestures"]
    chance = f"chance {asked['controls']['chance']:.2f}"
    rows.append(("gestures recognised", asked[GENERATOR]["accuracy"], chance))
    same, minutes = metrics["sameness"], metrics["inputs"]["idle_s"] / 60
    loop = same["controls"][LOOPED]["to_itself"]["posture_cm"]
    nearest = "nearest two windows of 2 s (cm a joint)"
    rows += [
        (f"{minutes:g} minutes of idling, {nearest}",
         same[GENERATOR]["to_itself"]["posture_cm"], f"loop {loop:.2g}"),
        ("two seeds, nearest windows of 2 s (cm a joint)",
         same[GENERATOR]["two_seeds_long"]["posture_cm"]),
        *_bodily(metrics),
    ]  # fmt: skip
    if cost := metrics.get("cost"):
        median = cost["batch_128"]["us_per_frame_median"]
        rows.append(("us per character-frame, batch 128", median, cost["machine"]))
    return ["## In short", table(["", "score", "compared with", "target", ""], rows)]


def _smooth(metrics: Found) -> list[Row]:
    low, high = _NEAR_JERK
    return [
        (f"jerk below 6 Hz over captured, equal speed: {activity}", matched["ratio"],
         f"{matched['share_compared']:.0%} of windows have a captured counterpart",
         f"{low} to {high}", _met(low <= matched["ratio"] <= high))
        for activity, row in metrics["jerk"]["made"][GENERATOR].items()
        if (matched := row.get("matched_filtered")) and matched["ratio"] is not None
    ]  # fmt: skip


def _on_time(metrics: Found) -> list[Row]:
    scores = {
        "dance on the beat": metrics["dance"][GENERATOR],
        "strokes on the voice's accents": metrics["speech"][GENERATOR]["strokes"],
    }
    return [
        (f"{name} ({found['protocol']})", found["score"], f"shifted {found['shifted_mean']}",
         f"{_NEAR_SE:g} standard errors above",
         f"{found['above_shifted_se']} {_met((found['above_shifted_se'] or 0) >= _NEAR_SE)}")
        for name, found in scores.items()
    ]  # fmt: skip


def _bodily(metrics: Found) -> list[Row]:
    calm = metrics["feet"].get(CALM, {}).get("skate_cm_s")
    skate = metrics["feet"][f"{GENERATOR}, conversation"]["skate_cm_s"]
    rows: list[Row] = [("foot skate in conversation, cm/s", skate, f"captured, calm {calm}")]
    for label, section, key in (
        ("degrees beyond a joint's range, worst", "joint_limits", "worst_deg"),
        ("deepest self-penetration, cm", "self_penetration", "deepest_cm"),
    ):
        worst = {name: max(row[key] for row in each.values())
                 for name, each in metrics[section].items()}  # fmt: skip
        captured = f"captured {worst[CAPTURED]}" if CAPTURED in worst else ""
        rows.append((label, worst[GENERATOR], captured))
    for where in ("in_gestures_and_dances", "elsewhere"):
        row = metrics["turns"][GENERATOR][where]
        label = f"largest turn a frame, {where.replace('_', ' ')} (deg)"
        rows.append((label, row["largest_deg"], row["bone"]))
    return rows


def _met(yes: bool) -> str:
    return "met" if yes else "missed"


SUITE: Final[Suite[PoseBench]] = Suite(
    "Evaluation of a pose run", summary, SECTIONS, pictures.PICTURES
)
