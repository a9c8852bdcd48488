import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile
from scipy.signal import resample_poly

from idol_runtime.audio.level import (
    SPEECH_LEVEL_DBFS,
    active_level_db,
    at_speech_level,
    speech_gain_db,
)
from idol_runtime.audio.recording import read_wav, to_pcm16
from idol_runtime.audio.resample import resample, resample_blocks
from idol_runtime.errors import InputError

PCM, FLOAT = 1, 3
VALUES = np.array([0, 1000, -1000, 32000, -32768], "<i2")
EXPECTED = [0, 1000, -1000, 31999, -32767]


def tone(rate_hz, seconds=1.0, hz=440.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def written(tmp_path, rate_hz, samples):
    path = tmp_path / "a.wav"
    wavfile.write(path, rate_hz, samples)
    return path


def form(code, channels, rate_hz, bits, order="<"):
    align = channels * -(-bits // 8)
    head = struct.pack(
        f"{order}HHIIHH", code, channels, rate_hz, rate_hz * align % 2**32, align, bits
    )
    return b"fmt " + struct.pack(f"{order}I", len(head)) + head


def data(sound, order="<"):
    return b"data" + struct.pack(f"{order}I", len(sound)) + sound + b"\0" * (len(sound) % 2)


def riff(magic, code, channels, rate_hz, bits, sound):
    order = ">" if magic == b"RIFX" else "<"
    body = b"WAVE" + form(code, channels, rate_hz, bits, order) + data(sound, order)
    return magic + struct.pack(f"{order}I", len(body)) + body


def read(tmp_path, content):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    return read_wav(path)


@pytest.mark.parametrize(
    "rate_hz", [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000]
)
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


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"Some notes about a song.", "another kind of file"),
        (b"ID3\x04" + bytes(200), "an MP3 file"),
        (b"\xff\xfb\x90\x00" + bytes(200), "an MP3 file"),
        (b"OggS" + bytes(200), "an Ogg file"),
        (b"fLaC" + bytes(200), "a FLAC file"),
        (b"FORM\x00\x00\x00\x00AIFF" + bytes(200), "an AIFF file"),
        (b"riff\x2e\x91\xcf\x11" + bytes(200), "a Sony Wave64 file"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(200), "an MP4 or M4A file"),
        (b"RIFF\x00\x00\x00\x00AVI " + bytes(200), "a RIFF file of another kind"),
        (b"RIFF\x10", "cut off at once"),
        (b"RIFF\x04\x00\x00\x00WAVE", "does not describe its samples"),
    ],
)
def test_what_is_no_wav_is_named_and_told_how_to_convert(tmp_path, content, says):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"expected a WAV file.*found {says}|{says}.*ffmpeg"):
        read_wav(path)


def test_a_folder_is_named_as_one(tmp_path):
    with pytest.raises(InputError, match="found a folder"):
        read_wav(tmp_path)


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_any_other_file_is_one_sentence(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "a.wav"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"expected .*\."):
        read_wav(path)


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 400),
)
@settings(max_examples=200)
def test_a_damaged_wav_is_sound_or_one_sentence(tmp_path_factory, damage, kept):
    path = tmp_path_factory.mktemp("any") / "a.wav"
    content = bytearray(riff(b"RIFF", PCM, 2, 48_000, 16, np.arange(160, dtype="<i2").tobytes()))
    for at, value in damage:
        content[at % len(content)] = value
    path.write_bytes(content[: 44 + kept])
    try:
        sound = read_wav(path)
    except InputError:
        return
    assert sound.dtype == np.int16
    assert len(sound) > 0


def test_a_truncated_wav_is_read_as_far_as_it_goes(tmp_path):
    path = written(tmp_path, 24_000, (tone(24_000) * 32767).astype(np.int16))
    whole = read_wav(path)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 5000 + 1])
    np.testing.assert_array_equal(read_wav(path), whole[:5000])


def test_a_wav_cut_off_in_its_header_is_a_sentence(tmp_path):
    path = written(tmp_path, 24_000, (tone(24_000) * 32767).astype(np.int16))
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError, match="without samples"):
        read_wav(path)


