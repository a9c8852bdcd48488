"""Synthesised speech of voices that training never hears: closures, and what the teacher does.

The phoneme times are exact, so closure at p, b and m is judged by them. The curves are the
teacher's: r here tells whether the teacher was learnt, not whether the teacher is right.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import FACE_ACTIVITIES
from idol_protocol.frames import FPS
from training.evaluation.measures import correlation
from training.face.data import Stream, taught_stream
from training.face.evaluation import controls
from training.face.evaluation.measures import EventScore, closure_score
from training.face.evaluation.sets import MOUTH, Subject
from training.face.model import LIPS, MADE, STYLE_SIZE
from training.face.speech import SyntheticUtterance

Array = NDArray[Any]

SHUT: Final = 0.05
"""A mouth opened less than this is shut; open vowels reach 0.3."""
KNOWN: Final = "phonemes known"
UNKNOWN: Final = "sound only"
SHIFTED: Final = "own curve, half a second late"
NEVER_OPENS: Final = "a mouth that never opens"
LOUD: Final = controls.LOG_LOUDNESS
_JAW = MADE.index("jawOpen")
_SPEAK = FACE_ACTIVITIES.index("speak")
_LOUD_VOWEL = 0.5
"""jawOpen of the loudness control at loud vowels."""


def opening(motion: Array) -> Array:
    """[frames, 51] -> [frames]: how far the lips are apart, in units of jawOpen."""

    def at(name: str) -> Array:
        return motion[:, MADE.index(name)]

    apart = sum(
        at(f"{name}{side}") for name in ("mouthLowerDown", "mouthUpperUp")
        for side in ("Left", "Right")
    )  # fmt: skip
    return np.maximum(at("jawOpen") - at("mouthClose"), 0) + 0.175 * np.asarray(apart)


def closure(motion: Array, stream: Stream) -> EventScore:
    """Closures of p, b, m inside speech, against exact phoneme times (see `closure_score`)."""
    speaking = stream.activity[:, _SPEAK] > 0
    return closure_score(
        (opening(motion) < SHUT) & speaking,
        (stream.closed > 0) & speaking,
        (opening(stream.target) < SHUT) & speaking,
    )


def score_voices(
    subject: Subject, utterances: Sequence[SyntheticUtterance], *, more: Mapping[str, Subject]
) -> dict[str, Any]:
    """With phonemes and without, and the controls; `more` are runs to compare."""
    found: dict[str, Any] = {
        "utterances": len(utterances),
        "voices": sorted({utterance.voice for utterance in utterances}),
    }
    streams = {KNOWN: stage(utterances, 1.0), UNKNOWN: stage(utterances, 0.0)}
    for name, stream in streams.items():
        made = subject.player.play(stream)
        found[name] = {
            **_score(made, stream),
            "lips_apart_between_seeds": float(
                np.abs(made - subject.player.play(stream, seed=7))[:, : len(LIPS)].max()
            ),
            "controls": {
                SHIFTED: _score(np.roll(made, FPS // 2, axis=0), stream),
                **{key: _score(other.player.play(stream), stream) for key, other in more.items()},
            },
        }
    with_phonemes = streams[KNOWN]
    loud = np.zeros_like(with_phonemes.target)
    loud[:, _JAW] = _LOUD_VOWEL * controls.loudness_curves(_level(with_phonemes))[LOUD]
    alone = {
        controls.TABLE: controls.table_motion(with_phonemes.phonemes),
        LOUD: loud,
        NEVER_OPENS: np.zeros_like(with_phonemes.target),
    }
    found["controls"] = {name: _score(motion, with_phonemes) for name, motion in alone.items()}
    return found


def stage(utterances: Sequence[SyntheticUtterance], known: float) -> Stream:
    """The same scene every time: average style, clean sound, phonemes known or not."""
    return taught_stream(
        utterances,
        np.random.default_rng(1),
        style=np.zeros(STYLE_SIZE, np.float32),
        known=known,
        clean=True,
    )


def _score(motion: Array, stream: Stream) -> dict[str, float]:
    shut = closure(motion, stream)
    moving = [i for i in MOUTH if i < len(LIPS) and stream.target[:, i].std() > 0.01]
    each = [correlation(motion[:, i], stream.target[:, i]) for i in moving]
    return {
        "closure_f1": shut.f1,
        "closure_recall": shut.recall,
        "closure_precision": shut.precision,
        "jaw_r_to_teacher": correlation(motion[:, _JAW], stream.target[:, _JAW]),
        "mean_r_to_teacher": float(np.mean(np.nan_to_num(each))),
    }


def _level(stream: Stream) -> Array:
    """A level [frames] from the stream's features: its log-mel energies, summed."""
    bands = np.exp(stream.audio.astype(np.float64) * LOG_MEL.scale - LOG_MEL.offset)
    level: Array = np.sqrt(np.maximum(bands.mean(axis=1), 0))
    return level
