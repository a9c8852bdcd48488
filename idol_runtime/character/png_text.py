"""Texts that a PNG carries beside its picture: its chunks tEXt, zTXt and iTXt (W3C PNG, 11.3.3)."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from idol_runtime.errors import InputError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Of one text when it is unpacked."""
_TEXT_KINDS: Final = (b"tEXt", b"zTXt", b"iTXt")


def read_texts(png: bytes) -> list[tuple[str, bytes]]:
    """Keywords with what stands under them, in order; a keyword may stand there twice.

    Raises:
        InputError: no PNG, cut short, or a text that cannot be unpacked or is far too long.
    """
    return [_text(kind, body) for kind, body in _chunks(png) if kind in _TEXT_KINDS]


def without_texts(png: bytes, is_dropped: Callable[[str], bool]) -> bytes:
    """The same picture without the texts of some keywords, and without what follows its end."""
    return SIGNATURE + b"".join(
        _chunk(kind, body)
        for kind, body in _chunks(png)
        if kind not in _TEXT_KINDS or not is_dropped(_keyword(body))
    )


def with_texts(png: bytes, texts: Mapping[str, bytes]) -> bytes:
    """The picture with texts (Latin-1 or ASCII) right before its end, in place of others of
    these keywords.
    """
    bare = without_texts(png, lambda keyword: keyword in texts)
    end = bare.rindex(b"IEND") - 4
    added = (_chunk(b"tEXt", key.encode("latin-1") + b"\0" + text) for key, text in texts.items())
    return bare[:end] + b"".join(added) + bare[end:]


def plain_png(
    width: int, height: int, top: tuple[int, int, int], bottom: tuple[int, int, int]
) -> bytes:
    """A picture of one colour that turns into another downwards, 8-bit RGB."""
    rows = bytearray()
    for y in range(height):
        share = y / max(1, height - 1)
        colour = bytes(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True))
        rows += b"\0" + colour * width
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Up to and with IEND. Checksums are not looked at: many programs write wrong ones."""
    if not png.startswith(SIGNATURE):
        raise InputError("Expected a PNG picture, found another file; save it as PNG.")
    at = len(SIGNATURE)
    while at + 8 <= len(png):
        [size], kind = struct.unpack_from(">I", png, at), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + size]
        if len(body) < size:
            break
        yield kind, body
        if kind == b"IEND":
            return
        at += size + 12
    raise InputError("Expected a whole PNG picture, found one that is cut short; get it again.")


def _keyword(body: bytes) -> str:
    return body.partition(b"\0")[0].decode("latin-1")


def _text(kind: bytes, body: bytes) -> tuple[str, bytes]:
    keyword, rest = _keyword(body), body.partition(b"\0")[2]
    if kind == b"zTXt":
        return keyword, _unpacked(rest[1:])
    if kind == b"iTXt":
        is_packed, rest = rest[:1] == b"\1", rest[2:]
        text = rest.partition(b"\0")[2].partition(b"\0")[2]
        return keyword, _unpacked(text) if is_packed else text
    return keyword, rest


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, MAX_TEXT_BYTES + 1)
    except zlib.error:
        raise InputError(
            "Expected a packed text that can be unpacked in the PNG, found a damaged one; get the "
            "picture again."
        ) from None
    if len(text) > MAX_TEXT_BYTES:
        raise InputError(
            f"Expected texts of at most {MAX_TEXT_BYTES >> 20} MiB in the PNG, found a longer one; "
            "take it out."
        )
    return text
