import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import wavfile

from idol_runtime.audio.recording import read_recording
from idol_runtime.errors import InputError

Sound = NDArray[np.float64]


def tone(rate_hz: int, seconds: float = 1.0, hz: float = 440.0) -> Sound:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def sweep(rate_hz: int, seconds: float = 2.0) -> Sound:
    """Rises from 200 Hz by 600 Hz a second: no two moments of it sound alike."""
    time_s = np.arange(int(rate_hz * seconds)) / rate_hz
    return 0.3 * np.sin(2 * np.pi * (200 * time_s + 300 * time_s**2))


def written(tmp_path: Path, rate_hz: int, samples: NDArray[np.generic]) -> Path:
    path = tmp_path / "a.wav"
    wavfile.write(path, rate_hz, samples)
    return path


@pytest.mark.parametrize(
    "rate_hz", [8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000]
)
def test_any_rate_becomes_24_khz_with_the_same_tone(tmp_path: Path, rate_hz: int) -> None:
    sound = read_recording(written(tmp_path, rate_hz, (tone(rate_hz) * 32767).astype(np.int16)))
    assert abs(len(sound) - 24_000) <= 1
    spectrum = np.abs(np.fft.rfft(sound[:24_000].astype(float)))
    assert abs(int(np.argmax(spectrum)) - 440) <= 1
    assert np.abs(sound[1000:-1000]).max() == pytest.approx(16384, rel=0.03)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 44_099])
def test_a_long_recording_converts_like_the_whole_of_it_at_once(
    tmp_path: Path, rate_hz: int
) -> None:
    """Block by block: there is no seam where one block ends and the next begins."""
    sound = sweep(rate_hz, 12.0)
    found = read_recording(written(tmp_path, rate_hz, sound))
    whole = soxr.resample(sound, rate_hz, 24_000)
    assert len(found) == len(whole)
    np.testing.assert_allclose(found, whole * 32767, atol=1)


def test_sound_of_the_media_clocks_own_rate_is_not_touched(tmp_path: Path) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    found = read_recording(written(tmp_path, 24_000, samples))
    expected = np.round(samples / 32768 * 32767).astype(np.int16)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
@pytest.mark.parametrize(
    ("name", "subtype", "apart"),
    [
        ("a.flac", "PCM_16", 1e-3),
        ("a.flac", "PCM_24", 1e-3),
        ("a.ogg", "VORBIS", 0.1),
        ("a.opus", "OPUS", 0.1),
        ("a.mp3", "MPEG_LAYER_III", 0.1),
        ("a.aiff", "PCM_16", 1e-3),
        ("a.caf", "PCM_24", 1e-3),
        ("a.w64", "PCM_16", 1e-3),
        ("a.rf64", "PCM_16", 1e-3),
    ],
)
def test_any_format_keeps_length_and_phase(
    tmp_path: Path, name: str, subtype: str, apart: float, rate_hz: int
) -> None:
    path = tmp_path / name
    kind = "OGG" if subtype == "OPUS" else path.suffix[1:].upper()
    soundfile.write(path, sweep(rate_hz), rate_hz, format=kind, subtype=subtype)
    found = read_recording(path) / 32767
    assert len(found) == 48_000
    # The codec itself needs a moment to settle; a shift by one sample would leave 0.2 and more.
    difference = found - sweep(24_000)
    assert np.sqrt(np.mean(difference[2400:-2400] ** 2)) < apart * 0.3 / np.sqrt(2)


def test_what_is_in_the_file_counts_and_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    soundfile.write(path, sweep(24_000), 24_000, format="FLAC")
    assert len(read_recording(path)) == 48_000


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_any_sample_format_reads_at_the_same_loudness(
    tmp_path: Path, dtype: type[np.integer | np.floating]
) -> None:
    sound = tone(24_000)
    if dtype is np.uint8:
        encoded = (sound * 127 + 128).astype(np.uint8)
    elif issubclass(dtype, np.integer):
        encoded = (sound * np.iinfo(dtype).max).astype(dtype)
    else:
        encoded = sound.astype(dtype)
    found = read_recording(written(tmp_path, 24_000, encoded))
    assert np.abs(found).max() == pytest.approx(16384, rel=0.02)


def test_stereo_is_averaged(tmp_path: Path) -> None:
    left = (tone(24_000) * 32767).astype(np.int16)
    found = read_recording(written(tmp_path, 24_000, np.stack([left, np.zeros_like(left)], axis=1)))
    assert np.abs(found).max() == pytest.approx(8192, rel=0.01)


def test_channels_that_would_cancel_each_other_are_read(tmp_path: Path) -> None:
    left = (tone(24_000) * 32767).astype(np.int16)
    found = read_recording(written(tmp_path, 24_000, np.stack([left, -left], axis=1)))
    assert np.abs(found).max() == pytest.approx(16384, rel=0.01)


