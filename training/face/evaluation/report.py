"""The report of a face run: its summary, and the sections and pictures it is made of."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from training.evaluation.report import Found, table
from training.evaluation.suite import Suite
from training.face.evaluation import controls, pictures
from training.face.evaluation.bench import FaceBench
from training.face.evaluation.sections import SECTIONS
from training.face.evaluation.voices import KNOWN, NEVER_OPENS, SHIFTED, UNKNOWN

_CONTROLS: Final = (
    controls.LOUDNESS, controls.LOG_LOUDNESS, controls.MEAN_CURVE, controls.OTHER_CURVE,
    controls.OTHER_SOUND, controls.SHIFTED_MAX, controls.TABLE, SHIFTED, NEVER_OPENS,
)  # fmt: skip
_MOUTH: Final = {
    "jaw_r": "jawOpen r",
    "mean_r_rounding_as_one": "mean r of moving mouth channels, rounding as one",
}


def summary(metrics: Found) -> list[str]:
    """The numbers to read first, each with the control that comes nearest."""
    rows: list[Sequence[Any]] = []
    for dataset, found in metrics.get("captures", {}).items():
        splits = " and ".join(sorted({clip["split"] for clip in found["clips"].values()}))
        where = f"{dataset}, {len(found['clips'])} held out, {splits}"
        rows += [
            (label, found["mean"][key], *_nearest(found["controls_mean"], key), where)
            for key, label in _MOUTH.items()
        ]
        rows.append(("jawOpen, late by (frames)", found["mean"]["jaw_lag_frames"], "", "", where))
    if voices := metrics.get("voices"):
        where = f"{voices['utterances']} utterances, by speaker"
        for name in (KNOWN, UNKNOWN):
            nearest = _nearest(voices["controls"] | voices[name]["controls"], "closure_f1")
            score = voices[name]["closure_f1"]
            rows.append((f"closure F1 at p, b, m, {name}", score, *nearest, where))
    openings = metrics["silence"]["largest_opening"]
    rows.append(("largest opening in silence", max(openings.values()), "", "", "no sound"))
    if frechet := metrics.get("frechet"):
        score = frechet["made"]["all activities"]["to_calm"]
        floor = frechet["floor_real_to_real"]["to_calm"], "floor, real to real"
        label = "Frechet distance, upper face, to calm takes"
        rows.append((label, score, *floor, frechet["protocol"]))
    if cost := metrics.get("cost"):
        median = cost["batch_128"]["us_per_frame_median"]
        rows.append(("us per character-frame, batch 128", median, "", "", cost["machine"]))
    return ["## In short", table(["", "score", "nearest", "which", "measured on"], rows)]


def _nearest(scores: Mapping[str, Found], key: str) -> tuple[Any, str]:
    """The control with the highest value."""
    known = {name: scores[name][key] for name in _CONTROLS
             if name in scores and scores[name].get(key) is not None}  # fmt: skip
    if not known:
        return "", ""
    name = max(known, key=lambda each: float(known[each]))
    return known[name], name


SUITE: Final[Suite[FaceBench]] = Suite(
    "Evaluation of a face run", summary, SECTIONS, pictures.PICTURES
)
