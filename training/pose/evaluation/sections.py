"""What each section of the evaluation measures, of every performer and of the controls."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.pose.evaluation import integrity, recognition, sameness, timing
from training.pose.evaluation.bench import Bench
from training.pose.evaluation.captures import by_subject, calm_takes
from training.pose.evaluation.contact import contact
from training.pose.evaluation.performance import Performance
from training.pose.evaluation.realism import Reference
from training.pose.evaluation.smoothness import Windows, matched_ratio, ratio_to_law
from training.pose.evaluation.transitions import lively, transitions

Array = NDArray[Any]
Metrics = dict[str, Any]

CAPTURED: Final = "captured"
CALM: Final = "captured, calm stretches"
LOOPED: Final = "a loop of 30 s"
_LOOP: Final = 30 * FPS


def jerk(bench: Bench) -> Metrics:
    """Raw, below 6 Hz, and each matched in speed with captures."""
    takes = [capture.joints for capture in bench.captures]
    real = {key: Windows.of(takes, filtered=key == "filtered") for key in ("raw", "filtered")}
    found: Metrics = {"made": {}, "captured": _jerk_means(real) if takes else None}
    for name, played in bench.played.items():
        found["made"][name] = {}
        for activity, done in played.by_activity().items():
            made = {key: Windows.of(done.takes, filtered=key == "filtered") for key in real}
            row: Metrics = _jerk_means(made)
            if takes:
                row |= {f"matched_{key}": matched_ratio(made[key], real[key]) for key in real}
                row["ratio_to_law"] = ratio_to_law(made["filtered"], real["filtered"])
            found["made"][name][activity] = row
    if takes:
        found["one_subject_to_the_others"] = _between_subjects(bench)
        found["captured_curve"] = real["filtered"].curve()
    return found


def _jerk_means(windows: dict[str, Windows]) -> Metrics:
    return {
        "speed_m_s": float(windows["filtered"].speed_m_s.mean()),
        **{f"{key}_m_s3": float(each.jerk_m_s3.mean()) for key, each in windows.items()},
    }


def _between_subjects(bench: Bench) -> Metrics:
    """How much real people differ: each matched with the others."""
    people = by_subject(bench.captures)
    found = {}
    for name, takes in people.items():
        rest = [take for other, ts in people.items() if other != name for take in ts]
        mine, others = (Windows.of(each, filtered=True) for each in (takes, rest))
        found[name] = matched_ratio(mine, others)["ratio"]
    return found


def frechet(bench: Bench) -> Metrics | None:
    if not bench.captures:
        return None
    made = {
        name: [take for done in played.by_activity().values() for take in done.takes]
        for name, played in bench.played.items()
    }
    first = next(iter(bench.played))
    made |= {
        f"{first}, {activity}": done.takes
        for activity, done in bench.played[first].by_activity().items()
    }
    return Reference.of(by_subject(bench.captures)).report(made)


def dance(bench: Bench) -> Metrics:
    position = bench.scenes.dance.beat[..., 0].numpy()
    return {
        name: timing.dance_alignment(played.dance.takes, position)
        for name, played in bench.played.items()
    }


def speech(bench: Bench) -> Metrics:
    audio = bench.scenes.speech.audio.numpy()
    return {
        name: {
            "strokes": timing.stroke_alignment(played.speech.takes, audio),
            "hand_height": timing.voice_relation(played.speech.joints, audio),
        }
        for name, played in bench.played.items()
    }


def gestures(bench: Bench) -> Metrics:
    asked = bench.scenes.gestures
    found: Metrics = {
        name: recognition.recognition(bench.templates, played.gestures, asked)
        for name, played in bench.played.items()
    }
    first = next(iter(bench.played.values()))
    order = np.random.default_rng(0).permutation(len(asked.gesture))
    found["controls"] = {
        "asked for nothing": recognition.recognition(bench.templates, first.unasked, asked)[
            "accuracy"
        ],
        "judged by what another was asked": recognition.recognition(
            bench.templates, first.gestures, recognition.shuffled(asked, order)
        )["accuracy"],
        "chance": recognition.CHANCE,
    }
    return found


def repeats(bench: Bench) -> Metrics:
    found: Metrics = {}
    for name, played in bench.played.items():
        found[name] = {
            "to_itself": sameness.closest_to_itself(played.idle.takes[:1]),
            "two_seeds_long": sameness.closest(played.idle.takes),
            "seeds": sameness.closest(played.idle_seeds.takes),
            "diversity_idle_cm": sameness.diversity_cm(played.idle_seeds.joints),
            "diversity_speech_cm": sameness.diversity_cm(played.speech.joints),
        }
    first = next(iter(bench.played.values())).idle.joints[0]
    looped = np.resize(first[:_LOOP], first.shape)
    found["controls"] = {LOOPED: {"to_itself": sameness.closest_to_itself([looped])}}
    # How near a body is to itself a moment later: what "the same" looks like.
    later = first[sameness.STEP :], first[: -sameness.STEP]
    moment = np.linalg.norm(later[0] - later[1], axis=-1).mean() * 100
    found["controls"]["the same window 0.1 s later, cm"] = float(moment)
    return found


def feet(bench: Bench) -> Metrics:
    found: Metrics = {
        f"{name}, {activity}": contact(done.takes)
        for name, played in bench.played.items()
        for activity, done in played.by_activity().items()
        if activity != "gestures"
    }
    if calm := calm_takes(bench.captures):
        found[CALM] = contact(calm)
    return found


def limits(bench: Bench) -> Metrics:
    return _of_every_body(bench, integrity.joint_limits)


def penetration(bench: Bench) -> Metrics:
    return _of_every_body(bench, integrity.self_penetration)


def _of_every_body(bench: Bench, measure: Any) -> Metrics:
    """Per performer and activity, and of the captures as one long take."""
    found: Metrics = {
        name: {activity: measure(done) for activity, done in played.by_activity().items()}
        for name, played in bench.played.items()
    }
    if bench.captures:
        found[CAPTURED] = {"all": measure(_as_one(bench))}
    return found


def _as_one(bench: Bench) -> Performance:
    parts = [capture.performance for capture in bench.captures]
    names = ("local", "hips_m", "joints", "world")
    return Performance(
        *(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in names)
    )


def turns(bench: Bench) -> Metrics:
    given = bench.scenes.talk
    return {
        name: integrity.largest_turns(played.talk.local, lively(given))
        for name, played in bench.played.items()
    }


def changes(bench: Bench) -> Metrics:
    given = bench.scenes.talk
    return {name: transitions(played.talk, given) for name, played in bench.played.items()}


def steadiness(bench: Bench) -> Metrics:
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


def _spread_cm(part: Array) -> float:
    """Mean over joints of their standard deviation; part [T, 22, 3]."""
    return float(np.linalg.norm(part.std(axis=0), axis=-1).mean() * 100)