@pytest.mark.parametrize("told", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_sizes_that_were_never_completed_do_not_matter(tmp_path, told):
    """Programs that write into a pipe, and recorders that lose power, leave such headers."""
    content = bytearray(riff(b"RIFF", PCM, 1, 24_000, 16, VALUES.tobytes()))
    content[4:8] = content[40:44] = struct.pack("<I", told)
    assert read(tmp_path, content).tolist() == EXPECTED


def test_chunks_before_and_after_the_sound_are_no_sound(tmp_path):
    tags = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"  # odd, hence padded
    body = b"WAVE" + tags + form(PCM, 1, 24_000, 16) + data(VALUES.tobytes()) + tags
    assert read(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body).tolist() == EXPECTED


def test_a_big_endian_file_reads_the_same(tmp_path):
    for bits, samples in ((16, VALUES.astype(">i2")), (32, (VALUES / 32768).astype(">f4"))):
        code = PCM if bits == 16 else FLOAT
        content = riff(b"RIFX", code, 1, 24_000, bits, samples.tobytes())
        np.testing.assert_allclose(read(tmp_path, content), EXPECTED, atol=1)


def test_a_24_bit_sample_is_scaled_by_its_own_full_scale(tmp_path):
    raw = b"".join(int(value).to_bytes(3, "little", signed=True) for value in (0, 2**22, -(2**23)))
    assert read(tmp_path, riff(b"RIFF", PCM, 1, 24_000, 24, raw)).tolist() == [0, 16384, -32767]
    raw = b"".join(int(value).to_bytes(3, "big", signed=True) for value in (0, 2**22, -(2**23)))
    assert read(tmp_path, riff(b"RIFX", PCM, 1, 24_000, 24, raw)).tolist() == [0, 16384, -32767]


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_files_of_the_64_bit_family_tell_their_size_elsewhere(tmp_path, magic):
    sound = VALUES.tobytes()
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, len(sound), len(VALUES), 0)
    body = sizes + form(PCM, 1, 24_000, 16) + b"data\xff\xff\xff\xff" + sound + b"LIST\4\0\0\0xxxx"
    assert read(tmp_path, magic + b"\xff\xff\xff\xffWAVE" + body).tolist() == EXPECTED


@pytest.mark.parametrize(("code", "dtype"), [(PCM, "<i2"), (FLOAT, "<f4")])
def test_an_extensible_header_names_its_format_inside(tmp_path, code, dtype):
    samples = VALUES if code == PCM else (VALUES / 32768).astype(dtype)
    width = np.dtype(dtype).itemsize
    guid = struct.pack("<I", code) + bytes.fromhex("000010008000 00aa00389b71")
    head = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 24_000, 0, width, 8 * width, 22, 8 * width, 4)
    body = b"WAVEfmt " + struct.pack("<I", 40) + head + guid + data(samples.tobytes())
    found = read(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body)
    np.testing.assert_allclose(found, EXPECTED, atol=1)


@pytest.mark.parametrize(
    ("code", "raw", "values"),
    [
        (7, b"\xff\x7f\x80\x00\xef", [0, 0, 32124, -32124, 132]),
        (6, b"\xd5\x55\xaa\x2a\xc5", [8, -8, 32256, -32256, 264]),
    ],
)
def test_telephone_samples_follow_g711(tmp_path, code, raw, values):
    np.testing.assert_allclose(
        read(tmp_path, riff(b"RIFF", code, 1, 24_000, 8, raw)), values, atol=1.5
    )


@pytest.mark.parametrize("code", [2, 0x11, 0x55])
def test_compressed_samples_are_named_and_told_how_to_convert(tmp_path, code):
    with pytest.raises(InputError, match=rf"compressed format 0x{code:04x}.*ffmpeg"):
        read(tmp_path, riff(b"RIFF", code, 1, 24_000, 4, bytes(100)))


@pytest.mark.parametrize(("channels", "rate_hz"), [(0, 24_000), (1, 0), (1, 7), (1, 4 * 10**9)])
def test_impossible_headers_are_a_sentence(tmp_path, channels, rate_hz):
    with pytest.raises(InputError, match=f"{channels} channels at {rate_hz} Hz"):
        read(tmp_path, riff(b"RIFF", PCM, channels, rate_hz, 16, bytes(100)))


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("rate_hz", [8000, 11_025, 44_100, 96_000, 192_000])
def test_one_sample_of_any_rate_and_channel_count_is_sound(tmp_path, channels, rate_hz):
    sound = read_wav(written(tmp_path, rate_hz, np.full((1, channels), 9000, np.int16)))
    assert 1 <= len(sound) <= 3


def test_channels_that_would_cancel_each_other_are_heard(tmp_path):
    left = (tone(24_000) * 32767).astype(np.int16)
    read = read_wav(written(tmp_path, 24_000, np.stack([left, -left], axis=1)))
    assert np.abs(read).max() == pytest.approx(16384, rel=0.01)


