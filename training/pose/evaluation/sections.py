"""The sections of a body's report: what each measures, and what it says of it in Markdown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES
from idol_protocol.frames import FPS
from training.evaluation.frame_cost import cost_text
from training.evaluation.report import Found, Metrics, grid, table
from training.evaluation.suite import Section
from training.pose.evaluation import integrity, real_motion, recognition, sameness, timing
from training.pose.evaluation.bench import Played, PoseBench
from training.pose.evaluation.captures import calm_takes
from training.pose.evaluation.contact import contact
from training.pose.evaluation.performance import BodyMotion, joined
from training.pose.evaluation.transitions import lively, transitions

Array = NDArray[Any]

CAPTURED: Final = "captured"
CALM: Final = "captured, calm stretches"
LOOPED: Final = "a loop of 30 s"
MOMENT: Final = "the same window 0.1 s later, cm"
_LOOP: Final = 30 * FPS
_SHIFTED: Final = (
    "score", "shifted_mean", "shifted_sd", "shifted_highest", "gain", "gain_se", "above_shifted_se",
)  # fmt: skip
Measure: TypeAlias = Callable[[PoseBench], Metrics]
Text: TypeAlias = Callable[[Found], list[str]]


def _of_each(measure: Callable[[Played, PoseBench], Metrics]) -> Measure:
    """A measure of every performer."""
    return lambda bench: {name: measure(played, bench) for name, played in bench.played.items()}


def _of_every_body(measure: Callable[[BodyMotion], Metrics]) -> Measure:
    """A measure of every performer and activity, and of the captures as one long take."""

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


def _rows(title: str, text: str, *columns: str) -> Text:
    """A row for each name; values of the first fill in the text, no columns are all of them."""

    def section(found: Found) -> list[str]:
        first = next(iter(found.values()))
        return [f"## {title}", text.format_map(first), grid(found, columns or list(first))]

    return section


def _nested(title: str, text: str, *columns: str) -> Text:
    """A row for each name and activity, without those in which nothing happened."""

    def section(found: Found) -> list[str]:
        rows = {
            f"{name}, {activity}": row
            for name, each in found.items()
            for activity, row in each.items()
            if isinstance(row, Mapping) and row[columns[1]] is not None
        }
        first = next(iter(found.values()))
        return [f"## {title}", text.format_map(first), grid(rows, columns)]

    return section


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


def _steadiness(played: Played, _: PoseBench) -> Metrics:
    """Ten parts of the long idling: how far joints spread and where they are on average."""
    parts = np.array_split(played.idle.joints[0], 10)
    means = np.stack([part.mean(axis=0) for part in parts])
    apart = np.linalg.norm(means - means.mean(axis=0), axis=-1).mean(axis=1) * 100
    spread = [float(np.linalg.norm(part.std(axis=0), axis=-1).mean() * 100) for part in parts]
    return {"spread_cm": spread, "off_the_mean_cm": apart.tolist()}


def _steadiness_text(found: Found) -> list[str]:
    rows = [(f"{name}: {key.replace('_', ' ')}", *row[key])
            for name, row in found.items() for key in row]  # fmt: skip
    return ["## Ten tenths of the long idling", table(["", *map(str, range(1, 11))], rows)]


def _dance(played: Played, bench: PoseBench) -> Metrics:
    return timing.dance_alignment(played.dance.takes, bench.scenes.dance.beat[..., 0].numpy())


def _speech(played: Played, bench: PoseBench) -> Metrics:
    audio = bench.scenes.speech.audio.numpy()
    return {
        "strokes": timing.stroke_alignment(played.speech.takes, audio),
        "hand_height": timing.voice_relation(played.speech.joints, audio),
    }


def _speech_text(found: Found) -> list[str]:
    strokes = _rows(
        "Hands and voice",
        "Accents of the voice against the wrists' strokes. Protocol `{protocol}`.",
        *_SHIFTED, "still", "lag_frames", "strokes_a_minute", "accents_a_minute",
    )  # fmt: skip
    columns = ["r", "lag_frames", "shifted_mean", "shifted_sd", "shifted_highest",
               "above_shifted_sd"]  # fmt: skip
    return [
        *strokes({name: row["strokes"] for name, row in found.items()}),
        "The hands' height against the voice's level:",
        grid({name: row["hand_height"] for name, row in found.items()}, columns),
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


SECTIONS: Final[Sequence[Section[PoseBench]]] = (
    Section("inputs", _inputs, _inputs_text),
    Section("jerk", real_motion.jerk, real_motion.jerk_text),
    Section("frechet", real_motion.frechet, real_motion.frechet_text),
    Section("dance", _of_each(_dance), _rows(
        "Dance on the beat",
        "Kinematic beats against the music's; the control has its music at another time. "
        "Protocol `{protocol}`.",
        *_SHIFTED, "random_tempo", "still", "music_beats_met", "kinematic_per_music_beat",
    )),
    Section("speech", _of_each(_speech), _speech_text),
    Section("gestures", _gestures, _gestures_text),
    Section("sameness", _sameness, _sameness_text),
    Section("feet", _feet, _rows(
        "Feet", "A point of a foot stands when it is within 1.5 cm of its height at rest."
    )),
    Section("joint_limits", _of_every_body(integrity.joint_limits), _nested(
        "Joints beyond their range", "More than a degree.",
        "frames_share", "bone_frames", "frames", "worst_deg", "worst_bone",
    )),
    Section("self_penetration", _of_every_body(integrity.self_penetration), _nested(
        "Limbs inside limbs", "Overlaps of more than 5 mm.",
        "frames_share", "frames", "deepest_cm", "deepest_pair",
    )),
    Section("turns", _of_each(lambda played, bench: integrity.largest_turns(
        played.talk.local, lively(bench.scenes.talk)
    )), _nested(
        "Largest turn of a bone in a frame", "In the scripted conversations.",
        "largest_deg", "p999_deg", "bone",
    )),
    Section("transitions", _of_each(lambda played, bench: transitions(
        played.talk, bench.scenes.talk
    )), _nested(
        "Where something changes",
        "The half second after {changes} changes of activity and {cuts} cut gestures, compared "
        "with the same bodies elsewhere; jerk below 6 Hz.",
        "seconds", "jerk_m_s3", "jerk_p99", "largest_turn_deg", "turn_p99_deg",
    )),
    Section("steadiness", _of_each(_steadiness), _steadiness_text),
    Section("cost", lambda bench: bench.cost, cost_text),
)  # fmt: skip
