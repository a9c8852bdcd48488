"""Voices that speak louder or softer where a clause asks for it."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_runtime.inference.service import StreamEnd
from idol_runtime.speech.engine import Voice, VoiceCapabilities
from idol_runtime.speech.types import SpeechChunk, SpeechRequest

KNEE: Final = 0.85
"""Of full scale; what would be louder is bent, not cut."""


@dataclass(eq=False, slots=True)
class LevelledClause:
    stream: Hashable
    gain_db: float


class LevelledVoice:
    """Chunk by chunk; a clause that asks for nothing passes as it is."""

    def __init__(self, voice: Voice) -> None:
        self.capabilities: VoiceCapabilities = voice.capabilities
        self._voice = voice

    def open(self, request: SpeechRequest) -> LevelledClause:
        return LevelledClause(self._voice.open(request), request.gain_db)

    def step(
        self, live: Sequence[LevelledClause]
    ) -> Iterator[tuple[LevelledClause, SpeechChunk | StreamEnd]]:
        clauses = {clause.stream: clause for clause in live}
        for stream, item in self._voice.step(list(clauses)):
            clause = clauses[stream]
            if clause.gain_db and not isinstance(item, StreamEnd):
                item = replace(item, samples=with_gain(item.samples, clause.gain_db))
            yield clause, item

    def close(self, stream: LevelledClause) -> None:
        self._voice.close(stream.stream)


def with_gain(samples: NDArray[np.int16], gain_db: float) -> NDArray[np.int16]:
    """Shape (n,), louder by so many decibels; peaks are bent below full scale."""
    sound = samples.astype(np.float32) * np.float32(10 ** (gain_db / 20) / 32768)
    over = np.maximum(np.abs(sound) - KNEE, 0)
    bent = np.sign(sound) * (KNEE + (1 - KNEE) * np.tanh(over / (1 - KNEE)))
    return np.round(np.where(over > 0, bent, sound) * 32767).astype(np.int16)
