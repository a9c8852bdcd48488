"""The sections of a face's report: what each measures, and what it says of it in Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from idol_protocol.frames import FPS
from training.evaluation.frame_cost import cost_text
from training.evaluation.report import WITHOUT_GAN, Found, Metrics, cell, counted, grid, table
from training.evaluation.suite import Section
from training.face.evaluation import ablations, alive, controls
from training.face.evaluation.bench import FaceBench
from training.face.evaluation.captures import score_set
from training.face.evaluation.realism import UpperFaceReference
from training.face.evaluation.voices import KNOWN, UNKNOWN

_ORDER: Final = (
    WITHOUT_GAN, controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE,
    controls.OTHER_CURVE, controls.OTHER_SOUND, controls.SHIFTED_MEAN, controls.SHIFTED_MAX,
    controls.TABLE, controls.STILL_FACE,
)  # fmt: skip
_MOUTH_ROWS: Final = {
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


def _inputs(bench: FaceBench) -> Metrics:
    """What was at hand, and what was not and is therefore not measured."""
    request, captures = bench.request, bench.captures
    scored = {clip.name for name in captures.paired for clip, _ in bench.pairs(name)}
    missing = {
        "no --data: nothing is compared with real captures": not request.data,
        "no captured clip that the run never trained on": bool(request.data) and not scored,
        "no takes of the upper face without sound: no real blinks, no Frechet distance":
            bool(request.data) and bench.reference is None,
        "no --speech: no closures, no held-out voices": not request.speech,
        "no --fold: no leave-one-clip-out": not request.folds,
        "no --without-gan: what the adversarial part adds is not measured": not bench.without_gan,
        "no --bundle: no frame cost": not request.bundle,
        "no --head: no errors in millimetres": not request.head,
    }  # fmt: skip
    return {
        "data_sets": {card.name: {"licence": card.licence} for card in captures.cards},
        "trained_on_and_not_scored": sorted(
            clip.name for clip in captures.clips if clip.name not in scored
        ),
        "missing": [text for text, absent in missing.items() if absent],
    }


def _inputs_text(found: Found) -> list[str]:
    parts = ["## What it was measured on"]
    if found["data_sets"]:
        parts.append(grid(found["data_sets"], ["licence"], corner="data set"))
    if found["trained_on_and_not_scored"]:
        parts.append(
            "Trained on, or not said to be held out, and therefore not scored: "
            + ", ".join(found["trained_on_and_not_scored"]) + "."
        )  # fmt: skip
    if found["missing"]:
        parts.append("Not measured:\n\n" + "\n".join(f"- {text}" for text in found["missing"]))
    return parts


def _captures(bench: FaceBench) -> Metrics | None:
    found = {
        name: score_set(judged, bench.captures, bench.request.head)
        for name, judged in bench.judged.items()
    }
    return found or None


def _captures_text(found: Found) -> list[str]:
    return [part for name, each in found.items() for part in _dataset_text(name, each)]


def _dataset_text(name: str, found: Found) -> list[str]:
    clips, rivals = found["clips"], found["controls_mean"]
    columns = [key for key in _ORDER if key in rivals]
    scores = [clip["score"] for clip in clips.values()]
    splits = sorted({clip["split"] for clip in clips.values()})
    rows = [
        [label, found["mean"][key], *(rivals[column].get(key) for column in columns)]
        for key, label in _MOUTH_ROWS.items()
        if key in found["mean"]
    ]
    each = [
        (clip_name, clip["run"], clip["split"], round(clip["seconds"]),
         *(clip["score"][key] for key in
           ("jaw_r", "jaw_lag_frames", "mean_r", "mean_r_rounding_as_one")),
         *(clip["controls"][key]["jaw_r"] for key in (controls.LOUDNESS, controls.LOG_LOUDNESS)))
        for clip_name, clip in clips.items()
    ]  # fmt: skip
    channels = [
        (channel, _mean(score["r"].get(channel) for score in scores),
         _mean(score["lag_frames"].get(channel) for score in scores),
         sum(channel in score["r"] for score in scores))
        for channel in sorted({channel for score in scores for channel in score["r"]})
    ]  # fmt: skip
    return [
        f"## Captured mouths: {name} ({' and '.join(splits)})",
        f"Mean of {counted(len(clips), 'clip')}, scored with runs that never saw them. Controls "
        "know the other clips of the set: loudness moves every channel by a line fitted there.",
        table(["measure", "score", *(_column(clips, column) for column in columns)], rows),
        table(["clip", "run", "split", "s", "jawOpen r", "late by", "mean r", "rounding as one",
               "loudness, root", "loudness, log"], each),
        "Channels, over the clips in which each moves:",
        table(["channel", "r", "late by (frames)", "clips"], channels),
    ]  # fmt: skip


def _column(clips: Found, control: str) -> str:
    """The name of a control, and of how many clips it is the mean where that is not all."""
    count = sum(control in clip["controls"] for clip in clips.values())
    return control if count == len(clips) else f"{control} ({count} of {len(clips)} clips)"


def _voices_text(found: Found) -> list[str]:
    columns = {"closure_f1": "closure F1 at p, b, m", "closure_recall": "recall",
               "closure_precision": "precision", "jaw_r_to_teacher": "jawOpen r",
               "mean_r_to_teacher": "mean r"}  # fmt: skip
    rows: dict[str, Any] = {}
    for name in (KNOWN, UNKNOWN):
        rows[f"the generator, {name}"] = found[name]
        rows |= {f"{control}, {name}": each for control, each in found[name]["controls"].items()}
    return [
        "## Synthesised speech (by speaker)",
        f"{found['utterances']} utterances of {', '.join(found['voices'])}, voices that training "
        "never hears; phoneme times are exact. r is to the teacher's curves: it tells whether the "
        "teacher was learnt, not whether the teacher is right.",
        grid(rows | found["controls"], columns),
        f"Lips between two seeds, largest difference: "
        f"{cell(found[KNOWN]['lips_apart_between_seeds'])}.",
    ]


def _silence_text(found: Found) -> list[str]:
    rows = list(found["largest_opening"].items())
    rows.append(("speak, noise of a quiet room (-60 dB)", found["largest_opening_in_room_noise"]))
    return [
        "## Silence",
        f"Largest opening of the mouth in {found['seconds']:.0f} s without sound; it is shut below "
        f"{found['shut_is_below']}, open vowels reach 0.3.",
        table(["activity", "largest opening"], rows),
    ]


def _blinks_text(found: Found) -> list[str]:
    columns = {"minutes": "minutes", "per_minute": "a minute",
               "length_ms_median": "length, median (ms)", "length_ms_p90": "90 % (ms)",
               "interval_s_p10": "interval, 10 % (s)", "interval_s_median": "median",
               "interval_s_p90": "90 %", "intervals_ks": "intervals, distance",
               "lengths_ks": "lengths, distance"}  # fmt: skip
    distances = found.get("distance_to_real", {})
    rows = {
        f"generated, {name}": each | distances.get(name, {}) for name, each in found["made"].items()
    }
    rows |= {f"real, {name}": each for name, each in found["real"].items()}
    if floor := found.get("floor_one_person_to_the_others"):
        rows["one real person to the others, mean"] = floor
    return [
        "## Blinks",
        "Left lid over half shut for at most half a second. Distances are Kolmogorov and Smirnov's "
        "to all real people. Generated: silence, and for `speak` a held-out voice where there is "
        "one.",
        grid(rows, columns, missing=""),
    ]


def _motion_text(found: Found) -> list[str]:
    sources = {"": found["made"]} | {f", {name}": each for name, each in found["real"].items()}
    keys = {"spread": "spread", "quick_share": "2 to 8 Hz"}
    rows = [
        [name, *(each.get(name, {}).get(key) for key in keys for each in sources.values())]
        for name in found["made"]
    ]
    gaps = [
        (source, group, values["spread_octaves"], values["quick_share_gap"])
        for source, groups in found["distance_to_real"].items()
        for group, values in groups.items()
    ]
    return [
        "## Brows, head and eyes",
        f"The generator while speaking, compared with real motion. Spread: standard deviation "
        f"inside windows of {alive.WINDOW / FPS:.1f} s (weights, degrees). 2 to 8 Hz: share of the "
        "power above 0 Hz. Talking people of the captures, and takes without sound that are mostly "
        "grimaces.",
        table(["channel", *(f"{label}{s}" for label in keys.values() for s in sources)], rows),
        *([table(["real", "part", "spread off by (octaves)", "2 to 8 Hz off by"], gaps)]
          if gaps else []),
    ]  # fmt: skip


def _distances(
    bench: FaceBench, reference: UpperFaceReference | None, shown: Sequence[str]
) -> Metrics | None:
    if reference is None:
        return None
    motions = {name: [motion] for name, motion in bench.living.by_activity.items()}
    everything = {"all activities": list(bench.living.by_activity.values())}
    return reference.report(motions | everything) | {"shown_to_critics": list(shown)}


def _frechet(bench: FaceBench) -> Metrics | None:
    shown = [take.name for take in bench.captures.takes if not bench.main.may_judge(take)]
    return _distances(bench, bench.reference, shown)


def _frechet_text(found: Found, takes: str = "all takes") -> list[str]:
    rows = {f"generated, {name}": each for name, each in found["made"].items()}
    rows["floor: half of the real takes to the other"] = found["floor_real_to_real"]
    rows["one real person to the others, mean"] = found["floor_one_person_to_the_others"]
    columns = {"to_all": "to all real windows", "to_calm": "to the calm ones"}
    shown = found["shown_to_critics"]
    return [
        f"## Frechet distance of the upper face to {takes}",
        f"Protocol `{found['protocol']}`: brows, lids, squints and nose, "
        f"{len(found['channels'])} channels, features fitted on {found['real_windows']} windows of "
        "real takes and scaled so that 1 is how far these are spread. Only distances of one "
        "protocol compare. Calm: the half of the real windows with the least brows, squints and "
        "nose. Takes that this run's critics were shown: "
        + (", ".join(shown) or "none, or the run does not say") + ".",
        grid(rows | found["controls"], columns),
    ]  # fmt: skip


def _seeds_text(found: Found) -> list[str]:
    columns = {"lips_largest_difference": "lips, largest", "upper_weights": "other weights",
               "brows": "brows", "head_deg": "head (deg)", "eyes_deg": "eyes (deg)"}  # fmt: skip
    return [
        "## Seeds",
        f"Mean absolute difference between {found['seeds']} seeds over the same 20 s.",
        table(list(columns.values()), [[found[key] for key in columns]]),
    ]


def _drift(bench: FaceBench) -> Metrics:
    return alive.drift(bench.main, bench.voice, minutes=bench.request.drift_minutes)


def _drift_text(found: Found) -> list[str]:
    columns = {"lips_largest_difference": "lips", "upper_z": "standard errors",
               "upper_z_channel": "channel"}  # fmt: skip
    return [
        f"## Drift over {found['minutes']} minutes",
        "Lips: largest difference between minutes with the same sound. The rest: largest change of "
        "a channel's mean from the first half to the second, in standard errors (the largest of 29 "
        "channels is 2 to 5 by chance).",
        grid({name: found[name] for name in ("idle", "speak") if name in found}, columns,
             corner="scene"),
    ]  # fmt: skip


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


SECTIONS: Final[Sequence[Section[FaceBench]]] = (
    Section("inputs", _inputs, _inputs_text),
    Section("captures", _captures, _captures_text),
    Section("voices", lambda bench: bench.voices, _voices_text),
    Section("silence", lambda bench: alive.in_silence(bench.living), _silence_text),
    Section(
        "blinks",
        lambda bench: alive.compare_blinks(bench.made_blinks, bench.real_blinks),
        _blinks_text,
    ),
    Section(
        "brows_head_eyes",
        lambda bench: alive.compare_motion(bench.living.by_activity["speak"], bench.real_motion),
        _motion_text,
    ),
    Section("frechet", _frechet, _frechet_text),
    Section(
        "frechet_unseen_takes",
        lambda bench: _distances(bench, bench.unseen_reference, []),
        lambda found: _frechet_text(found, "takes that no critic was shown"),
    ),
    Section("diversity", lambda bench: alive.diversity(bench.living), _seeds_text),
    Section("drift", _drift, _drift_text),
    Section("cost", lambda bench: bench.cost, cost_text),
    Section("ablations", ablations.compare, ablations.text),
)
