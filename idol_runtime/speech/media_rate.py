"""Voices at other sample rates, and voices without phonemes, as the timeline takes them."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.inference.service import StreamEnd
from idol_runtime.speech.engine import Voice, VoiceCapabilities
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.timeline import Phoneme


def at_media_rate(voice: Voice) -> Voice:
    """The same voice at `AUDIO_RATE_HZ`, without the phonemes of one that has no alphabet."""
    able = voice.capabilities
    if able.sample_rate_hz == AUDIO_RATE_HZ and able.alphabet is not None:
        return voice
    return MediaRateVoice(voice)


@dataclass(eq=False, slots=True)
class ResampledClause:
    """A clause on its way through the resampler."""

    stream: Hashable
    resampler: soxr.ResampleStream
    read: int = 0
    """Samples of the voice's own that went in."""
    made: int = 0
    """Samples at `AUDIO_RATE_HZ` that came out."""


class MediaRateVoice:
    """Resamples chunk by chunk as they come: the sound of a clause has no seams."""

    def __init__(self, voice: Voice) -> None:
        self.capabilities: VoiceCapabilities = voice.capabilities
        self._voice = voice
        self._rate_hz = voice.capabilities.sample_rate_hz

    def open(self, request: SpeechRequest) -> ResampledClause:
        resampler = soxr.ResampleStream(self._rate_hz, AUDIO_RATE_HZ, 1, dtype="float32")
        return ResampledClause(self._voice.open(request), resampler)

    def step(
        self, live: Sequence[ResampledClause]
    ) -> Iterator[tuple[ResampledClause, SpeechChunk | StreamEnd]]:
        clauses = {clause.stream: clause for clause in live}
        for stream, item in self._voice.step(list(clauses)):
            clause = clauses[stream]
            yield clause, item if isinstance(item, StreamEnd) else self._convert(clause, item)

    def close(self, stream: ResampledClause) -> None:
        self._voice.close(stream.stream)

    def _convert(self, clause: ResampledClause, chunk: SpeechChunk) -> SpeechChunk:
        # The filter holds some sound back: a chunk's phonemes begin so much later in what is made.
        lag_s = clause.read / self._rate_hz - clause.made / AUDIO_RATE_HZ
        samples = self._resample(clause, chunk)
        clause.read += len(chunk.samples)
        clause.made += len(samples)
        phonemes: tuple[Phoneme, ...] = ()
        if self.capabilities.alphabet is not None:
            phonemes = tuple(
                replace(each, start_s=each.start_s + lag_s, end_s=each.end_s + lag_s)
                for each in chunk.phonemes
            )
        return SpeechChunk(samples, phonemes, chunk.is_last)

    def _resample(self, clause: ResampledClause, chunk: SpeechChunk) -> NDArray[np.int16]:
        if self._rate_hz == AUDIO_RATE_HZ:
            return chunk.samples
        sound: NDArray[np.float32] = clause.resampler.resample_chunk(
            chunk.samples.astype(np.float32), last=chunk.is_last
        )
        return np.round(sound.clip(-32768, 32767)).astype(np.int16)
