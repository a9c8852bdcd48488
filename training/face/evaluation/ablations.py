"""One row of the table that puts runs side by side: the same measures on the same material."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.face.evaluation import alive
from training.face.evaluation.captures import judge, mean_scores, mouth_score
from training.face.evaluation.realism import Reference
from training.face.evaluation.sets import Captures, Clip, Subject

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


def mouth_row(subject: Subject, clips: Sequence[Clip]) -> dict[str, Any]:
    """The lips against captured clips, a mean over each data set."""
    row: dict[str, Any] = {}
    for dataset in dict.fromkeys(clip.dataset for clip in clips):
        mine = [(clip, subject) for clip in clips if clip.dataset == dataset]
        scores = mean_scores([mouth_score(one.made, one.clip) for one in judge(mine)])
        row |= _renamed(f"{dataset}:", scores, _LIPS)
    return row


def alive_row(
    living: alive.Living, captures: Captures, references: Mapping[str, Reference | None]
) -> dict[str, Any]:
    """The upper face against real people: Frechet distances, blinks, brows, head and eyes."""
    row: dict[str, Any] = {}
    for label, reference in references.items():
        if reference:
            distances = reference.distances(list(living.by_activity.values()))
            row |= {
                f"Frechet distance {name.replace('_', ' ')}{label}": value
                for name, value in distances.items()
            }
    blinks = alive.compare_blinks(alive.made_blinks(living), alive.real_blinks(captures))
    row["blinks a minute, speaking"] = blinks["made"]["speak"]["per_minute"]
    row |= _renamed("blinks:", blinks.get("distance_to_real", {}).get("speak", {}), _BLINKS)
    moved = alive.compare_motion(living.by_activity["speak"], alive.real_motion(captures))
    for source, groups in moved["distance_to_real"].items():
        for group, values in groups.items():
            row |= _renamed(f"{group} to {source}:", values, _MOTION)
    return row


def _renamed(start: str, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {f"{start} {name}": values[key] for key, name in names.items() if key in values}
