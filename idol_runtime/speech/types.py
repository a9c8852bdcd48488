"""What goes into a voice and what comes out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_runtime.timeline import Phoneme


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """Asks a voice to speak one clause."""

    text: str
    """As written; may hold nothing that can be spoken."""
    voice: str
    """A name the engine knows; empty for the engine's own choice."""
    language: str
    """BCP 47: `en-us`, `ja`."""
    speed: float
    """1 is the voice's own pace; 0.5 to 2."""
    gain_db: float = 0.0
    """By how much louder than it is: a worker sees to it, whatever the voice."""
    is_foreign: bool = False
    """Whether the voice was chosen for another language: an engine that has one like it for this
    language takes that one."""


@dataclass(frozen=True, slots=True, eq=False)
class SpeechChunk:
    """A stretch of a clause's sound, in order."""

    samples: NDArray[np.int16]
    """Shape (n,), mono PCM16 at the rate of the voice's capabilities, which a worker converts to
    `idol_protocol.frames.AUDIO_RATE_HZ`."""
    phonemes: tuple[Phoneme, ...]
    """All phonemes of what follows, up to the next chunk that has some; times from this chunk's
    start. A clause that is too long for one run of the model has several such chunks."""
    is_last: bool
