"""The sections of a body's report: what each measures, and what it says of it in Markdown.

Each measure takes every performer, and the controls that it is read with.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES
from idol_protocol.frames import FPS
from training.evaluation.frame_cost import cost_text
from training.evaluation.frechet import each_and_others
from training.evaluation.report import Found, Metrics, cell, grid, table
from training.evaluation.suite import Section
from training.pose.evaluation import integrity, recognition, sameness, timing
from training.pose.evaluation.bench import PoseBench
from training.pose.evaluation.captures import by_subject, calm_takes
from training.pose.evaluation.contact import contact
from training.pose.evaluation.performance import BodyMotion, joined
from training.pose.evaluation.realism import BodyReference
from training.pose.evaluation.smoothness import JerkWindows, matched_ratio, ratio_to_law
from training.pose.evaluation.transitions import lively, transitions

Array = NDArray[Any]

CAPTURED: Final = "captured"
CALM: Final = "captured, calm stretches"
LOOPED: Final = "a loop of 30 s"
MOMENT: Final = "the same window 0.1 s later, cm"
_LOOP: Final = 30 * FPS
Text: TypeAlias = Callable[[Found], list[str]]


def _inputs(bench: PoseBench) -> Metrics:
    captures = bench.captures
    return {
        "seed": bench.request.seed,
        "voices": len(bench.voices),
        "voices_are": "GRID speakers" if bench.voices else "none at hand: syllables of noise",
        "captures": len(captures),
        "captured_s": sum(capture.seconds for capture in captures),
        "captured_subjects": sorted({capture.subject for capture in captures}),
        "calm_captured_s": sum(int(capture.calm.sum()) for capture in captures) / FPS,
        "idle_s": bench.request.idle_s,
        "bodies": bench.request.bodies,
    }


def _inputs_text(found: Found) -> list[str]:
    people = ", ".join(found["captured_subjects"]) or "none"
    return [
        "## Material",
        f"Voices: {found['voices']} ({found['voices_are']}). Captures: {found['captures']} takes, "
        f"{found['captured_s'] / 60:.1f} minutes, CMU subjects {people}: they climb, box, walk and "
        f"run; {found['calm_captured_s']:.0f} s are upright and in place, and nobody stands still. "
        f"{found['bodies']} bodies a scene, {found['idle_s'] / 60:g} minutes of idling, seed "
        f"{found['seed']}.",
    ]


def _jerk(bench: PoseBench) -> Metrics:
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


def _jerk_text(found: Found) -> list[str]:
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


def _frechet(bench: PoseBench) -> Metrics | None:
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


def _frechet_text(found: Found) -> list[str]:
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


def _dance(bench: PoseBench) -> Metrics:
    position = bench.scenes.dance.beat[..., 0].numpy()
    return {
        name: timing.dance_alignment(played.dance.takes, position)
        for name, played in bench.played.items()
    }


def _dance_text(found: Found) -> list[str]:
    return [
        "## Dance on the beat",
        "Kinematic beats against the music's; the control has its music at another time. "
        f"Protocol `{next(iter(found.values()))['protocol']}`.",
        grid(found, [*_SHIFTED, "random_tempo", "still", "music_beats_met",
                     "kinematic_per_music_beat"]),
    ]  # fmt: skip


_SHIFTED: Final = ("score", "shifted_mean", "shifted_sd", "shifted_highest", "gain", "gain_se",
                   "above_shifted_se")  # fmt: skip


def _speech(bench: PoseBench) -> Metrics:
    audio = bench.scenes.speech.audio.numpy()
    return {
        name: {
            "strokes": timing.stroke_alignment(played.speech.takes, audio),
            "hand_height": timing.voice_relation(played.speech.joints, audio),
        }
        for name, played in bench.played.items()
    }


def _speech_text(found: Found) -> list[str]:
    strokes, height = ({name: row[key] for name, row in found.items()}
                       for key in ("strokes", "hand_height"))  # fmt: skip
    return [
        "## Hands and voice",
        "Accents of the voice against the wrists' strokes. "
        f"Protocol `{next(iter(strokes.values()))['protocol']}`.",
        grid(strokes, [*_SHIFTED, "still", "lag_frames", "strokes_a_minute", "accents_a_minute"]),
        "The hands' height against the voice's level:",
        grid(height, ["r", "lag_frames", "shifted_mean", "shifted_sd", "shifted_highest",
                      "above_shifted_sd"]),
    ]  # fmt: skip


def _gestures(bench: PoseBench) -> Metrics:
    asked, templates = bench.scenes.gestures, bench.templates
    found: Metrics = {
        name: recognition.recognition(templates, played.gestures, asked)
        for name, played in bench.played.items()
    }
    order = np.random.default_rng(0).permutation(len(asked.gesture))
    nothing = recognition.recognition(templates, bench.first.unasked, asked)
    others = recognition.shuffled(asked, order)
    another = recognition.recognition(templates, bench.first.gestures, others)
    found["controls"] = {
        "asked for nothing": nothing["accuracy"],
        "judged by what another was asked": another["accuracy"],
        "chance": recognition.CHANCE,
    }
    return found


def _gestures_text(found: Found) -> list[str]:
    rows = {
        name: row | row["by_gesture"] | {"s.e.": row["standard_error"]}
        for name, row in found.items()
        if name != "controls"
    }
    names = [name for name in GESTURES if name in next(iter(rows.values()))]
    controls = {name: {"accuracy": value} for name, value in found["controls"].items()}
    return [
        "## Gestures recognised",
        "By templates of the teacher's with other seeds and styles; `nothing` is a class too.",
        grid(rows | controls, ["accuracy", "s.e.", *names]),
    ]


def _sameness(bench: PoseBench) -> Metrics:
    found: Metrics = {}
    for name, played in bench.played.items():
        found[name] = {
            "to_itself": sameness.closest_to_itself(played.idle.takes[:1]),
            "two_seeds_long": sameness.closest(played.idle.takes),
            "seeds": sameness.closest(played.idle_seeds.takes),
            "diversity_idle_cm": sameness.diversity_cm(played.idle_seeds.joints),
            "diversity_speech_cm": sameness.diversity_cm(played.speech.joints),
        }
    first = bench.first.idle.joints[0]
    looped = np.resize(first[:_LOOP], first.shape)
    # How near a body is to itself a moment later: what "the same" looks like.
    later = np.linalg.norm(first[sameness.STEP :] - first[: -sameness.STEP], axis=-1)
    found["controls"] = {
        LOOPED: {"to_itself": sameness.closest_to_itself([looped])},
        MOMENT: float(later.mean() * 100),
    }
    return found


def _sameness_text(found: Found) -> list[str]:
    compared = {"to_itself": "itself, 4 s apart and more", "two_seeds_long": "two seeds, long",
                "seeds": "seeds, short"}  # fmt: skip
    columns = {"posture_cm": "nearest, cm", "posture_median_cm": "median, cm",
               "movement": "nearest form"}  # fmt: skip
    bodies = {name: row for name, row in found.items() if name != "controls"}
    rows = {f"{n}: {label}": row[k] for n, row in bodies.items() for k, label in compared.items()}
    rows[f"{LOOPED}: itself"] = found["controls"][LOOPED]["to_itself"]
    spread = [
        f"{name}: idle {row['diversity_idle_cm']} cm, speech {row['diversity_speech_cm']} cm"
        for name, row in bodies.items()
    ]
    return [
        "## Repetition",
        "Nearest windows of 2 s over all times: mean distance of ten telling joints, the median "
        "over all pairs, and of the movement's form (0 the same, 1.41 unrelated). The same window "
        f"0.1 s later is {found['controls'][MOMENT]} cm away. Mean distance between seeds: "
        f"{'; '.join(spread)}.",
        grid(rows, columns),
    ]


def _feet(bench: PoseBench) -> Metrics:
    found: Metrics = {
        f"{name}, {activity}": contact(done.takes)
        for name, played in bench.played.items()
        for activity, done in played.by_activity().items()
        if activity != "gestures"
    }
    if calm := calm_takes(bench.captures):
        found[CALM] = contact(calm)
    return found


def _feet_text(found: Found) -> list[str]:
    return [
        "## Feet",
        "A point of a foot stands when it is within 1.5 cm of its height at rest.",
        grid(found, list(next(iter(found.values())))),
    ]


def _of_every_body(
    measure: Callable[[BodyMotion], Metrics],
) -> Callable[[PoseBench], Metrics]:
    """Per performer and activity, and of the captures as one long take."""

    def found(bench: PoseBench) -> Metrics:
        every: Metrics = {
            name: {activity: measure(done) for activity, done in played.by_activity().items()}
            for name, played in bench.played.items()
        }
        if bench.captures:
            takes = joined([capture.motion for capture in bench.captures], axis=1)
            every[CAPTURED] = {"all": measure(takes)}
        return every

    return found


def _in_conversation(
    measure: Callable[[BodyMotion, PoseBench], Metrics],
) -> Callable[[PoseBench], Metrics]:
    def found(bench: PoseBench) -> Metrics:
        return {name: measure(played.talk, bench) for name, played in bench.played.items()}

    return found


def _nested_text(title: str, text: str, *columns: str) -> Text:
    """A row for each performer and activity; numbers of a performer alone fill in the text."""

    def told(found: Found) -> list[str]:
        rows = {
            f"{name}, {activity}": row
            for name, each in found.items()
            for activity, row in each.items()
            if isinstance(row, Mapping) and row[columns[1]] is not None
        }
        return [title, text.format_map(next(iter(found.values()))), grid(rows, columns)]

    return told


def _steadiness(bench: PoseBench) -> Metrics:
    """Ten parts of the long idling: how far joints spread and where they are on average."""
    found: Metrics = {}
    for name, played in bench.played.items():
        parts = np.array_split(played.idle.joints[0], 10)
        means = np.stack([part.mean(axis=0) for part in parts])
        apart = np.linalg.norm(means - means.mean(axis=0), axis=-1).mean(axis=1) * 100
        found[name] = {
            "spread_cm": [
                float(np.linalg.norm(p.std(axis=0), axis=-1).mean() * 100) for p in parts
            ],
            "off_the_mean_cm": apart.tolist(),
        }
    return found


def _steadiness_text(found: Found) -> list[str]:
    rows = [(f"{name}: {key.replace('_', ' ')}", *row[key])
            for name, row in found.items() for key in row]  # fmt: skip
    return ["## Ten tenths of the long idling", table(["", *map(str, range(1, 11))], rows)]


SECTIONS: Final[Sequence[Section[PoseBench]]] = (
    Section("inputs", _inputs, _inputs_text),
    Section("jerk", _jerk, _jerk_text),
    Section("frechet", _frechet, _frechet_text),
    Section("dance", _dance, _dance_text),
    Section("speech", _speech, _speech_text),
    Section("gestures", _gestures, _gestures_text),
    Section("sameness", _sameness, _sameness_text),
    Section("feet", _feet, _feet_text),
    Section(
        "joint_limits",
        _of_every_body(integrity.joint_limits),
        _nested_text("## Joints beyond their range", "More than a degree.",
                     "frames_share", "bone_frames", "frames", "worst_deg", "worst_bone"),
    ),
    Section(
        "self_penetration",
        _of_every_body(integrity.self_penetration),
        _nested_text("## Limbs inside limbs", "Overlaps of more than 5 mm.",
                     "frames_share", "frames", "deepest_cm", "deepest_pair"),
    ),
    Section(
        "turns",
        _in_conversation(
            lambda done, bench: integrity.largest_turns(done.local, lively(bench.scenes.talk))
        ),
        _nested_text("## Largest turn of a bone in a frame", "In the scripted conversations.",
                     "largest_deg", "p999_deg", "bone"),
    ),
    Section(
        "transitions",
        _in_conversation(lambda done, bench: transitions(done, bench.scenes.talk)),
        _nested_text(
            "## Where something changes",
            "The half second after {changes} changes of activity and {cuts} cut gestures, compared "
            "with the same bodies elsewhere; jerk below 6 Hz.",
            "seconds", "jerk_m_s3", "jerk_p99", "largest_turn_deg", "turn_p99_deg",
        ),
    ),
    Section("steadiness", _steadiness, _steadiness_text),
    Section("cost", lambda bench: bench.cost, cost_text),
)  # fmt: skip
