"""The sections of the report: each from its part of metrics.json, as Markdown."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from idol_protocol.frames import FPS
from training.evaluation.markdown import cell, table
from training.face.evaluation import controls
from training.face.evaluation.alive import WINDOW
from training.face.evaluation.captures import WITHOUT_GAN
from training.face.evaluation.pictures import counted
from training.face.evaluation.voices import KNOWN, UNKNOWN

_ORDER = (
    WITHOUT_GAN, controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE,
    controls.OTHER_CURVE, controls.OTHER_SOUND, controls.SHIFTED_MEAN, controls.SHIFTED_MAX,
    controls.TABLE, controls.STILL_FACE,
)  # fmt: skip
_MOUTH_ROWS = {
    "jaw_r": "jawOpen r",
    "jaw_lag_frames": "jawOpen, late by (frames of 1/30 s)",
    "mean_r": "mean r, mouth channels that move",
    "mean_r_rounding_as_one": "the same, funnel + pucker as one",
    "mean_r_lips_without_smile": "the same, without smile, frown and dimple",
    "lip_vertex_error_mm": "lip vertex error (mm)",
    "upper_dynamics_gap_mm": "upper-face dynamics, real less made (mm)",
    "jaw_velocity_ratio": "jawOpen velocity, made / captured",
    "jaw_jerk_ratio": "jawOpen jerk, made / captured",
    "velocity_ratio": "velocity, mouth, made / captured",
    "jerk_ratio": "jerk, mouth, made / captured",
}


def inputs(found: Mapping[str, Any]) -> list[str]:
    parts = ["## What it was measured on"]
    if found["data_sets"]:
        rows = [(name, each["licence"]) for name, each in found["data_sets"].items()]
        parts.append(table(["data set", "licence"], rows))
    if found["trained_on_and_not_scored"]:
        parts.append(
            "Trained on, or not said to be held out, and therefore not scored: "
            + ", ".join(found["trained_on_and_not_scored"]) + "."
        )  # fmt: skip
    if found["missing"]:
        parts.append("Not measured:\n\n" + "\n".join(f"- {text}" for text in found["missing"]))
    return parts


def captured(name: str, found: Mapping[str, Any]) -> list[str]:
    beside = found["controls_mean"]
    columns = [key for key in _ORDER if key in beside]
    clips = found["clips"]
    splits = sorted({clip["split"] for clip in clips.values()})
    rows = [
        [label, found["mean"].get(key), *(beside[c].get(key) for c in columns)]
        for key, label in _MOUTH_ROWS.items()
        if key in found["mean"]
    ]
    each = [
        (
            clip_name,
            clip["run"],
            clip["split"],
            round(clip["seconds"]),
            clip["score"]["jaw_r"],
            clip["score"]["jaw_lag_frames"],
            clip["score"]["mean_r"],
            clip["score"]["mean_r_rounding_as_one"],
            clip["controls"][controls.LOUDNESS]["jaw_r"],
            clip["controls"][controls.LOG_LOUDNESS]["jaw_r"],
        )
        for clip_name, clip in clips.items()
    ]
    channels = sorted({channel for clip in clips.values() for channel in clip["score"]["r"]})
    per_channel = [
        (
            channel,
            _mean(clip["score"]["r"].get(channel) for clip in clips.values()),
            _mean(clip["score"]["lag_frames"].get(channel) for clip in clips.values()),
            sum(channel in clip["score"]["r"] for clip in clips.values()),
        )
        for channel in channels
    ]
    return [
        f"## Captured mouths: {name} ({' and '.join(splits)})",
        f"Mean of {counted(len(clips), 'clip')}, scored with runs that never saw them. Controls "
        "know the other clips of the set: loudness moves every channel by a line fitted there.",
        table(["measure", "score", *map(_counted_column(clips), columns)], rows),
        table(["clip", "run", "split", "s", "jawOpen r", "late by", "mean r", "rounding as one",
               "loudness, root", "loudness, log"], each),
        "Channels, over the clips in which each moves:",
        table(["channel", "r", "late by (frames)", "clips"], per_channel),
    ]  # fmt: skip


def _counted_column(clips: Mapping[str, Any]) -> Callable[[str], str]:
    """The name of a control, and of how many clips it is the mean where that is not all."""

    def name(control: str) -> str:
        count = sum(control in clip["controls"] for clip in clips.values())
        return control if count == len(clips) else f"{control} ({count} of {len(clips)} clips)"

    return name


def voices(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    keys = ("closure_f1", "closure_recall", "closure_precision", "jaw_r_to_teacher",
            "mean_r_to_teacher")  # fmt: skip
    rows = []
    for name in (KNOWN, UNKNOWN):
        rows.append([f"the generator, {name}", *(found[name][key] for key in keys)])
        rows += [
            [f"{control}, {name}", *(scores[key] for key in keys)]
            for control, scores in found[name]["controls"].items()
        ]
    rows += [[n, *(scores[key] for key in keys)] for n, scores in found["controls"].items()]
    return [
        "## Synthesised speech (by speaker)",
        f"{found['utterances']} utterances of {', '.join(found['voices'])}, voices that training "
        "never hears; phoneme times are exact. r is to the teacher's curves: it tells whether the "
        "teacher was learnt, not whether the teacher is right.",
        table(["", "closure F1 at p, b, m", "recall", "precision", "jawOpen r", "mean r"], rows),
        f"Lips between two seeds, largest difference: "
        f"{cell(found[KNOWN]['lips_apart_between_seeds'])}.",
    ]


def silence(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    rows = list(found["largest_opening"].items())
    rows.append(("speak, noise of a quiet room (-60 dB)", found["largest_opening_in_room_noise"]))
    return [
        "## Silence",
        f"Largest opening of the mouth in {found['seconds']:.0f} s without sound; it is shut below "
        f"{found['shut_is_below']}, open vowels reach 0.3.",
        table(["activity", "largest opening"], rows),
    ]


def blinks(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    distances = found.get("distance_to_real", {})
    rows = [
        _blink_row(f"generated, {name}", each, distances.get(name, {}))
        for name, each in found["made"].items()
    ]
    floor = found.get("floor_one_person_to_the_others", {})
    rows += [_blink_row(f"real, {name}", each, {}) for name, each in found["real"].items()]
    if floor:
        rows.append(["one real person to the others, mean", *[""] * 7, floor["intervals_ks"],
                     floor["lengths_ks"]])  # fmt: skip
    return [
        "## Blinks",
        "Left lid over half shut for at most half a second. Distances are Kolmogorov and Smirnov's "
        "to all real people. Generated: silence, and for `speak` a held-out voice where there is "
        "one.",
        table(["", "minutes", "a minute", "length, median (ms)", "90 % (ms)", "interval, 10 % (s)",
               "median", "90 %", "intervals, distance", "lengths, distance"], rows),
    ]  # fmt: skip


def _blink_row(name: str, each: Mapping[str, Any], distance: Mapping[str, Any]) -> list[Any]:
    keys = ("minutes", "per_minute", "length_ms_median", "length_ms_p90", "interval_s_p10",
            "interval_s_median", "interval_s_p90")  # fmt: skip
    gaps = [distance.get("intervals_ks", ""), distance.get("lengths_ks", "")]
    return [name, *(each[key] for key in keys), *gaps]


def motion(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    sources = list(found["real"])
    rows = [
        [
            name,
            each["spread"],
            *(found["real"][source].get(name, {}).get("spread") for source in sources),
            each["quick_share"],
            *(found["real"][source].get(name, {}).get("quick_share") for source in sources),
        ]
        for name, each in found["made"].items()
    ]
    gaps = [
        (source, group, values["spread_octaves"], values["quick_share_gap"])
        for source, groups in found["distance_to_real"].items()
        for group, values in groups.items()
    ]
    header = ["channel", "spread", *(f"spread, {s}" for s in sources), "2 to 8 Hz",
              *(f"2 to 8 Hz, {s}" for s in sources)]  # fmt: skip
    return [
        "## Brows, head and eyes",
        f"The generator while speaking, beside real motion. Spread: standard deviation inside "
        f"windows of {WINDOW / FPS:.1f} s (weights, degrees). 2 to 8 Hz: share of the power above "
        "0 Hz. Talking people of the captures, and takes without sound that are mostly grimaces.",
        table(header, rows),
        *([table(["real", "part", "spread off by (octaves)", "2 to 8 Hz off by"], gaps)]
          if gaps else []),
    ]  # fmt: skip


def frechet(found: Mapping[str, Any] | None, takes: str = "all takes") -> list[str]:
    if not found:
        return []
    rows = [(f"generated, {name}", v["to_all"], v["to_calm"]) for name, v in found["made"].items()]
    floor = found["floor_real_to_real"]
    rows.append(("floor: half of the real takes to the other", floor["to_all"], floor["to_calm"]))
    others = found["floor_one_person_to_the_others"]["to_all"]
    rows.append(("one real person to the others, mean", others, None))
    rows += [(n, v["to_all"], v["to_calm"]) for n, v in found["controls"].items()]
    shown = found["shown_to_critics"]
    return [
        f"## Frechet distance of the upper face to {takes}",
        f"Protocol `{found['protocol']}`: brows, lids, squints and nose, "
        f"{len(found['channels'])} channels, features fitted on {found['real_windows']} windows of "
        "real takes and scaled so that 1 is how far these are spread. Only distances of one "
        "protocol compare. Calm: the half of the real windows with the least brows, squints and "
        "nose. Takes that this run's critics were shown: "
        + (", ".join(shown) or "none, or the run does not say") + ".",
        table(["", "to all real windows", "to the calm ones"], rows),
    ]  # fmt: skip


def steady(metrics: Mapping[str, Any]) -> list[str]:
    parts = []
    if apart := metrics.get("diversity"):
        parts += ["## Seeds", "Mean absolute difference between "
                  f"{apart['seeds']} seeds over the same 20 s.",
                  table(["lips, largest", "other weights", "brows", "head (deg)", "eyes (deg)"],
                        [[apart[key] for key in ("lips_largest_difference", "upper_weights",
                                                 "brows", "head_deg", "eyes_deg")]])]  # fmt: skip
    if drift := metrics.get("drift"):
        rows = [
            (name, each["lips_largest_difference"], each["upper_z"], each["upper_z_channel"])
            for name in ("idle", "speak")
            if (each := drift.get(name))
        ]
        parts += [
            f"## Drift over {drift['minutes']} minutes",
            "Lips: largest difference between minutes with the same sound. The rest: largest "
            "change of a channel's mean from the first half to the second, in standard errors (the "
            "largest of 29 channels is 2 to 5 by chance).",
            table(["scene", "lips", "standard errors", "channel"], rows),
        ]
    return parts


def cost(found: Mapping[str, Any] | None) -> list[str]:
    if not found:
        return []
    rows = [
        (batch, found[f"batch_{batch}"]["us_per_frame_median"],
         found[f"batch_{batch}"]["us_per_frame_p95"])
        for batch in (1, 128)
    ]  # fmt: skip
    return [
        "## Frame cost",
        f"ONNX Runtime {found['onnxruntime']}, {found['machine']}, busy with "
        f"{cell(found['busy_cores_before'])} other jobs.",
        table(["batch", "us per character-frame, median", "95 %"], rows),
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
