from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.inference.service import IteratorService
from idol_runtime.speech.engine import VoiceCapabilities
from idol_runtime.speech.loudness import LevelledVoice, with_gain
from idol_runtime.speech.types import SpeechChunk, SpeechRequest

TONE = np.round(8000 * np.sin(np.arange(4800) / 10)).astype(np.int16)


def voice() -> LevelledVoice:
    def speak(request: SpeechRequest) -> Iterator[SpeechChunk]:
        yield SpeechChunk(TONE, (), is_last=False)
        yield SpeechChunk(TONE, (), is_last=True)

    return LevelledVoice(IteratorService(speak, VoiceCapabilities(24_000, ())))


def spoken(gain_db: float) -> list[SpeechChunk]:
    made, chunks = voice(), []
    stream = made.open(SpeechRequest("Hi.", "", "en-us", 1.0, gain_db))
    for _ in range(2):
        chunks += [item for _, item in made.step([stream]) if isinstance(item, SpeechChunk)]
    made.close(stream)
    return chunks


def test_a_clause_that_asks_for_nothing_passes_as_it_is() -> None:
    assert all(each.samples is TONE for each in spoken(0.0))


@pytest.mark.parametrize("gain_db", [-4.0, 2.5])
def test_every_chunk_is_louder_by_so_many_decibels(gain_db: float) -> None:
    chunks = spoken(gain_db)
    assert [each.is_last for each in chunks] == [False, True]
    for each in chunks:
        level = np.sqrt(np.mean(each.samples.astype(float) ** 2) / np.mean(TONE.astype(float) ** 2))
        assert 20 * np.log10(level) == pytest.approx(gain_db, abs=0.01)


@given(st.lists(st.integers(-32768, 32767), min_size=1), st.floats(-30, 30))
def test_peaks_are_bent_and_keep_their_order(samples: list[int], gain_db: float) -> None:
    sound = np.sort(np.array(samples, np.int16))
    louder = with_gain(sound, gain_db)
    assert (np.diff(louder.astype(int)) >= 0).all()
    assert np.abs(louder.astype(int)).max() <= 32767
