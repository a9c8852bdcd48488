"""Runs side by side: the same measures on the same material, and what the adversaries change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.evaluation.report import WITHOUT_GAN, Found, Metrics, table
from training.face.evaluation import alive
from training.face.evaluation.bench import MAIN, FaceBench
from training.face.evaluation.captures import judge, mean_scores, mouth_score
from training.face.evaluation.sets import CapturedClip, Subject
from training.face.evaluation.voices import KNOWN, UNKNOWN

_LIPS: Final = {
    "jaw_r": "jawOpen r",
    "mean_r_lips_without_smile": "moving lip channels, mean r",
    "jerk_ratio": "jerk, made / captured",
}
_BLINKS: Final = {
    "intervals_ks": "intervals, distance to real",
    "lengths_ks": "lengths, distance to real",
    "rate_octaves": "rate, off by (octaves)",
}
_MOTION: Final = {
    "spread_octaves": "spread, off by (octaves)",
    "quick_share_gap": "2 to 8 Hz, off by",
}
_NO_CHANGE: Final = 0.02


def compare(bench: FaceBench) -> Metrics | None:
    """Every run on the same material: the clips that none of them trained on."""
    if not bench.rivals:
        return None
    subjects = [bench.main, *bench.rivals.values()]
    common = [clip for clip in bench.captures.clips if all(s.may_judge(clip) for s in subjects)]
    rows = {}
    for subject in subjects:
        own = subject is bench.main
        row = _mouth(subject, common)
        if bench.voices:
            for name in (KNOWN, UNKNOWN):
                scores = bench.voices[name]
                row[f"closure F1, {name}"] = (scores if own else scores["controls"][subject.name])[
                    "closure_f1"
                ]
        rows[subject.name] = row | _alive(bench.living if own else bench.live(subject), bench)
    return {"clips": [clip.name for clip in common], "rows": rows}


def _mouth(subject: Subject, clips: Sequence[CapturedClip]) -> Metrics:
    """The lips against captured clips, a mean over each data set."""
    row: Metrics = {}
    for dataset in dict.fromkeys(clip.dataset for clip in clips):
        mine = [(clip, subject) for clip in clips if clip.dataset == dataset]
        scores = mean_scores([mouth_score(one.made, one.clip) for one in judge(mine)])
        row |= _renamed(f"{dataset}:", scores, _LIPS)
    return row


def _alive(living: alive.Living, bench: FaceBench) -> Metrics:
    """The upper face against real people: Frechet distances, blinks, brows, head and eyes."""
    row: Metrics = {}
    references = {"": bench.reference, " (unseen takes)": bench.unseen_reference}
    for label, reference in references.items():
        if reference:
            distances = reference.distances(list(living.by_activity.values()))
            row |= {
                f"Frechet distance {name.replace('_', ' ')}{label}": value
                for name, value in distances.items()
            }
    blinks = alive.compare_blinks(alive.made_blinks(living), bench.real_blinks)
    row["blinks a minute, speaking"] = blinks["made"]["speak"]["per_minute"]
    row |= _renamed("blinks:", blinks.get("distance_to_real", {}).get("speak", {}), _BLINKS)
    moved = alive.compare_motion(living.by_activity["speak"], bench.real_motion)
    for source, groups in moved["distance_to_real"].items():
        for group, values in groups.items():
            row |= _renamed(f"{group} to {source}:", values, _MOTION)
    return row


def _renamed(start: str, values: Found, names: Mapping[str, str]) -> Metrics:
    return {f"{start} {name}": values[key] for key, name in names.items() if key in values}


def text(found: Found) -> list[str]:
    """Every run on the same material, and what the adversarial part changes."""
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