def test_float_samples_over_full_scale_are_clipped_and_nan_is_silence(tmp_path: Path) -> None:
    found = read_recording(written(tmp_path, 24_000, np.array([4.0, -4.0, np.nan], np.float32)))
    assert found.tolist() == [32767, -32767, 0]


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_recording(tmp_path / "none.wav")


@pytest.mark.parametrize("rate_hz", [24_000, 44_100])
def test_a_file_without_samples_says_so(tmp_path: Path, rate_hz: int) -> None:
    with pytest.raises(InputError, match="without samples"):
        read_recording(written(tmp_path, rate_hz, np.zeros(0, np.int16)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"Some notes about a song.", "a file that libsndfile cannot read"),
        (b"OggS" + bytes(200), "a file that libsndfile cannot read"),
        (b"fLaC" + bytes(200), "a file that libsndfile cannot read"),
        (b"\xff\xf1\x50\x80" + bytes(200), "an AAC file"),
        (b"\x1aE\xdf\xa3" + bytes(200), "a Matroska or WebM file"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(200), "an MP4 or M4A file"),
        (b"RIFF\x00\x00\x00\x00AVI " + bytes(200), "a RIFF file of another kind"),
        (b"RIFF\x10", "a WAV file cut off at once"),
        (b"RIFF\x04\x00\x00\x00WAVE", "a WAV file without a 'data' chunk"),
        (b"Rar!\x1a\x07" + bytes(99), "a file that libsndfile cannot read"),
        (b"PK\x03\x04" + bytes(99), "a ZIP archive"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(99), "a Windows Media file"),
        (b"#!AMR\n" + bytes(99), "an AMR file"),
        (b"MThd" + bytes(99), "a MIDI file"),
        (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10), "a tag without a sound"),
        (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + b"\xff\xf1\x50\x80" + bytes(99), "an AAC file"),
    ],
)
def test_what_is_no_recording_is_named_with_the_command_that_converts_it(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"expected a recording .*found .*{says}.*ffmpeg"):
        read_recording(path)


def test_the_command_that_converts_a_file_can_be_pasted_whatever_the_file_is_called(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my song's mix.m4a"
    path.write_bytes(b"\x00\x00\x00\x20ftypM4A " + bytes(200))
    with pytest.raises(InputError) as refusal:
        read_recording(path)
    command = str(refusal.value).split("`")[1]
    words = ["ffmpeg", "-i", path.name, "-c:a", "pcm_s16le", "my song's mix-pcm.wav"]
    assert shlex.split(command) == words


def test_a_folder_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found a folder"):
        read_recording(tmp_path)


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_any_other_file_is_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"expected .*\."):
        read_recording(path)


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III"), ("a.aiff", "PCM_16")],
)
@pytest.mark.parametrize("kept", [0.6, 0.1, 0.01])
def test_any_format_that_is_cut_off_is_sound_or_one_sentence(
    tmp_path: Path, name: str, subtype: str, kept: float
) -> None:
    path = tmp_path / name
    soundfile.write(path, sweep(44_100), 44_100, subtype=subtype)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    try:
        sound = read_recording(path)
    except InputError:
        return
    assert 0 < len(sound) < 48_000


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_tags_after_the_sound_are_no_sound(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, sweep(44_100), 44_100)
    whole = read_recording(path)
    path.write_bytes(path.read_bytes() + b"TAG" + b"Hoshi sings".ljust(125, b"\0"))
    np.testing.assert_array_equal(read_recording(path), whole)


def test_a_truncated_wav_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = written(tmp_path, 24_000, (tone(24_000) * 32767).astype(np.int16))
    whole = read_recording(path)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 5000 + 1])
    np.testing.assert_array_equal(read_recording(path), whole[:5000])


def test_a_wav_cut_off_in_its_header_is_a_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, 24_000, (tone(24_000) * 32767).astype(np.int16))
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(InputError, match="without a 'data' chunk"):
        read_recording(path)


@pytest.mark.parametrize("subtype", ["MS_ADPCM", "IMA_ADPCM", "GSM610"])
def test_compressed_wavs_are_read(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(24_000), 24_000, subtype=subtype)
    found = read_recording(path)
    assert 24_000 <= len(found) < 25_500  # whole blocks of the codec
    assert np.abs(found).max() == pytest.approx(16384, rel=0.4)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("rate_hz", [8000, 11_025, 24_000, 44_100])
def test_one_sample_of_any_rate_and_channel_count_is_sound(
    tmp_path: Path, channels: int, rate_hz: int
) -> None:
    sound = read_recording(written(tmp_path, rate_hz, np.full((1, channels), 9000, np.int16)))
    assert 1 <= len(sound) <= 3
