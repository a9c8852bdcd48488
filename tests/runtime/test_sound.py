import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from idol_runtime.errors import InputError
from idol_runtime.sound import read_wav, resample


def tone(rate_hz, seconds=1.0, hz=440.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def written(tmp_path, rate_hz, samples):
    path = tmp_path / "a.wav"
    wavfile.write(path, rate_hz, samples)
    return path


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
def test_any_rate_becomes_24_khz_with_the_same_tone(tmp_path, rate_hz):
    sound = read_wav(written(tmp_path, rate_hz, (tone(rate_hz) * 32767).astype(np.int16)))
    assert abs(len(sound) - 24_000) <= 1
    spectrum = np.abs(np.fft.rfft(sound[:24_000].astype(float)))
    assert abs(np.argmax(spectrum) - 440) <= 1
    assert np.abs(sound[1000:-1000]).max() == pytest.approx(16384, rel=0.03)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_any_sample_format_reads_at_the_same_loudness(tmp_path, dtype):
    sound = tone(24_000)
    if dtype == np.uint8:
        encoded = (sound * 127 + 128).astype(np.uint8)
    elif np.issubdtype(dtype, np.integer):
        encoded = (sound * np.iinfo(dtype).max).astype(dtype)
    else:
        encoded = sound.astype(dtype)
    read = read_wav(written(tmp_path, 24_000, encoded))
    assert np.abs(read).max() == pytest.approx(16384, rel=0.02)


def test_stereo_is_averaged(tmp_path):
    left = (tone(24_000) * 32767).astype(np.int16)
    read = read_wav(written(tmp_path, 24_000, np.stack([left, np.zeros_like(left)], axis=1)))
    assert np.abs(read).max() == pytest.approx(8192, rel=0.01)


def test_float_samples_over_full_scale_are_clipped_and_nan_is_silence(tmp_path):
    read = read_wav(written(tmp_path, 24_000, np.array([4.0, -4.0, np.nan], np.float32)))
    assert read.tolist() == [32767, -32767, 0]


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_wav(tmp_path / "none.wav")


def test_a_file_without_samples_says_so(tmp_path):
    with pytest.raises(InputError, match="without samples"):
        read_wav(written(tmp_path, 24_000, np.zeros(0, np.int16)))


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_any_other_file_is_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "a.wav"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"expected .*\."):
        read_wav(path)


def test_a_truncated_wav_is_a_sentence_or_its_beginning(tmp_path):
    path = written(tmp_path, 24_000, (tone(24_000) * 32767).astype(np.int16))
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError):
        read_wav(path)


@given(st.integers(1, 3000), st.sampled_from([8000, 11025, 44100]))
def test_the_length_follows_the_ratio_of_rates(count, rate_hz):
    assert abs(len(resample(np.zeros(count), rate_hz, 24_000)) - count * 24_000 / rate_hz) <= 1
