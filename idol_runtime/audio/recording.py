"""Reading recordings: any format that libsndfile knows, of any rate and channel count.

libsndfile forgives what recorders leave behind when they lose power and programs when they write
into a pipe: sizes that are not true, sound that is cut off, odd chunks around it.
"""

import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.errors import InputError

MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 1_000_000
BLOCK_FRAMES = 1 << 16

Samples = NDArray[np.float64]


def read_recording(path: Path) -> NDArray[np.int16]:
    """A recording as mono PCM16 at `AUDIO_RATE_HZ`, shape (n,).

    WAV and its family, FLAC, OGG (Vorbis and Opus), MP3, AIFF, CAF and more are read, block by
    block: only the result is held in memory, 2.9 MB a minute. Channels are averaged; where that
    would cancel them (one is the other upside down), the loudest is taken. A WAV that is cut off
    is read as far as it goes. An MP3 of varying bit rate must say how long it is (by a Xing or
    Info frame, as all encoders of today write): libsndfile guesses otherwise, and may stop early.

    Raises:
        InputError: no such file, one that cannot be read, or one without samples.
    """
    with _opened(path) as sound:
        mix = _channel_weights(sound)
    with _opened(path) as sound:
        mono = (block @ mix for block in _blocks(sound))
        pieces = [to_pcm16(piece) for piece in _resampled(mono, sound.samplerate)]
    if not any(map(len, pieces)):
        raise InputError(
            f"{path}: expected some sound, found a file without samples, or cut off before "
            "them; record it again."
        )
    return np.concatenate(pieces)


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Samples in [-1, 1], clipped, as PCM16."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype(np.int16)


class _Repaired:
    """A file whose header says what libsndfile understands; everything after it as it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.head = bytearray(file.read(4096))
        self.error: OSError | None = None
        self.found = _kind_of(bytes(self.head))
        at = self.head.find(b"data") + 4
        if self.head.startswith(b"BW64"):  # ITU-R BS.2088: RF64 by another name
            self.head[:4] = b"RF64"
        elif self.head.startswith(b"RIFF") and self.head[at : at + 4] == bytes(4):
            ends = 8 + struct.unpack("<I", self.head[4:8])[0]
            if ends <= at + 4:  # the header was never completed: all that follows is sound
                self.head[at : at + 4] = b"\xff" * 4

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, count: int = -1) -> bytes:
        at = self.file.tell()
        try:
            raw = self.file.read(count)
        except OSError as error:  # must not cross libsndfile, which would take it for the end
            self.error, raw = error, b""
        repaired = self.head[at : at + len(raw)]
        return bytes(repaired) + raw[len(repaired) :]


class _Forward(soundfile.SoundFile):
    """Read from its beginning to its end: seeking between blocks, which `read` does where it can,
    makes an MP3 click and loses what is there of a file that is cut off.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    found = ""
    try:
        with path.open("rb") as file:
            repaired = _Repaired(file)
            found = repaired.found
            repaired.seek(0)
            with _Forward(repaired) as sound:
                rate_hz, channels = sound.samplerate, sound.channels
                if channels > MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
                    raise _unknown(path, f"{channels} channels at {rate_hz} Hz")
                yield sound
            if repaired.error:
                raise repaired.error
    except FileNotFoundError:
        raise InputError(f"{path}: expected a recording, found no such file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a recording, found a folder; name one file.") from None
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise InputError(
            f"{path}: expected a recording that can be read, but {reason}; check its rights, or "
            "copy it to this machine."
        ) from None
    except soundfile.LibsndfileError as error:
        said = error.error_string.removeprefix("Error : ").rstrip(".")
        raise _unknown(path, found or f"a file that libsndfile cannot read ({said})") from None


def _blocks(sound: soundfile.SoundFile) -> Iterator[Samples]:
    """The samples as [n, channels] in [-1, 1]; what is louder is clipped, NaN is silence."""
    # What follows the sound of a FLAC would be an error; others end by themselves.
    left = sound.frames if sound.format == "FLAC" else sys.maxsize
    while len(block := sound.read(min(left, BLOCK_FRAMES), dtype="float64", always_2d=True)):
        left -= len(block)
        yield np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)


def _resampled(blocks: Iterable[Samples], rate_hz: int) -> Iterator[Samples]:
    if rate_hz == AUDIO_RATE_HZ:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, AUDIO_RATE_HZ, 1, dtype="float64")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0), last=True)


def _channel_weights(sound: soundfile.SoundFile) -> Samples:
    """[channels]: each the same, or the loudest alone where their mean would cancel them."""
    weights: Samples = np.full(sound.channels, 1 / sound.channels)
    if sound.channels == 1:
        return weights
    each, mixed = np.zeros(sound.channels), 0.0
    for block in _blocks(sound):
        each += (block**2).sum(axis=0)
        mixed += float(((block @ weights) ** 2).sum())
    # One channel alone leaves 1 / channels^2 of its power in the mean; less has been cancelled.
    if mixed < 0.5 * each.max() / sound.channels**2:
        weights = np.eye(sound.channels)[int(each.argmax())]
    return weights


def _kind_of(head: bytes) -> str:
    """What libsndfile cannot read is named; empty for all else."""
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp":
        return "an MP4 or M4A file"
    if head.startswith((b"\xff\xf1", b"\xff\xf9")):
        return "an AAC file"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "a Matroska or WebM file"
    if head.startswith(b"RIFF") and head[8:12] != b"WAVE":
        return "a RIFF file of another kind" if len(head) >= 12 else "a WAV file cut off at once"
    return ""


def _unknown(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: expected a recording (WAV, FLAC, OGG, MP3, ...), found {found}; "
        f"convert it, for example with `ffmpeg -i {path.name} -c:a pcm_s16le {path.stem}-pcm.wav`."
    )
