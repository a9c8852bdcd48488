"""The sections that compare with captured motion: its jerk and its Frechet distance."""

from collections.abc import Mapping

from training.evaluation.frechet import each_and_others
from training.evaluation.report import Found, Metrics, cell, grid
from training.pose.evaluation.bench import PoseBench
from training.pose.evaluation.captures import by_subject
from training.pose.evaluation.realism import BodyReference
from training.pose.evaluation.smoothness import JerkWindows, matched_ratio, ratio_to_law


def jerk(bench: PoseBench) -> Metrics:
    """Raw, below 6 Hz, and each matched in speed with captures."""
    takes = [capture.joints for capture in bench.captures]
    real = {key: JerkWindows.of(takes, filtered=key == "filtered") for key in ("raw", "filtered")}
    found: Metrics = {"made": {}, "captured": _jerk_means(real) if takes else None}
    for name, played in bench.played.items():
        found["made"][name] = {}
        for activity, done in played.by_activity().items():
            made = {key: JerkWindows.of(done.takes, filtered=key == "filtered") for key in real}
            row: Metrics = _jerk_means(made)
            if takes:
                row |= {f"matched_{key}": matched_ratio(made[key], real[key]) for key in real}
                row["ratio_to_law"] = ratio_to_law(made["filtered"], real["filtered"])
            found["made"][name][activity] = row
    if takes:
        found["one_subject_to_the_others"] = {
            name: matched_ratio(
                JerkWindows.of(mine, filtered=True), JerkWindows.of(others, filtered=True)
            )["ratio"]
            for name, mine, others in each_and_others(by_subject(bench.captures))
        }
        found["captured_curve"] = real["filtered"].curve()
    return found


def _jerk_means(windows: Mapping[str, JerkWindows]) -> Metrics:
    return {
        "speed_m_s": float(windows["filtered"].speed_m_s.mean()),
        **{f"{key}_m_s3": float(each.jerk_m_s3.mean()) for key, each in windows.items()},
    }


def jerk_text(found: Found) -> list[str]:
    columns = {"speed_m_s": "speed m/s", "raw_m_s3": "raw m/s3", "filtered_m_s3": "below 6 Hz",
               "ratio_raw": "ratio, raw", "ratio": "ratio, below 6 Hz", "low": "low",
               "high": "high", "share_compared": "compared",
               "ratio_to_law": "to the law"}  # fmt: skip
    rows = {
        f"{name}, {activity}": row
        | (row.get("matched_filtered") or {})
        | {"ratio_raw": (row.get("matched_raw") or {}).get("ratio")}
        for name, activities in found["made"].items()
        for activity, row in activities.items()
    }
    if found.get("captured"):
        itself = {"ratio_raw": 1.0, "ratio": 1.0, "ratio_to_law": 1.0}
        rows["captured"] = found["captured"] | itself
    between = found.get("one_subject_to_the_others", {})
    return [
        "## Jerk compared with captured motion",
        "Joints relative to the hips, windows of 1 s. Raw jerk of optical capture is mostly marker "
        "noise; `below 6 Hz` is after a zero-phase Butterworth on both sides. `ratio` compares "
        "windows of equal mean joint speed; the ratio below 6 Hz is the one that is meant to be "
        "within 25 % of 1. Its range is one standard deviation over bins of speed; `compared` is "
        "the share of made windows that any captured ones match. `to the law` holds every window "
        "against a power law fitted to captures, and extrapolates where nobody moves so slowly. "
        "One captured person against the others: "
        + (", ".join(f"{name} {cell(value)}" for name, value in between.items()) or "none") + ".",
        grid(rows, columns),
    ]  # fmt: skip


def frechet(bench: PoseBench) -> Metrics | None:
    if not bench.captures:
        return None
    made = {
        name: [take for done in played.by_activity().values() for take in done.takes]
        for name, played in bench.played.items()
    }
    first = next(iter(bench.played))
    for activity, done in bench.first.by_activity().items():
        made[f"{first}, {activity}"] = done.takes
    return BodyReference.of(by_subject(bench.captures)).report(made)


def frechet_text(found: Found) -> list[str]:
    columns = {"to_all": "to all", "matched": "matched", "matched_floor": "floor",
               "matched_windows": "windows"}  # fmt: skip
    parts = [
        "## Frechet distance to captured motion",
        "1 is as far as captured windows are spread. `matched` draws equal numbers of windows from "
        "each bin of speed on both sides; its floor is one half of the captures to the other on "
        "the same numbers.",
    ]
    for kind, each in found.items():
        rows = each["made"] | each["controls"]
        for key in ("floor_half_to_half", "floor_one_subject_to_the_others"):
            rows[key.replace("_", " ")] = {"matched_floor": "", "matched_windows": ""} | each[key]
        parts += [
            f"### {kind} (`{each['protocol']}`, {each['captured_windows']} captured windows)",
            grid(rows, columns),
        ]
    return parts
