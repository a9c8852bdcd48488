"""What a score is compared with: ways to move a mouth that know nothing of speech.

A model that does not beat these has learnt an envelope follower, a fixed grammar or an average.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.evaluation.measures import runs
from training.face.model import LIPS, MADE
from training.face.mouth import CHANNELS, SHAPES
from training.face.phonemes import CLASSES, INPUT_COLUMNS

Array = NDArray[Any]

LOUDNESS: Final = "loudness (root of the level)"
LOG_LOUDNESS: Final = "loudness (log of the level)"
SHIFTED_MEAN: Final = "own curve, shifted in time (mean)"
SHIFTED_MAX: Final = "own curve, shifted in time (best)"
OTHER_SOUND: Final = "own curve for another clip's sound"
OTHER_CURVE: Final = "another clip's captured curve"
MEAN_CURVE: Final = "mean captured curve of the other clips"
TABLE: Final = "phoneme table, no coarticulation"
STILL_FACE: Final = "face at rest"

_FLOOR = 1e-5
_GAP = 2
"""Frames without a shape between two phonemes that are no pause."""


def level(samples: Array, rate_hz: int, frames: int, fps: float) -> Array:
    """RMS [frames] of the sound in two frames around the middle of each frame."""
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    middle = (np.arange(frames) + 0.5) / fps
    first = np.clip(np.round((middle - 1 / fps) * rate_hz).astype(int), 0, len(samples))
    last = np.clip(np.round((middle + 1 / fps) * rate_hz).astype(int), 0, len(samples))
    mean: Array = (power[last] - power[first]) / np.maximum(last - first, 1)
    return np.sqrt(np.maximum(mean, 0))


def loudness_curves(rms: Array) -> dict[str, Array]:
    """Name -> curve [frames]: the level's root, and its logarithm over 30 dB below loud vowels."""
    decibel = 20 * np.log10(rms + _FLOOR)
    loud = max(float(np.percentile(decibel, 95)), -45.0)
    return {
        LOUDNESS: np.sqrt(rms),
        LOG_LOUDNESS: np.clip((decibel - loud + 30) / 30, 0, 1.3),
    }


def follow(curve: Array, others: Sequence[tuple[Array, Array]], known: Array) -> Array:
    """A face that moves with one curve: every channel by a straight line, fitted elsewhere.

    Args:
        curve: [frames], of the clip at hand.
        others: curve [n] and captured motion [n, C] of other clips, to fit the lines on; without
            any, every channel is the curve itself.
        known: [C], 1 where a channel is known; others stay 0.
    """
    if not others:
        return np.asarray(curve[:, None] * known, np.float32)
    levels = np.concatenate([line for line, _ in others])
    seen = np.concatenate([motion for _, motion in others])
    design = np.stack([levels, np.ones_like(levels)], axis=1)
    lines, *_ = np.linalg.lstsq(design, seen, rcond=None)
    moved = np.stack([curve, np.ones_like(curve)], axis=1) @ lines
    return np.asarray(moved * known, np.float32)


def mean_motion(others: Sequence[Array]) -> Array:
    """The mean of other clips' captured motion, over the length they all have."""
    least = min(len(motion) for motion in others)
    mean: Array = np.mean([motion[:least] for motion in others], axis=0)
    return mean


def table_motion(phonemes: Array) -> Array:
    """[frames, 51]: the shape of the class that fills most of each frame, with no coarticulation.

    `phonemes` is [frames, P] as the generator is fed; frames that are not known stay at rest, and
    the last shape is held over gaps of two frames.
    """
    spoken = phonemes[:, : len(CLASSES)].argmax(axis=1)
    for start, end in runs(spoken == CLASSES.index("sil")):
        if start and end - start <= _GAP:
            spoken[start:end] = spoken[start - 1]
    known = phonemes[:, INPUT_COLUMNS.index("known")] > 0
    motion: Array = _shapes()[spoken] * known[:, None]
    return motion


def _shapes() -> Array:
    """[classes, 51]: the teacher's targets, both sides alike, with lips shut at p, b, m."""
    shapes = np.zeros((len(CLASSES), len(MADE)), np.float32)
    for column, channel in enumerate(MADE):
        name = channel.removesuffix("Left").removesuffix("Right")
        if channel in LIPS and name in CHANNELS:
            shapes[:, column] = [SHAPES[each].get(name, 0.0) for each in CLASSES]
    shut = CLASSES.index("pbm")
    shapes[shut, MADE.index("mouthClose")] = shapes[shut, MADE.index("jawOpen")]
    return shapes
