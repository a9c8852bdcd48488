"""What a character's generators are given for one frame, and how that is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from idol_runtime.character import STYLE_SIZE
from idol_runtime.motion.face import TimedSymbol
from idol_runtime.motion.gestures import GestureTimes

Array = NDArray[np.float32]

PhonemeActivations: TypeAlias = Callable[[Sequence[TimedSymbol], NDArray[np.floating]], Array]
"""See `idol_runtime.motion.face.FaceModel.phoneme_activations`."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """One row; the inputs of the generators take theirs by name, see `motion.conditioning`."""

    face_sound: Array
    """What the face is given of the character's own voice: samples in [-1, 1]."""
    pose_sound: Array
    """What the body is given of it."""
    phonemes: Array
    """[P], see `FaceInputs.phonemes`."""
    activity: Array
    """[5], weights of `ACTIVITIES`; sums to 1."""
    face_activity: Array
    """[4], weights of `FACE_ACTIVITIES`; sums to 1. While dancing it sings or rests."""
    emotion: Array
    """[8], in `EMOTIONS` order."""
    style: Array
    """[16], the face's."""
    body_style: Array
    """[16]."""
    gesture: Array
    """[20], see `PoseInputs.gesture`."""
    beat: Array
    """[2], see `PoseInputs.beat`."""


@dataclass(frozen=True, slots=True)
class SpeechWindow:
    """The stretch of a character's voice that a generator is given with each frame."""

    lookahead_frames: int
    context_samples: int = 0
    """How much of what was before that frame comes with it."""


def no_phonemes(phonemes: Sequence[TimedSymbol], frame_times_s: NDArray[np.floating]) -> Array:
    """For a face that takes no phonemes."""
    return np.zeros((len(frame_times_s), 0), np.float32)


def average_style() -> Array:
    """[16], of a character that asks for none."""
    return np.zeros(STYLE_SIZE, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """How the generators of a character take its conditions: windows, encoders, style codes."""

    gestures: GestureTimes
    face: SpeechWindow
    pose: SpeechWindow
    phoneme_activations: PhonemeActivations = no_phonemes
    style: Array = field(default_factory=average_style)
    body_style: Array = field(default_factory=average_style)

    @property
    def lookahead_frames(self) -> int:
        """The wider of the two."""
        return max(self.face.lookahead_frames, self.pose.lookahead_frames)
