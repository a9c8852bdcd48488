"""PNG files from arrays, by zlib alone (ISO/IEC 15948)."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SUB = 1


def encode_png(image: NDArray[np.float64]) -> bytes:
    """8-bit RGB of an (h, w, 3) or RGBA of an (h, w, 4) image with values in [0, 1]."""
    pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    height, width, channels = pixels.shape
    before = np.pad(pixels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = _SUB
    rows[:, 1:] = (pixels - before).reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if channels == 4 else 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), 7))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
