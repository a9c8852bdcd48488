"""The chunks of a WAV file, found as they lie there and not as their sizes claim.

Writers forget the pad byte of an odd chunk, never come back to fill a size in, or count wrong. A
chunk is believed where another one or the end follows it; else the next known one is looked for.
"""

import re
import struct
from dataclasses import dataclass
from typing import BinaryIO, Final

_NEVER_FILLED_IN: Final = 0x7FFFF000
"""Sizes from here on were put there before anything was known, as 0 is."""
_NAME: Final = re.compile(rb"[ -~]{4}", re.DOTALL)
_WINDOW: Final = 1 << 22
"""How far the next chunk is looked for."""
_EXTENSIBLE: Final = 0xFFFE
_STREAMS: Final = frozenset({0x50, 0x55, 0x674F, 0x6750, 0x6751, 0x676F, 0x6770, 0x6771, 0x704F,
                             0xF1AC})  # fmt: skip
"""MPEG, OGG and FLAC: files of their own in a chunk."""
_UNREADABLE: Final[dict[int, str]] = {
    0x0A: "Windows Media Voice", 0x22: "TrueSpeech", 0x42: "G.723.1", 0x61: "Duck DK4",
    0x62: "Duck DK3", 0x75: "Voxware", 0x83: "G.729", 0x92: "Dolby Digital", 0xFF: "AAC",
    0x130: "ACELP", 0x160: "Windows Media Audio", 0x161: "Windows Media Audio",
    0x162: "Windows Media Audio Professional", 0x163: "Windows Media Audio Lossless",
    0x270: "ATRAC3", 0x1600: "AAC", 0x1610: "AAC", 0x2000: "Dolby Digital", 0x2001: "DTS",
    0xA106: "AAC", 0xA109: "Speex",
}  # fmt: skip
"""By the format's number; libsndfile knows none of them."""


class UnreadableWavError(ValueError):
    """What a file holds that nobody here can read."""


@dataclass(frozen=True, slots=True)
class WavChunks:
    """The format of a file, and from where to where it has its sound."""

    form: bytes
    start: int
    end: int
    is_big_endian: bool
    cut: str
    """How the sound is cut off; empty where it is whole."""

    @property
    def holds_stream(self) -> bool:
        """The sound is a file of another kind."""
        return _format_number(self.form, "<") in _STREAMS

    def header(self) -> bytes:
        """What stands before the sound in a file that has nothing but its format and it."""
        order = ">" if self.is_big_endian else "<"
        size = min(self.end - self.start, 0xFFFFFFFF)
        form = b"fmt " + struct.pack(f"{order}I", len(self.form)) + self.form
        body = b"WAVE" + form + b"\0" * (len(self.form) % 2) + b"data"
        whole = struct.pack(f"{order}I", min(len(body) + 4 + size, 0xFFFFFFFF))
        return (
            (b"RIFX" if self.is_big_endian else b"RIFF")
            + whole
            + body
            + struct.pack(f"{order}I", size)
        )


def find_chunks(file: BinaryIO, start: int, end: int, *, big: bool = False) -> WavChunks:
    """Looks through the RIFF file between two places of a file.

    Raises:
        UnreadableWavError: there is no format or no sound, or one that libsndfile does not know.
    """
    order = ">" if big else "<"
    form, long_size = b"", 0
    sound: tuple[int, int, str] | None = None
    at: int | None = start + 12
    while at is not None and at + 8 <= end and not (form and sound):
        name, size = _chunk(file, at, order)
        name, body = name.lower(), at + 8
        if name == b"ds64":  # the sizes of RF64 and BW64 (ITU-R BS.2088)
            long_size = int.from_bytes(_bytes(file, body + 8, body + 16), "little")
        if name == b"fmt " and not form:
            form = _bytes(file, body, min(body + size, end, body + 4096))
        if name == b"data":
            size = long_size if size == 0xFFFFFFFF else size
            if sound is None and (size or not _follows(file, body, end, order)):
                sound = _sound(body, size, end, is_true=0 < size == long_size)
            if not form and sound is not None and sound[1] == end:
                form = _form_behind(file, body, end, order)
        at = _next(file, at, size, end, order)
    if sound is None:
        raise UnreadableWavError("a WAV file without a 'data' chunk")
    return WavChunks(_completed(form, order), *sound[:2], big, sound[2])


def _sound(body: int, size: int, end: int, *, is_true: bool) -> tuple[int, int, str]:
    if not (is_true or 0 < size < _NEVER_FILLED_IN):
        return body, end, ""
    missing = body + size - end
    cut = f"{missing} of {size} bytes are missing" if missing > 0 else ""
    return body, min(end, body + size), cut


def _next(file: BinaryIO, at: int, size: int, end: int, order: str) -> int | None:
    """Where the next chunk is: behind the pad byte, without one, or wherever one is found."""
    behind = at + 8 + size
    for place in (behind + size % 2, behind):
        if _follows(file, place, end, order):
            return place
    if behind <= end <= behind + 8:
        return None
    window = _bytes(file, at + 8, min(end, at + 8 + _WINDOW))
    known = re.search(rb"fmt [\x0e-\x80]\0\0\0|fmt \0\0\0[\x0e-\x80]|data", window, re.IGNORECASE)
    return None if known is None else at + 8 + known.start()


def _follows(file: BinaryIO, at: int, end: int, order: str) -> bool:
    if at + 8 > end:
        return False
    name, size = _chunk(file, at, order)
    if not _NAME.fullmatch(name):
        return False
    return at + 8 + size <= end or name.lower() == b"data"


def _form_behind(file: BinaryIO, body: int, end: int, order: str) -> bytes:
    """The format of a file that gives it behind a sound whose size is not true."""
    window = _bytes(file, max(body, end - 4096), end)
    at = window.rfind(b"fmt ")
    if at < 0:
        return b""
    size = struct.unpack(f"{order}I", window[at + 4 : at + 8].ljust(4, b"\0"))[0]
    return window[at + 8 : at + 8 + min(size, 4096)]


def _completed(form: bytes, order: str) -> bytes:
    """At least sixteen bytes: the first WAVs did not say how many bits a sample has.

    Raises:
        UnreadableWavError: it is cut off, or a kind of sound that libsndfile does not know.
    """
    if len(form) < 14:
        raise UnreadableWavError("a WAV file without a whole 'fmt ' chunk")
    number = _format_number(form, order)
    channels, align = (struct.unpack(f"{order}H", form[at : at + 2])[0] for at in (2, 12))
    if len(form) < 16:
        form = form[:14] + struct.pack(f"{order}H", min(8 * align // max(channels, 1), 64))
    bits = struct.unpack(f"{order}H", form[14:16])[0]
    if number in _UNREADABLE:
        raise UnreadableWavError(f"a WAV file that holds {_UNREADABLE[number]}")
    if number == 1 and bits > 32:
        raise UnreadableWavError(f"a WAV file with whole numbers of {bits} bits")
    if number == 3 and bits not in (32, 64):
        raise UnreadableWavError(f"a WAV file with floating-point numbers of {bits} bits")
    return form


def _format_number(form: bytes, order: str) -> int:
    number = struct.unpack(f"{order}H", form[:2])[0]
    if number == _EXTENSIBLE and len(form) >= 26:
        number = struct.unpack(f"{order}H", form[24:26])[0]
    return int(number)


def _chunk(file: BinaryIO, at: int, order: str) -> tuple[bytes, int]:
    head = _bytes(file, at, at + 8).ljust(8, b"\0")
    return head[:4], struct.unpack(f"{order}I", head[4:])[0]


def _bytes(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(max(0, end - start))
