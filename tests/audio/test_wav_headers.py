import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.audio.recording import read_recording
from idol_runtime.errors import InputError

PCM, FLOAT = 1, 3
VALUES = np.array([0, 1000, -1000, 32000, -32768], "<i2")
EXPECTED = [0, 1000, -1000, 31999, -32767]

Pcm = NDArray[np.int16]


def form(code: int, channels: int, rate_hz: int, bits: int, order: str = "<") -> bytes:
    align = channels * -(-bits // 8)
    head = struct.pack(
        f"{order}HHIIHH", code, channels, rate_hz, rate_hz * align % 2**32, align, bits
    )
    return b"fmt " + struct.pack(f"{order}I", len(head)) + head


def data(sound: bytes, order: str = "<") -> bytes:
    return b"data" + struct.pack(f"{order}I", len(sound)) + sound + b"\0" * (len(sound) % 2)


def riff(magic: bytes, code: int, channels: int, rate_hz: int, bits: int, sound: bytes) -> bytes:
    order = ">" if magic == b"RIFX" else "<"
    body = b"WAVE" + form(code, channels, rate_hz, bits, order) + data(sound, order)
    return magic + struct.pack(f"{order}I", len(body)) + body


def read(tmp_path: Path, content: bytes) -> Pcm:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    return read_recording(path)


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), min_size=1, max_size=4),
    st.integers(0, 400),
)
@settings(max_examples=200)
def test_a_damaged_wav_is_sound_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]], kept: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.wav"
    content = bytearray(riff(b"RIFF", PCM, 2, 48_000, 16, np.arange(160, dtype="<i2").tobytes()))
    for at, value in damage:
        content[at % len(content)] = value
    path.write_bytes(content[: 44 + kept])
    try:
        sound = read_recording(path)
    except InputError:
        return
    assert sound.dtype == np.int16
    assert len(sound) > 0


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_sizes_that_were_never_completed_do_not_matter(tmp_path: Path, size: int) -> None:
    """Programs that write into a pipe, and recorders that lose power, leave such headers."""
    content = bytearray(riff(b"RIFF", PCM, 1, 24_000, 16, VALUES.tobytes()))
    content[4:8] = content[40:44] = struct.pack("<I", size)
    assert read(tmp_path, bytes(content)).tolist() == EXPECTED


def test_chunks_before_and_after_the_sound_are_no_sound(tmp_path: Path) -> None:
    tags = b"LIST" + struct.pack("<I", 5) + b"INFOx\0"  # odd, hence padded
    body = b"WAVE" + tags + form(PCM, 1, 24_000, 16) + data(VALUES.tobytes()) + tags
    assert read(tmp_path, b"RIFF" + struct.pack("<I", len(body)) + body).tolist() == EXPECTED


def test_a_big_endian_file_reads_the_same(tmp_path: Path) -> None:
    pcm = riff(b"RIFX", PCM, 1, 24_000, 16, VALUES.astype(">i2").tobytes())
    floats = riff(b"RIFX", FLOAT, 1, 24_000, 32, (VALUES / 32768).astype(">f4").tobytes())
    for content in (pcm, floats):
        np.testing.assert_allclose(read(tmp_path, content), EXPECTED, atol=1)


def test_a_24_bit_sample_is_scaled_by_its_own_full_scale(tmp_path: Path) -> None:
    values = (0, 2**22, -(2**23))
    raw = b"".join(value.to_bytes(3, "little", signed=True) for value in values)
    assert read(tmp_path, riff(b"RIFF", PCM, 1, 24_000, 24, raw)).tolist() == [0, 16384, -32767]
    raw = b"".join(value.to_bytes(3, "big", signed=True) for value in values)
    assert read(tmp_path, riff(b"RIFX", PCM, 1, 24_000, 24, raw)).tolist() == [0, 16384, -32767]


@pytest.mark.parametrize("magic", [b"RF64", b"BW64"])
def test_files_of_the_64_bit_family_hold_their_size_elsewhere(tmp_path: Path, magic: bytes) -> None:
    sound = VALUES.tobytes()
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, len(sound), len(VALUES), 0)
    body = sizes + form(PCM, 1, 24_000, 16) + b"data\xff\xff\xff\xff" + sound + b"LIST\4\0\0\0xxxx"
    assert read(tmp_path, magic + b"\xff\xff\xff\xffWAVE" + body).tolist() == EXPECTED


@pytest.mark.parametrize(("code", "dtype"), [(PCM, "<i2"), (FLOAT, "<f4")])
def test_an_extensible_header_names_its_format_inside(
    tmp_path: Path, code: int, dtype: str
) -> None:
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
def test_telephone_samples_follow_g711(
    tmp_path: Path, code: int, raw: bytes, values: list[int]
) -> None:
    np.testing.assert_allclose(
        read(tmp_path, riff(b"RIFF", code, 1, 24_000, 8, raw)), values, atol=1.5
    )


@pytest.mark.parametrize("channels", [0, 65, 2000])
def test_impossible_channel_counts_are_a_sentence(tmp_path: Path, channels: int) -> None:
    with pytest.raises(InputError, match=r"expected a recording .*hannel.*ffmpeg"):
        read(tmp_path, riff(b"RIFF", PCM, channels, 24_000, 16, bytes(100)))


@pytest.mark.parametrize("rate_hz", [0, 7, 2_000_000, 4 * 10**9])
def test_impossible_rates_are_a_sentence(tmp_path: Path, rate_hz: int) -> None:
    with pytest.raises(InputError, match=r"expected a recording .*ffmpeg"):
        read(tmp_path, riff(b"RIFF", PCM, 1, rate_hz, 16, bytes(100)))
