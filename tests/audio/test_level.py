import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.audio.level import (
    SPEECH_LEVEL_DBFS,
    active_level_db,
    at_speech_level,
    speech_gain_db,
)
from idol_runtime.audio.recording import to_pcm16

Pcm = NDArray[np.int16]


def talk(level_dbfs: float, *, floor_dbfs: float = -90.0, seconds: int = 12, seed: int = 0) -> Pcm:
    """Syllables and pauses over a noise floor; the level is that of the syllables."""
    rng = np.random.default_rng(seed)
    frames = 30 * seconds
    syllables = np.convolve(rng.random(frames) < 0.15, np.hanning(9), "same").clip(0, 1)
    syllables[rng.integers(0, frames) % 60 :: 90] = 0
    spoken = np.repeat(syllables, 800)
    time_s = np.arange(len(spoken)) / 24_000
    harmonics = [np.sin(2 * np.pi * 130 * k * time_s) / k for k in range(1, 25)]
    buzz = np.sum(harmonics, axis=0) * spoken
    powers = (buzz.reshape(-1, 800) ** 2).mean(axis=1)
    buzz *= 10 ** ((level_dbfs - active_level_db(powers)) / 20)
    buzz += rng.standard_normal(len(buzz)) * 10 ** (floor_dbfs / 20)
    pcm: Pcm = (buzz * 32768).clip(-32768, 32767).round().astype(np.int16)
    return pcm


def powers(samples: Pcm) -> NDArray[np.float64]:
    whole = len(samples) // 800 * 800
    each: NDArray[np.float64] = ((samples[:whole].reshape(-1, 800) / 32768.0) ** 2).mean(axis=1)
    return each


@pytest.mark.parametrize("level", [-45, -40, -30, -23, -12])
def test_speech_of_any_loudness_comes_to_the_level_that_was_learnt(level: float) -> None:
    levelled = at_speech_level(talk(level))
    assert active_level_db(powers(levelled)) == pytest.approx(SPEECH_LEVEL_DBFS, abs=1)


def test_the_active_level_does_not_count_pauses() -> None:
    spoken = powers(talk(-23))
    paused = np.concatenate([spoken, np.full(20 * len(spoken), 1e-9)])
    assert active_level_db(paused) == pytest.approx(active_level_db(spoken), abs=0.01)
    assert active_level_db(np.zeros(10)) == pytest.approx(-120)


def test_silence_stays_silence() -> None:
    assert not at_speech_level(np.zeros(24_000, np.int16)).any()


@pytest.mark.parametrize("level", [-80, -60, -40, -20, -5])
def test_noise_is_never_raised_and_steady_noise_is_lowered_to_silence(level: float) -> None:
    rng = np.random.default_rng(0)
    noise = to_pcm16(rng.standard_normal(24_000 * 5) * 10 ** (level / 20))
    assert active_level_db(powers(at_speech_level(noise))) < min(level + 0.1, -60)


def test_the_noise_under_quiet_speech_is_not_raised_above_what_was_learnt() -> None:
    quiet = powers(at_speech_level(talk(-45, floor_dbfs=-65)))
    assert np.quantile(quiet, 0.1) < 10**-5.4
    assert -36 < active_level_db(quiet) < -33


def test_an_offset_is_taken_away() -> None:
    spoken = talk(-30)
    shifted = (spoken // 2 + 12_000).astype(np.int16)
    np.testing.assert_allclose(at_speech_level(shifted), at_speech_level(spoken // 2), atol=12)
    assert np.abs(at_speech_level(np.full(48_000, 9000, np.int16))).max() <= 1


def test_one_sample_can_be_levelled() -> None:
    assert at_speech_level(np.array([20_000], np.int16)).shape == (1,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_a_gain_never_raises_the_floor_or_more_than_its_limit(frames: list[float]) -> None:
    gain = speech_gain_db(np.array(frames))
    floor = 10 * np.log10(np.quantile(frames, 0.1) + 1e-12)
    assert gain <= 25
    assert gain <= 0 or floor + gain <= -55 + 1e-6
