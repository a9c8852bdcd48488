"""The WAV family as it is met in the wild: RIFF, RIFX, RF64 and BW64, read block by block.

Microsoft RIFF/WAVE (1994), WAVE_FORMAT_EXTENSIBLE (2001), EBU Tech 3306 (RF64), ITU-R BS.2088
(BW64), ITU-T G.711 (A-law and mu-law). Headers are trusted as far as the file's size allows: a
recorder that was cut off, and a program that writes into a pipe, leave sizes that are not true.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from idol_runtime.errors import InputError

MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 1_000_000
BLOCK_FRAMES = 1 << 16

_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_WIDTHS = {_PCM: (1, 2, 3, 4, 8), _FLOAT: (4, 8), _A_LAW: (1,), _MU_LAW: (1,)}
_OTHER_FILES = {
    b"ID3": "an MP3 file",
    b"\xff\xfb": "an MP3 file",
    b"\xff\xf3": "an MP3 file",
    b"\xff\xf2": "an MP3 file",
    b"\xff\xf1": "an AAC file",
    b"OggS": "an Ogg file",
    b"fLaC": "a FLAC file",
    b"FORM": "an AIFF file",
    b"caff": "a Core Audio file",
    b".snd": "an AU file",
    b"riff": "a Sony Wave64 file",
    b"\x1aE\xdf\xa3": "a Matroska or WebM file",
}
_UNTOLD_SIZE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class WavFile:
    """Where a file's samples are and how they are written."""

    path: Path
    rate_hz: int
    channels: int
    frames: int
    """Samples of each channel that are really there."""
    encoding: int
    """The format code: PCM, float, A-law or mu-law."""
    width: int
    """Bytes of one sample."""
    big_endian: bool
    start: int
    """Byte position of the first sample."""

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """The samples as [n, channels] in [-1, 1]; what is louder is clipped, NaN is silence.

        Raises:
            InputError: the file cannot be read any more.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.start)
                for first in range(0, self.frames, BLOCK_FRAMES):
                    count = min(BLOCK_FRAMES, self.frames - first)
                    raw = file.read(count * self.channels * self.width)
                    whole = len(raw) // (self.channels * self.width)
                    samples = self._decode(raw[: whole * self.channels * self.width])
                    finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
                    yield np.clip(finite, -1.0, 1.0).reshape(whole, self.channels)
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def _decode(self, raw: bytes) -> NDArray[np.float64]:
        order = ">" if self.big_endian else "<"
        if self.encoding in (_A_LAW, _MU_LAW):
            table = _a_law() if self.encoding == _A_LAW else _mu_law()
            return table[np.frombuffer(raw, np.uint8)] / 32768.0
        if self.encoding == _FLOAT:
            return np.frombuffer(raw, f"{order}f{self.width}").astype(np.float64)
        if self.width == 1:  # 8-bit PCM is unsigned
            return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128.0) / 128.0
        if self.width == 3:
            padded = np.zeros((len(raw) // 3, 4), np.uint8)
            padded[:, slice(0, 3) if self.big_endian else slice(1, 4)] = np.frombuffer(
                raw, np.uint8
            ).reshape(-1, 3)
            return padded.view(f"{order}i4")[:, 0].astype(np.float64) / 2.0**31
        whole = np.frombuffer(raw, f"{order}i{self.width}").astype(np.float64)
        return whole / 2.0 ** (8 * self.width - 1)


def open_wav(path: Path) -> WavFile:
    """Reads a file's header.

    Raises:
        InputError: no such file, not a WAV file, one without samples, or with samples in a form
            that is not PCM, float, A-law or mu-law.
    """
    try:
        with path.open("rb") as file:
            return _read_header(path, file)
    except FileNotFoundError:
        raise InputError(f"{path}: expected a WAV file, found no such file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: expected a WAV file, found a folder; name one file.") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _read_header(path: Path, file: BinaryIO) -> WavFile:
    size = os.fstat(file.fileno()).st_size
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head[8:] != b"WAVE":
        raise _not_wav(path, _kind_of(head))
    big_endian = head.startswith(b"RIFX")
    order = ">" if big_endian else "<"
    ends = 8 + struct.unpack(f"{order}I", head[4:8])[0]
    told: int | None = None
    form: bytes | None = None
    sound: tuple[int, int] | None = None
    while len(chunk := file.read(8)) == 8:
        name, length = chunk[:4], struct.unpack(f"{order}I", chunk[4:])[0]
        start = file.tell()
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            told = struct.unpack("<Q", sizes[8:])[0]
        elif name == b"fmt " and form is None:
            form = file.read(min(length, 40))
        elif name == b"data" and sound is None:
            if length == _UNTOLD_SIZE and told is not None:
                length = told
            elif length == 0 and ends <= start:  # the header was never completed
                length = size - start
            length = max(0, min(length, size - start))
            sound = (start, length)
        file.seek(start + length + length % 2)
    if form is None:
        raise _not_wav(path, "a WAV file that does not describe its samples")
    if sound is None:
        raise _not_wav(path, "a WAV file without samples")
    return _described(path, form, sound, big_endian)


def _described(path: Path, form: bytes, sound: tuple[int, int], big_endian: bool) -> WavFile:
    order = ">" if big_endian else "<"
    if len(form) < 16:
        raise _not_wav(path, "a WAV file whose description is cut short")
    code, channels, rate_hz, _, align, bits = struct.unpack(f"{order}HHIIHH", form[:16])
    if code == _EXTENSIBLE and len(form) >= 28:
        code = struct.unpack(f"{order}I", form[24:28])[0] & 0xFFFF
    if not 1 <= channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise _not_wav(path, f"{channels} channels at {rate_hz} Hz")
    width = align // channels or -(-bits // 8)
    if code not in _WIDTHS:
        raise _not_wav(path, f"samples of the compressed format 0x{code:04x}")
    if width not in _WIDTHS[code]:
        raise _not_wav(path, f"samples of {width} bytes")
    start, length = sound
    frames = length // (channels * width)
    if not frames:
        raise InputError(
            f"{path}: expected some sound, found a file without samples; record it again."
        )
    return WavFile(path, rate_hz, channels, frames, code, width, big_endian, start)


def _kind_of(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp":
        return "an MP4 or M4A file"
    if head.startswith(b"RIFF"):
        return "a RIFF file of another kind" if len(head) == 12 else "a WAV file cut off at once"
    known = (kind for magic, kind in _OTHER_FILES.items() if head.startswith(magic))
    return next(known, "another kind of file")


def _not_wav(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: expected a WAV file with PCM or float samples, found {found}; convert it, for "
        f"example with `ffmpeg -i {path.name} -c:a pcm_s16le {path.stem}-pcm.wav`."
    )


def _unreadable(path: Path, error: OSError) -> InputError:
    reason = (error.strerror or "it cannot be read").lower()
    return InputError(
        f"{path}: expected a WAV file that can be read, but {reason}; check its rights, or copy "
        "it to this machine."
    )


def _mu_law() -> NDArray[np.float64]:
    """[256], values of the 16-bit scale."""
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.float64)


def _a_law() -> NDArray[np.float64]:
    """[256], values of the 16-bit scale."""
    code = np.arange(256) ^ 0x55
    segment, steps = (code & 0x70) >> 4, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, steps + 8, (steps + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.float64)
