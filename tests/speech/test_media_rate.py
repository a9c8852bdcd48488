"""Voices at other rates, in the same process: what reaches the timeline is right to the sample."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest

from idol_runtime.inference.service import IteratorService, StreamEnd
from idol_runtime.speech.engine import Voice, VoiceCapabilities, speaks
from idol_runtime.speech.media_rate import at_media_rate
from idol_runtime.speech.types import SpeechChunk, SpeechRequest
from idol_runtime.timeline import Phoneme

REQUEST = SpeechRequest("click", "", "en-us", 1.0)
CLICKS_S = (0.05, 0.25, 0.45)
"""A click in each of three pieces of 0.2 s."""


def clicking(rate_hz: int, alphabet: Literal["ipa"] | None = "ipa") -> Voice:
    def speak(request: SpeechRequest) -> Iterator[SpeechChunk]:
        for at, click_s in enumerate(CLICKS_S):
            sound = np.zeros(rate_hz // 5, np.int16)
            inside_s = click_s - at * 0.2
            sound[round(inside_s * rate_hz)] = 20_000
            yield SpeechChunk(sound, (Phoneme("k", inside_s, inside_s + 0.01),), at == 2)

    return IteratorService(speak, VoiceCapabilities(rate_hz, ("en",), alphabet))


def spoken(voice: Voice) -> list[SpeechChunk]:
    stream = voice.open(REQUEST)
    chunks: list[SpeechChunk] = []
    while True:
        for _, item in voice.step([stream]):
            if isinstance(item, StreamEnd):
                voice.close(stream)
                return chunks
            chunks.append(item)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_phonemes_stay_on_their_sound(rate_hz: int) -> None:
    chunks = spoken(at_media_rate(clicking(rate_hz)))
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert len(sound) == pytest.approx(0.6 * 24_000, abs=2)
    starts = np.cumsum([0, *(len(chunk.samples) for chunk in chunks)])
    for start, chunk, click_s in zip(starts, chunks, CLICKS_S, strict=False):
        [phoneme] = chunk.phonemes
        assert start / 24_000 + phoneme.start_s == pytest.approx(click_s, abs=1e-4)
        nearby = slice(round((click_s - 0.02) * 24_000), round((click_s + 0.02) * 24_000))
        loudest = nearby.start + np.abs(sound[nearby].astype(int)).argmax()
        assert loudest / 24_000 == pytest.approx(click_s, abs=1e-4)


def test_phonemes_of_a_voice_without_an_alphabet_are_left_out() -> None:
    chunks = spoken(at_media_rate(clicking(24_000, alphabet=None)))
    assert [chunk.phonemes for chunk in chunks] == [(), (), ()]
    assert sum(len(chunk.samples) for chunk in chunks) == 14_400


def test_a_voice_that_fits_is_left_as_it_is() -> None:
    voice = clicking(24_000)
    assert at_media_rate(voice) is voice


@pytest.mark.parametrize(
    ("languages", "language", "expected"),
    [
        (("en-us", "ja"), "en-GB", True),
        (("en",), "en-us", True),
        (("ja",), "en-us", False),
        ((), "sw", True),
    ],
)
def test_kinds_of_one_language_are_spoken_alike(
    languages: tuple[str, ...], language: str, expected: bool
) -> None:
    assert speaks(languages, language) is expected
