"""Where an MPEG audio stream begins that was cut out of a longer one (ISO 11172-3, 13818-3)."""

from typing import Final

_RATES_HZ: Final = (44_100, 48_000, 32_000)
_KBIT: Final[dict[tuple[int, int], tuple[int, ...]]] = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""(version, layer) -> kilobits a second; version 2.5 is as 2."""


def first_frame(head: bytes) -> int | None:
    """Where the first frame begins that another one of its kind follows; None without one."""
    at = -1
    while (at := head.find(b"\xff", at + 1)) >= 0:
        size = frame_bytes(head[at : at + 4])
        if size and frame_bytes(head[at + size : at + size + 4]):
            return at
    return None


def frame_bytes(header: bytes) -> int:
    """The length of the frame that these four bytes begin; 0 where they begin none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] < 0xE0:
        return 0
    version = {0: 4, 2: 2, 3: 1}.get((header[1] >> 3) & 3, 0)
    layer = 4 - ((header[1] >> 1) & 3)
    rate, speed = (header[2] >> 2) & 3, header[2] >> 4
    if not version or layer == 4 or rate == 3 or not 0 < speed < 15:
        return 0
    kbit, rate_hz = _KBIT[min(version, 2), layer][speed - 1], _RATES_HZ[rate] // version
    padding = (header[2] >> 1) & 1
    if layer == 1:
        return (12_000 * kbit // rate_hz + padding) * 4
    return (72_000 if layer == 3 and version > 1 else 144_000) * kbit // rate_hz + padding
