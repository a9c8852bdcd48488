"""The last page of an OGG that was cut off (RFC 3533)."""

import itertools
import struct
from typing import Final

_HEADER: Final = 27
_LAST: Final = 4
"""The flag of a stream's last page."""


def cut_page(tail: bytes) -> tuple[int, bytes, bool]:
    """Looks at the last page in the end of a file.

    Returns:
        Where in `tail` the whole pages end; a page to put there, of the packets that are there of
        the next one; whether nothing is missing.
    """
    at = len(tail)
    while (at := tail.rfind(b"OggS\0", 0, at)) >= 0:
        sizes = tail[at + _HEADER : at + _HEADER + tail[at + 26]] if at + 26 < len(tail) else b""
        end = at + _HEADER + len(sizes) + sum(sizes)
        if len(sizes) and len(sizes) == tail[at + 26] and end <= len(tail):
            return end, b"", bool(tail[at + 5] & _LAST)
        return at, _shortened(tail[at:], sizes), False
    return len(tail), b"", True


def _shortened(page: bytes, sizes: bytes) -> bytes:
    """The page with the packets that are whole; nothing where there is none."""
    if len(page) < _HEADER or len(sizes) < page[26]:
        return b""
    body = page[_HEADER + len(sizes) :]
    ends = list(itertools.accumulate(sizes))
    count = max(
        (at + 1 for at, size in enumerate(sizes) if size < 255 and ends[at] <= len(body)), default=0
    )
    if not count:
        return b""
    whole = page[:22] + bytes(4) + bytes([count]) + sizes[:count] + body[: ends[count - 1]]
    return whole[:22] + struct.pack("<I", _checksum(whole)) + whole[26:]


def _checksum(page: bytes) -> int:
    rest = 0
    for byte in page:
        rest ^= byte << 24
        for _ in range(8):
            rest = (rest << 1) ^ (0x104C11DB7 if rest & 0x80000000 else 0)
    return rest
