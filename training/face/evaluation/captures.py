"""The mouth against real captures, every score with its controls."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ, FPS
from training.evaluation.measures import correlation, mean_known
from training.evaluation.report import WITHOUT_GAN
from training.face.data import sound_of
from training.face.evaluation import controls
from training.face.evaluation.measures import best_lag, derivative, rms
from training.face.evaluation.sets import MOUTH, CapturedClip, Captures, Subject, split_of
from training.face.evaluation.vertices import (
    ArkitHead,
    lip_vertex_error_mm,
    upper_dynamics_gap_mm,
)
from training.face.model import LIPS, MADE
from training.face.phonemes import INPUT_COLUMNS

Array = NDArray[Any]
Scores = dict[str, Any]

MOVES: Final = 0.01
"""A channel whose standard deviation in a clip is larger than this moves."""
JAW: Final = MADE.index("jawOpen")
ROUNDING: Final = (MADE.index("mouthFunnel"), MADE.index("mouthPucker"))
_BROWS = MADE.index("browInnerUp")
_SHIFTS_S = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)
_OTHERS = 6
"""So many other clips are played for the control; more would only cost time."""
_SHORT_SHIFTS_S = (0.5, 1.0, 1.5, 2.0)


@dataclass(slots=True)
class Judged:
    """A clip with what the run that may be scored on it made for it."""

    clip: CapturedClip
    subject: Subject
    made: Array
    extra: dict[str, Array] = field(default_factory=dict)
    """More motions to score with it."""


def judge(
    clips: Iterable[tuple[CapturedClip, Subject]], without_gan: Subject | None = None
) -> list[Judged]:
    """Plays every clip with the run that may be scored on it."""
    judged = []
    for clip, subject in clips:
        one = Judged(clip, subject, subject.play(clip))
        if without_gan and without_gan.may_judge(clip):
            one.extra[WITHOUT_GAN] = without_gan.play(clip)
        judged.append(one)
    return judged


def score_set(
    judged: Sequence[Judged], captures: Captures, head: ArkitHead | None
) -> dict[str, Any]:
    """One data set: every clip's score and controls, and their means over the clips.

    Controls may know the other clips of the set, those that the run trained on among them.
    """
    clips: dict[str, Any] = {}
    everyone = captures.of(judged[0].clip.dataset)
    loudness = {clip.name: _loudness(clip) for clip in everyone}
    for one in judged:
        others = [clip for clip in everyone if clip is not one.clip]
        clips[one.clip.name] = {
            "run": one.subject.name,
            "split": split_of(one.clip, one.subject, captures),
            "speaker": one.clip.recording.speaker,
            "seconds": len(one.made) / FPS,
            "score": mouth_score(one.made, one.clip, head),
            "controls": _controls(one, others, loudness, head),
        }
    names = dict.fromkeys(name for clip in clips.values() for name in clip["controls"])
    return {
        "clips": clips,
        "mean": mean_scores([clip["score"] for clip in clips.values()]),
        "controls_mean": {
            name: mean_scores(
                [c["controls"][name] for c in clips.values() if name in c["controls"]]
            )
            for name in names
        },
    }


def _loudness(clip: CapturedClip) -> dict[str, Array]:
    loudness = controls.level(sound_of(clip.recording), AUDIO_RATE_HZ, len(clip.real), FPS)
    return controls.loudness_curves(loudness)


def mouth_score(made: Array, clip: CapturedClip, head: ArkitHead | None = None) -> Scores:
    """How a motion fits a captured clip; cut to the shorter of the two.

    `mean_r` is over the mouth channels that move in the clip, a curve that does not move counting
    as 0; `mean_r_rounding_as_one` takes mouthFunnel + mouthPucker for one channel, because the
    captured actor's rounded vowels are keyed partly as the one and partly as the other.
    """
    least = min(len(made), len(clip.real))
    made, real = made[:least], clip.real[:least]
    moving = [i for i in MOUTH if clip.known[i] and real[:, i].std() > MOVES]
    each = {MADE[i]: correlation(made[:, i], real[:, i]) for i in moving}
    lags = {MADE[i]: best_lag(made[:, i], real[:, i]) for i in moving}
    rest = [each[MADE[i]] for i in moving if i not in ROUNDING]
    if any(i in ROUNDING for i in moving):
        rest.append(correlation(made[:, ROUNDING].sum(axis=1), real[:, ROUNDING].sum(axis=1)))
    score: Scores = {
        "jaw_r": correlation(made[:, JAW], real[:, JAW]),
        "jaw_lag_frames": best_lag(made[:, JAW], real[:, JAW]),
        "mean_r": _mean_r(list(each.values())),
        "mean_r_rounding_as_one": _mean_r(rest),
        "mean_r_lips_without_smile": _mean_r([each[MADE[i]] for i in moving if i < len(LIPS)]),
        "moving_channels": len(moving),
        "r": each,
        "lag_frames": lags,
    }
    # Curves that were interpolated to 30 fps have lost their jerk: only captures at 30 are asked.
    if abs(clip.source_fps - FPS) < 0.1:
        score |= _liveliness(made, real, moving)
    if head:
        score["lip_vertex_error_mm"] = lip_vertex_error_mm(head, made, real, clip.known)
        if clip.known[_BROWS]:
            score["upper_dynamics_gap_mm"] = upper_dynamics_gap_mm(head, made, real, clip.known)
    return score


def _liveliness(made: Array, real: Array, moving: Sequence[int]) -> Scores:
    """Made over captured: 1 is as lively, below 1 too smooth, above 1 too rough."""
    scores: Scores = {}
    for name, order in (("velocity", 1), ("jerk", 3)):
        ratios = {
            i: rms(derivative(made[:, i], order, FPS)) / rms(derivative(real[:, i], order, FPS))
            for i in moving
        }
        scores[f"jaw_{name}_ratio"] = ratios.get(JAW, float("nan"))
        scores[f"{name}_ratio"] = float(np.mean(list(ratios.values()))) if ratios else float("nan")
    return scores


def _controls(
    one: Judged,
    others: Sequence[CapturedClip],
    loudness: Mapping[str, Mapping[str, Array]],
    head: ArkitHead | None,
) -> dict[str, Scores]:
    clip = one.clip
    motions: dict[str, Array] = {}
    for name, curve in loudness[clip.name].items():
        elsewhere = [(loudness[other.name][name], other.real) for other in others]
        motions[name] = controls.follow(curve, elsewhere, clip.known)
    if others:
        motions[controls.MEAN_CURVE] = controls.mean_motion([other.real for other in others])
    if clip.stream.phonemes[:, INPUT_COLUMNS.index("known")].any():
        motions[controls.TABLE] = controls.table_motion(clip.stream.phonemes)
    motions |= one.extra
    scores = {name: mouth_score(motion, clip, head) for name, motion in motions.items()}
    scores[controls.STILL_FACE] = mouth_score(np.zeros_like(clip.real), clip, head)
    if others:
        scores[controls.OTHER_CURVE] = mean_scores([mouth_score(o.real, clip) for o in others])
        scores[controls.OTHER_SOUND] = mean_scores(
            [mouth_score(one.subject.play(other), clip) for other in others[:_OTHERS]]
        )
    return scores | _shifted(one.made, clip)


def _shifted(made: Array, clip: CapturedClip) -> dict[str, Scores]:
    length_s = len(made) / FPS
    shifts = [s for s in _SHIFTS_S if s < length_s - 2]
    shifts = shifts or [s for s in _SHORT_SHIFTS_S if s < length_s - 0.4]
    if not shifts:
        return {}
    every = [mouth_score(np.roll(made, round(s * FPS), axis=0), clip) for s in shifts]
    return {
        controls.SHIFTED_MEAN: mean_scores(every),
        controls.SHIFTED_MAX: {
            key: max(float(score[key]) for score in every)
            for key in ("jaw_r", "mean_r", "mean_r_rounding_as_one")
        },
    }


def mean_scores(scores: Sequence[Mapping[str, Any]]) -> Scores:
    """Means of the numbers in several scores, nan left out; tables inside are left out."""
    names = dict.fromkeys(
        key for score in scores for key, value in score.items() if isinstance(value, float | int)
    )
    return {
        name: mean_known([float(score[name]) for score in scores if name in score])
        for name in names
    }


def _mean_r(values: Sequence[float]) -> float:
    return float(np.mean(np.nan_to_num(values))) if len(values) else float("nan")
