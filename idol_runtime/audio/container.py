"""Where in a file its sound is, and what of the file libsndfile is shown.

What recorders, editors, taggers and interrupted transfers leave around the sound is left out:
tags before it, a stream of another kind inside a WAV, the half of a page at the end of an OGG.
"""

import io
import os
import re
import struct
from collections.abc import Callable
from typing import BinaryIO, Final

from idol_runtime.audio.mpeg import first_frame
from idol_runtime.audio.ogg import cut_page
from idol_runtime.audio.wav_chunks import UnreadableWavError, find_chunks

LOOK: Final = 1 << 16
"""How far into a file its sound may begin, tags with a size of their own not counted."""
_BEGINNINGS: Final = re.compile(
    rb"(?:[Rr][Ii][Ff][FfXx]|RF64|BW64)....WAVE|OggS\x00|fLaC\x00|FORM....AIF[FC]|caff\x00\x01",
    re.DOTALL,
)
_UNREADABLE: Final[dict[bytes, str]] = {
    rb"....ftyp": "an MP4 or M4A file",
    rb"....moov": "a QuickTime file",
    rb"\xff[\xf0\xf1\xf8\xf9]": "an AAC file",
    rb"ADIF": "an AAC file",
    rb"\x1aE\xdf\xa3": "a Matroska or WebM file",
    rb"\x30\x26\xb2\x75": "a Windows Media file",
    rb"#!AMR": "an AMR file",
    rb"#!SILK|\x02#!SILK": "a SILK file",
    rb"MAC ": "a Monkey's Audio file",
    rb"wvpk": "a WavPack file",
    rb"MPCK|MP\+": "a Musepack file",
    rb"TTA": "a True Audio file",
    rb"DSD |FRM8": "a DSD file",
    rb"FLV": "a Flash film",
    rb"MThd": "a MIDI file",
    rb"PK\x03\x04": "a ZIP archive",
    rb"\x1f\x8b": "a gzip archive",
    rb"\s*<(?:!DOCTYPE|!doctype|html|HTML|\?xml)": "a web page",
    rb"version https://git-lfs": "a pointer of Git LFS instead of the file itself",
    rb"RIFF.{0,7}\Z": "a WAV file cut off at once",
    rb"RIFF....(?!WAVE)": "a RIFF file of another kind",
}
"""How files begin that libsndfile cannot read."""
_SAID: Final[dict[bytes, Callable[[bytes], int]]] = {
    b"FORM": lambda head: 8 + int.from_bytes(head[4:8], "big"),
    b".snd": lambda head: int.from_bytes(head[4:8], "big") + int.from_bytes(head[8:12], "big"),
    b"riff": lambda head: int.from_bytes(head[16:24], "little"),
}
"""How long AIFF, AU and Wave64 files say that they are."""


class ShownFile:
    """A file as libsndfile is to see it: `before`, the bytes from `start` to `end`, `behind`."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.found = ""
        """What the file is, where libsndfile cannot read it."""
        self.cut = ""
        """How the file is cut off; empty where it is whole."""
        self.before = self.behind = b""
        self.start, self.end = 0, file.seek(0, os.SEEK_END)
        self._at = 0
        self._look()

    def __len__(self) -> int:
        return len(self.before) + self.end - self.start + len(self.behind)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        count = len(self) - self._at if count < 0 else count
        raw = self.before[self._at : self._at + count]
        inside = self._at + len(raw) - len(self.before)
        if 0 <= inside < self.end - self.start and len(raw) < count:
            try:
                raw += self._bytes(
                    self.start + inside, min(self.end, self.start + inside + count - len(raw))
                )
            except OSError as error:  # must not cross libsndfile, which would take it for the end
                self.error, count = error, 0
        behind = self._at + len(raw) - len(self.before) - (self.end - self.start)
        if behind >= 0 and len(raw) < count:
            raw += self.behind[behind : behind + count - len(raw)]
        self._at += len(raw)
        return raw

    def _bytes(self, start: int, end: int) -> bytes:
        self.file.seek(start)
        return self.file.read(max(0, end - start))

    def _look(self) -> None:
        self._skip_tags()
        head = self._bytes(self.start, self.start + LOOK)
        if not head:
            self.found = "an empty file" if not self.start else "a tag without a sound"
            return
        for begins, kind in _UNREADABLE.items():
            if re.match(begins, head, re.DOTALL):
                self.found = kind
                return
        if match := _BEGINNINGS.search(head):
            self.start += match.start()
            self._open(head[match.start() :])
        elif (frame := first_frame(head)) is not None:
            self.start += frame
        else:
            self._check_length(head)

    def _skip_tags(self) -> None:
        """ID3v2: a tag says how long it is; a file may have several."""
        while (tag := self._bytes(self.start, self.start + 10))[:3] == b"ID3" and len(tag) == 10:
            size = sum((byte & 127) << (7 * (3 - at)) for at, byte in enumerate(tag[6:]))
            self.start = min(self.end, self.start + 10 + size)

    def _open(self, head: bytes) -> None:
        magic = head[:4].upper()
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
            self._open_wav(magic)
        elif magic == b"OGGS":
            self._close_ogg(head)
        elif magic == b"CAFF":
            self._close_caf()
        else:
            self._check_length(head)

    def _open_wav(self, magic: bytes) -> None:
        try:
            chunks = find_chunks(self.file, self.start, self.end, big=magic == b"RIFX")
        except UnreadableWavError as error:
            self.found = str(error)
            return
        self.cut = chunks.cut
        self.start, self.end = chunks.start, chunks.end
        if not chunks.holds_stream:
            self.before = chunks.header()

    def _close_ogg(self, head: bytes) -> None:
        tail = max(self.start, self.end - 2 * LOOK)
        page, self.behind, is_whole = cut_page(self._bytes(tail, self.end))
        if not is_whole:
            self.end = tail + page
            # An Opus page says when its last packet ends; in Vorbis the packets alone decide.
            if b"OpusHead" in head[:64]:
                self.behind = b""
            self.cut = "the end of the file is missing"

    def _close_caf(self) -> None:
        """A data chunk that ends behind the file is said to end with it."""
        at = self.start + 8
        while len(chunk := self._bytes(at, at + 12)) == 12:
            size = struct.unpack(">q", chunk[4:])[0]
            if chunk[:4] == b"data" and size > self.end - at - 12:
                left = struct.pack(">q", self.end - at - 12)
                self.before = self._bytes(self.start, at + 4) + left
                self.start = at + 12
                self.cut = "the end of the file is missing"
            if size < 0 or chunk[:4] == b"data":
                return
            at += 12 + size

    def _check_length(self, head: bytes) -> None:
        said = _SAID.get(head[:4])
        if said is not None and self.end - self.start < said(head) < 1 << 31:
            self.cut = "the end of the file is missing"