@given(
    st.integers(1, 40_000),
    st.sampled_from([8000, 11_025, 16_000, 22_050, 44_100, 48_000, 44_099]),
    st.lists(st.integers(0, 30_000), max_size=4),
)
@settings(max_examples=20)
def test_sound_in_blocks_of_any_lengths_converts_like_the_whole(count, rate_hz, cuts):
    sound = np.random.default_rng(count).uniform(-1, 1, count)
    pieces = np.split(sound, sorted(min(cut, count) for cut in cuts))
    found = np.concatenate(list(resample_blocks(pieces, rate_hz, 24_000)))
    ratio = Fraction(24_000, rate_hz).limit_denominator(10_000)
    expected = resample_poly(sound, ratio.numerator, ratio.denominator)
    assert len(found) == len(expected)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@given(st.integers(1, 3000), st.sampled_from([8000, 11025, 44100]))
def test_the_length_follows_the_ratio_of_rates(count, rate_hz):
    assert abs(len(resample(np.zeros(count), rate_hz, 24_000)) - count * 24_000 / rate_hz) <= 1


def talk(level_dbfs, *, floor_dbfs=-90.0, seconds=12, seed=0):
    """Syllables and pauses over a noise floor; the level is that of the syllables."""
    rng = np.random.default_rng(seed)
    frames = 30 * seconds
    syllables = np.convolve(rng.random(frames) < 0.15, np.hanning(9), "same").clip(0, 1)
    syllables[rng.integers(0, frames) % 60 :: 90] = 0
    spoken = np.repeat(syllables, 800)
    time_s = np.arange(len(spoken)) / 24_000
    buzz = sum(np.sin(2 * np.pi * 130 * k * time_s) / k for k in range(1, 25)) * spoken
    powers = (buzz.reshape(-1, 800) ** 2).mean(axis=1)
    buzz *= 10 ** ((level_dbfs - active_level_db(powers)) / 20)
    buzz += rng.standard_normal(len(buzz)) * 10 ** (floor_dbfs / 20)
    return (buzz * 32768).clip(-32768, 32767).round().astype(np.int16)


def powers(samples):
    whole = len(samples) // 800 * 800
    return ((samples[:whole].reshape(-1, 800) / 32768.0) ** 2).mean(axis=1)


@pytest.mark.parametrize("level", [-45, -40, -30, -23, -12])
def test_speech_of_any_loudness_is_heard_at_the_level_that_was_learnt(level):
    heard = at_speech_level(talk(level))
    assert active_level_db(powers(heard)) == pytest.approx(SPEECH_LEVEL_DBFS, abs=1)


def test_the_active_level_does_not_count_pauses():
    spoken = powers(talk(-23))
    paused = np.concatenate([spoken, np.full(20 * len(spoken), 1e-9)])
    assert active_level_db(paused) == pytest.approx(active_level_db(spoken), abs=0.01)
    assert active_level_db(np.zeros(10)) == pytest.approx(-120)


def test_silence_stays_silence():
    assert not at_speech_level(np.zeros(24_000, np.int16)).any()


@pytest.mark.parametrize("level", [-80, -60, -40, -20, -5])
def test_noise_is_never_raised_and_steady_noise_is_lowered_to_silence(level):
    rng = np.random.default_rng(0)
    noise = to_pcm16(rng.standard_normal(24_000 * 5) * 10 ** (level / 20))
    assert active_level_db(powers(at_speech_level(noise))) < min(level + 0.1, -60)


def test_the_noise_under_quiet_speech_is_not_raised_above_what_was_learnt():
    quiet = powers(at_speech_level(talk(-45, floor_dbfs=-65)))
    assert np.quantile(quiet, 0.1) < 10**-5.4
    assert -36 < active_level_db(quiet) < -33


def test_an_offset_is_not_heard():
    spoken = talk(-30)
    shifted = (spoken // 2 + 12_000).astype(np.int16)
    np.testing.assert_allclose(at_speech_level(shifted), at_speech_level(spoken // 2), atol=12)
    assert np.abs(at_speech_level(np.full(48_000, 9000, np.int16))).max() <= 1


def test_one_sample_can_be_levelled():
    assert at_speech_level(np.array([20_000], np.int16)).shape == (1,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_a_gain_never_raises_the_floor_or_more_than_its_limit(frames):
    gain = speech_gain_db(np.array(frames))
    floor = 10 * np.log10(np.quantile(frames, 0.1) + 1e-12)
    assert gain <= 25
    assert gain <= 0 or floor + gain <= -55 + 1e-6
