"""The report's sections: each says what was measured and puts it beside its controls."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from idol_protocol.channels import GESTURES
from training.evaluation.markdown import table
from training.pose.evaluation.sections import LOOPED

Found = Mapping[str, Any]


def _jerk(found: Found) -> list[str]:
    rows = []
    for name, activities in found["made"].items():
        for activity, row in activities.items():
            raw, filtered = row.get("matched_raw") or {}, row.get("matched_filtered") or {}
            rows.append(
                (f"{name}, {activity}", row["speed_m_s"], row["raw_m_s3"], row["filtered_m_s3"],
                 raw.get("ratio"), filtered.get("ratio"), filtered.get("low"),
                 filtered.get("high"), filtered.get("share_compared"), row.get("ratio_to_law"))
            )  # fmt: skip
    if real := found.get("captured"):
        rows.append(("captured", real["speed_m_s"], real["raw_m_s3"], real["filtered_m_s3"],
                     1.0, 1.0, None, None, None, 1.0))  # fmt: skip
    between = found.get("one_subject_to_the_others", {})
    return [
        "## Jerk beside captured motion",
        "Joints relative to the hips, windows of 1 s. Raw jerk of optical capture is mostly marker "
        "noise; `below 6 Hz` is after a zero-phase Butterworth on both sides. `ratio` compares "
        "windows of equal mean joint speed; the ratio below 6 Hz is the one that is meant to be "
        "within 25 % of 1. Its range is one standard deviation over bins of speed; `compared` is "
        "the share of made windows that any captured ones match. `to the law` holds every window "
        "against a power law fitted to captures, and extrapolates where nobody moves so slowly. "
        "One captured person against the others: "
        + ", ".join(f"{name} {value:.2f}" for name, value in between.items()) + ".",
        table(["", "speed m/s", "raw m/s3", "below 6 Hz", "ratio, raw", "ratio, below 6 Hz",
               "low", "high", "compared", "to the law"], rows),
    ]  # fmt: skip


def _frechet(found: Found) -> list[str]:
    parts = [
        "## Frechet distance to captured motion",
        "1 is as far as captured windows are spread. `matched` draws equal numbers of windows from "
        "each bin of speed on both sides; its floor is one half of the captures to the other on "
        "the same numbers.",
    ]
    for kind, each in found.items():
        rows = [(name, r["to_all"], r["matched"], r["matched_floor"], r["matched_windows"])
                for part in ("made", "controls") for name, r in each[part].items()]  # fmt: skip
        rows += [(key.replace("_", " "), each[key]["to_all"], each[key]["matched"], "", "")
                 for key in ("floor_half_to_half", "floor_one_subject_to_the_others")]  # fmt: skip
        parts += [
            f"### {kind} (`{each['protocol']}`, {each['captured_windows']} captured windows)",
            table(["", "to all", "matched", "floor", "windows"], rows),
        ]
    return parts


def _timed(title: str, text: str, scores: Mapping[str, Found], extra: Sequence[str]) -> list[str]:
    keys = ("score", "shifted_mean", "shifted_sd", "shifted_highest", "gain", "gain_se",
            "above_shifted_se", *extra)  # fmt: skip
    protocol = next(iter(scores.values()))["protocol"]
    return [
        title, f"{text} Protocol `{protocol}`.",
        table(["", *(key.replace("_", " ") for key in keys)],
              [(name, *(row[key] for key in keys)) for name, row in scores.items()]),
    ]  # fmt: skip


def _dance(found: Found) -> list[str]:
    return _timed(
        "## Dance on the beat",
        "Kinematic beats against the music's; the control hears the music at another time.",
        found, ("random_tempo", "still", "music_beats_met", "kinematic_per_music_beat"),
    )  # fmt: skip


def _speech(found: Found) -> list[str]:
    keys = ("r", "lag_frames", "shifted_mean", "shifted_sd", "shifted_highest",
            "above_shifted_sd")  # fmt: skip
    return [
        *_timed(
            "## Hands and voice", "Accents of the voice against the wrists' strokes.",
            {name: row["strokes"] for name, row in found.items()},
            ("still", "lag_frames", "strokes_a_minute", "accents_a_minute"),
        ),
        "The hands' height against the voice's level:",
        table(["", *keys], [(name, *(row["hand_height"][key] for key in keys))
                            for name, row in found.items()]),
    ]  # fmt: skip


def _gestures(found: Found) -> list[str]:
    people = {name: row for name, row in found.items() if name != "controls"}
    names = [name for name in GESTURES if name in next(iter(people.values()))["by_gesture"]]
    rows = [(name, row["accuracy"], row["standard_error"], *(row["by_gesture"][g] for g in names))
            for name, row in people.items()]  # fmt: skip
    rows += [(name, value, *[None] * (len(names) + 1)) for name, value in found["controls"].items()]
    return [
        "## Gestures recognised",
        "By templates of the teacher's with other seeds and styles; `nothing` is a class too.",
        table(["", "accuracy", "s.e.", *names], rows),
    ]


def _sameness(found: Found) -> list[str]:
    keys = {"to_itself": "itself, 4 s apart and more", "two_seeds_long": "two seeds, long",
            "seeds": "seeds, short"}  # fmt: skip
    rows = [
        (f"{name}: {label}", row[key]["posture_cm"], row[key]["posture_median_cm"],
         row[key]["movement"])
        for name, row in found.items() for key, label in keys.items() if key in row
    ]  # fmt: skip
    rows += [(f"{LOOPED}: itself", *(found["controls"][LOOPED]["to_itself"][key] for key in
              ("posture_cm", "posture_median_cm", "movement")))]  # fmt: skip
    later = found["controls"]["the same window 0.1 s later, cm"]
    spread = [f"{name}: idle {row['diversity_idle_cm']} cm, speech {row['diversity_speech_cm']} cm"
              for name, row in found.items() if name != "controls"]  # fmt: skip
    return [
        "## Repetition",
        "Nearest windows of 2 s over all times: mean distance of ten telling joints, the median "
        "over all pairs, and of the movement's form (0 the same, 1.41 unrelated). The same "
        f"window 0.1 s later is {later} cm away. Mean distance between seeds: {'; '.join(spread)}.",
        table(["", "nearest, cm", "median, cm", "nearest form"], rows),
    ]


def _plain_rows(title: str, text: str, found: Found) -> list[str]:
    """A table with one row per name, the columns as they come."""
    keys = list(next(iter(found.values())))
    return [title, text, table(["", *(key.replace("_", " ") for key in keys)],
                               [(name, *row.values()) for name, row in found.items()])]  # fmt: skip


def _feet(found: Found) -> list[str]:
    return _plain_rows(
        "## Feet",
        "A point of a foot stands when it is within 1.5 cm of its height at rest.", found,
    )  # fmt: skip


def _nested(title: str, text: str, found: Found, keys: Sequence[str]) -> list[str]:
    rows = [(f"{name}, {activity}", *(row[key] for key in keys))
            for name, each in found.items() for activity, row in each.items()]  # fmt: skip
    return [title, text, table(["", *(key.replace("_", " ") for key in keys)], rows)]


def _limits(found: Found) -> list[str]:
    return _nested(
        "## Joints beyond their range", "More than a degree.", found,
        ("frames_share", "bone_frames", "frames", "worst_deg", "worst_bone"),
    )  # fmt: skip


def _penetration(found: Found) -> list[str]:
    return _nested(
        "## Limbs inside limbs", "Overlaps of more than 5 mm.", found,
        ("frames_share", "frames", "deepest_cm", "deepest_pair"),
    )  # fmt: skip


def _turns(found: Found) -> list[str]:
    kept = {name: {where: row for where, row in each.items() if isinstance(row, Mapping)}
            for name, each in found.items()}  # fmt: skip
    return _nested(
        "## Largest turn of a bone in a frame", "In the scripted conversations.", kept,
        ("largest_deg", "p999_deg", "bone"),
    )  # fmt: skip


def _transitions(found: Found) -> list[str]:
    kept = {name: {where: row for where, row in each.items()
                   if isinstance(row, Mapping) and row["jerk_m_s3"] is not None}
            for name, each in found.items()}  # fmt: skip
    first = next(iter(found.values()))
    return _nested(
        "## Where something changes",
        f"The half second after {first['changes']} changes of activity and {first['cuts']} cut "
        "gestures, beside the same bodies elsewhere; jerk below 6 Hz.", kept,
        ("seconds", "jerk_m_s3", "jerk_p99", "largest_turn_deg", "turn_p99_deg"),
    )  # fmt: skip


def _steadiness(found: Found) -> list[str]:
    rows = [(f"{name}: {key.replace('_', ' ')}", *row[key])
            for name, row in found.items() for key in row]  # fmt: skip
    return ["## Ten tenths of the long idling", table(["", *map(str, range(1, 11))], rows)]


def _cost(found: Found) -> list[str]:
    rows = [(key.replace("_", " "), row["us_per_frame_median"], row["us_per_frame_p95"])
            for key, row in found.items() if isinstance(row, Mapping)]  # fmt: skip
    return [
        "## Cost",
        f"`{found['model']}` on {found['machine']}, ONNX Runtime {found['onnxruntime']}; "
        f"{found['busy_cores_before']} other processes were running.",
        table(["us per character-frame", "median", "95th percentile"], rows),
    ]


SECTIONS: Final[dict[str, Callable[[Found], list[str]]]] = {
    "jerk": _jerk, "frechet": _frechet, "dance": _dance, "speech": _speech, "gestures": _gestures,
    "sameness": _sameness, "feet": _feet, "joint_limits": _limits,
    "self_penetration": _penetration, "turns": _turns, "transitions": _transitions,
    "steadiness": _steadiness, "cost": _cost,
}  # fmt: skip
