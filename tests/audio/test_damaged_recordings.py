"""Recordings that were cut off, tagged, renamed or badly written: sound, with a note, or a name."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.audio.recording import read_recording
from idol_runtime.cli.main import main
from idol_runtime.errors import InputError
from tests.audio.test_recording import sweep
from tests.audio.test_wav_headers import EXPECTED, FLOAT, PCM, VALUES, data, form

Pcm = NDArray[np.int16]
FORMAT, SOUND = form(PCM, 1, 24_000, 16), data(VALUES.tobytes())
KINDS = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "flac": ("FLAC", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "wav": ("WAV", "PCM_16"),
}


def chunk(name: bytes, content: bytes, *, size: int | None = None) -> bytes:
    """Without a pad byte."""
    return name + struct.pack("<I", len(content) if size is None else size) + content


def wave(*chunks: bytes, size: int | None = None) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks), size=size)


def encoded(kind: str, seconds: float = 8.0) -> bytes:
    written = io.BytesIO()
    container, subtype = KINDS[kind]
    soundfile.write(written, sweep(24_000, seconds), 24_000, format=container, subtype=subtype)
    return written.getvalue()


def read(folder: Path, content: bytes, name: str = "a.wav") -> tuple[Pcm, list[str]]:
    (folder / name).write_bytes(content)
    notes: list[str] = []
    return read_recording(folder / name, notes.append), notes


TAGS = chunk(b"LIST", b"INFOISFT\x05\0\0\0Lavfx")
LONG = chunk(b"LIST", b"INFO" + b"x" * 70_001)
WAVES = {
    "an odd chunk without its pad byte": wave(FORMAT, TAGS, SOUND),
    "an odd chunk without its pad byte first": wave(TAGS, FORMAT, SOUND),
    "two odd chunks without": wave(FORMAT, TAGS, TAGS, SOUND),
    "one with and one without": wave(TAGS + b"\0", FORMAT, TAGS, SOUND),
    "a long odd chunk without": wave(FORMAT, LONG, SOUND),
    "an odd broadcast chunk without": wave(chunk(b"bext", bytes(603)), FORMAT, SOUND),
    "an odd chunk behind the sound": wave(FORMAT, SOUND, TAGS),
    "the sound before its format": wave(SOUND, FORMAT),
    "two formats": wave(FORMAT, FORMAT, SOUND),
    "two sounds": wave(FORMAT, SOUND, SOUND),
    "an empty sound before the sound": wave(FORMAT, data(b""), SOUND),
    "a chunk that claims too much": wave(FORMAT, chunk(b"LIST", b"INFO", size=2**31), SOUND),
    "a chunk that claims too little": wave(FORMAT, chunk(b"LIST", b"INFOxxxx", size=4), SOUND),
    "a sound of size 0 in a file of the right size": wave(
        FORMAT, chunk(b"data", VALUES.tobytes(), size=0)
    ),
    "a sound of unknown size": wave(FORMAT, chunk(b"data", VALUES.tobytes(), size=0xFFFFFFFF)),
    "a file of size 0": wave(FORMAT, SOUND, size=0),
    "a file that claims too little": wave(FORMAT, SOUND, size=20),
    "a file that claims too much": wave(FORMAT, SOUND, size=2**31),
    "names in other letters": b"riff" + wave(FORMAT, b"DATA" + SOUND[4:])[4:],
    "a format without bits": wave(chunk(b"fmt ", FORMAT[8:22]), SOUND),
    "a long format": wave(chunk(b"fmt ", FORMAT[8:] + bytes(10)), SOUND),
    "no block size": wave(chunk(b"fmt ", FORMAT[8:20] + b"\0\0" + FORMAT[22:]), SOUND),
    "a wrong block size": wave(chunk(b"fmt ", FORMAT[8:20] + b"\7\0" + FORMAT[22:]), SOUND),
    "no bytes a second": wave(chunk(b"fmt ", FORMAT[8:16] + bytes(4) + FORMAT[20:]), SOUND),
    "a byte order mark before it": b"\xef\xbb\xbf" + wave(FORMAT, SOUND),
    "a tag before it": b"ID3\x03\0\0\0\0\1\x0a" + bytes(138) + wave(FORMAT, SOUND),
    "other bytes before it": bytes(3000) + wave(FORMAT, SOUND),
    "alignment chunks": wave(chunk(b"JUNK", bytes(92)), FORMAT, chunk(b"FLLR", bytes(3000)), SOUND),
    "64-bit sizes and an odd chunk": b"RF64\xff\xff\xff\xffWAVE"
    + chunk(b"ds64", struct.pack("<QQQI", 0, len(VALUES.tobytes()), 5, 0))
    + FORMAT + TAGS + chunk(b"data", VALUES.tobytes(), size=0xFFFFFFFF) + TAGS,
}  # fmt: skip


@pytest.mark.parametrize("oddity", WAVES)
def test_a_wav_that_is_badly_written_reads_as_a_good_one(tmp_path: Path, oddity: str) -> None:
    sound, notes = read(tmp_path, WAVES[oddity])
    assert sound.tolist() == EXPECTED
    assert notes == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (wave(SOUND), "a WAV file without a whole 'fmt ' chunk"),
        (wave(FORMAT), "a WAV file without a 'data' chunk"),
        (wave(form(PCM, 1, 24_000, 64), SOUND), "whole numbers of 64 bits"),
        (wave(form(FLOAT, 1, 24_000, 16), SOUND), "floating-point numbers of 16 bits"),
        (wave(form(0xFF, 1, 24_000, 16), SOUND), "a WAV file that holds AAC"),
        (wave(form(0x161, 1, 24_000, 16), SOUND), "holds Windows Media Audio"),
        (wave(form(0x2000, 1, 24_000, 16), SOUND), "holds Dolby Digital"),
        (wave(form(0x7777, 1, 24_000, 16), SOUND), "a file that libsndfile cannot read"),
        (wave(form(PCM, 1, 24_000, 0), SOUND), "a file that libsndfile cannot read"),
    ],
)
def test_a_wav_that_cannot_be_read_says_what_it_holds(
    tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(InputError, match=f"found .*{says}.*convert it, for example with `ffmpeg"):
        read(tmp_path, content)


def mp3_format(number: int = 0x55) -> bytes:
    """MPEGLAYER3WAVEFORMAT."""
    head = struct.pack("<HHIIHH", number, 1, 24_000, 8000, 1, 0)
    return chunk(b"fmt ", head + struct.pack("<HHIHHH", 12, 1, 2, 417, 1, 1393))


@pytest.mark.parametrize(
    ("kind", "number"),
    [("mp3", 0x55), ("mp3", 0x50), ("ogg", 0x674F), ("ogg", 0x6771), ("opus", 0x704F),
     ("flac", 0xF1AC)],
)  # fmt: skip
@pytest.mark.parametrize("tags", [b"", TAGS])
def test_a_stream_inside_a_wav_is_read_as_it_is_alone(
    tmp_path: Path, kind: str, number: int, tags: bytes
) -> None:
    alone, _ = read(tmp_path, encoded(kind))
    inside, notes = read(tmp_path, wave(mp3_format(number), tags, data(encoded(kind))))
    np.testing.assert_array_equal(inside, alone)
    assert notes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a", "a.txt"])
def test_any_kind_is_read_under_any_name(tmp_path: Path, kind: str, name: str) -> None:
    sound, notes = read(tmp_path, encoded(kind, 1.0), name)
    assert len(sound) == 24_000
    assert notes == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kept", [0.95, 0.6, 0.3])
def test_what_is_cut_off_is_read_as_far_as_it_goes_with_a_note(
    tmp_path: Path, kind: str, kept: float
) -> None:
    content = encoded(kind)
    whole, none = read(tmp_path, content)
    sound, notes = read(tmp_path, content[: int(len(content) * kept)])
    assert none == []
    (note,) = notes
    assert "is cut off or damaged" in note
    assert f"{len(sound) / 24_000:.1f} s were read" in note
    # Compressed sound is not spread evenly over its file; OGG and FLAC lose what was begun.
    assert kept - 0.3 < len(sound) / len(whole) <= kept + 0.1
    kept_whole = len(sound) - 2400
    assert np.abs(sound[:kept_whole].astype(int) - whole[:kept_whole]).max() <= 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("au", "w64")])
@pytest.mark.parametrize("before", [b"ID3\x04\0\0\0\0\4\0" + bytes(512), bytes(1000), b"\r\n"])
def test_tags_and_other_bytes_before_the_sound_are_no_sound(
    tmp_path: Path, kind: str, before: bytes
) -> None:
    content = encoded(kind, 1.0)
    whole, _ = read(tmp_path, content)
    found, notes = read(tmp_path, before + content)
    np.testing.assert_array_equal(found, whole)
    assert notes == []


def test_an_mp3_that_begins_inside_a_frame_is_read_from_the_next_one(tmp_path: Path) -> None:
    content = encoded("mp3")
    sound, _ = read(tmp_path, content[len(content) // 2 + 11 :])
    assert len(sound) > 24_000


def test_a_flac_that_is_damaged_in_the_middle_is_read_up_to_there(tmp_path: Path) -> None:
    content = bytearray(encoded("flac"))
    whole, _ = read(tmp_path, bytes(content))
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    sound, notes = read(tmp_path, bytes(content))
    assert len(notes) == 1
    assert 24_000 < len(sound) < len(whole)
    np.testing.assert_array_equal(sound[:24_000], whole[:24_000])


def test_a_format_without_bits_whose_blocks_are_too_large_is_a_sentence(tmp_path: Path) -> None:
    content = wave(chunk(b"fmt ", FORMAT[8:20] + b"\xff\xff"), SOUND)
    with pytest.raises(InputError, match="whole numbers of 64 bits"):
        read(tmp_path, content)


WHOLE = {kind: encoded(kind, 0.4) for kind in KINDS} | {
    "stream in a wav": wave(mp3_format(), TAGS, data(encoded("mp3", 0.4))),
    "wav with tags": wave(TAGS, FORMAT, TAGS, data(np.arange(2000, dtype="<i2").tobytes())),
}


@given(
    kind=st.sampled_from(sorted(WHOLE)),
    flips=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=4),
    cut=st.floats(0, 1),
    before=st.binary(max_size=12),
)
@settings(max_examples=250)
def test_any_damage_is_sound_or_one_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    flips: list[tuple[int, int]],
    cut: float,
    before: bytes,
) -> None:
    content = bytearray(WHOLE[kind])
    for at, value in flips:
        content[at % len(content)] = value
    kept = before + bytes(content[: int(len(content) * cut)])
    try:
        sound, _ = read(tmp_path_factory.mktemp("any"), kept)
    except InputError:
        return
    assert 0 < len(sound) < 10**7


def test_the_command_reads_what_is_there_and_says_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = encoded("flac", 2.0)
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert main(["animate", str(tmp_path / "a.flac"), "--out", str(tmp_path / "out")]) == 0
    assert "a.flac: is cut off or damaged (flac decoder lost sync)" in capsys.readouterr().err


def test_the_command_names_a_file_it_cannot_read_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wav").write_bytes(wave(form(0xFF, 1, 24_000, 16), SOUND))
    assert main(["animate", str(tmp_path / "a.wav"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "found a WAV file that holds AAC; convert it, for example with `ffmpeg -i a.wav" in said
    assert "Traceback" not in said
