"""Binary glTF 2.0: its document and the numbers its accessors name (Khronos glTF-2.0)."""

import json
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from training.humanoid.clip import Array
from training.motion_files.performance import MotionFileError, finite

_COMPONENTS: Final[dict[int, np.dtype[Any]]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, slots=True, eq=False)
class Glb:
    document: dict[str, Any]
    binary: bytes

    def numbers(self, accessor: int) -> Array:
        """[count, width] of an accessor, normalised integers as fractions.

        Raises:
            MotionFileError: a sparse accessor, or one that reaches beyond the file.
            KeyError, IndexError, TypeError: an accessor that does not exist.
        """
        item = self.document["accessors"][accessor]
        if "sparse" in item or "bufferView" not in item:
            raise MotionFileError(
                f"expected accessor {accessor} to hold its values, found a sparse one; export the "
                "motion without compression."
            )
        view = self.document["bufferViews"][item["bufferView"]]
        kind, width = _COMPONENTS[item["componentType"]], _WIDTHS[item["type"]]
        count = int(item["count"])
        start = view.get("byteOffset", 0) + item.get("byteOffset", 0)
        row = kind.itemsize * width
        stride = view.get("byteStride", row)
        if view.get("buffer", 0) or start + stride * (count - 1) + row > len(self.binary):
            raise MotionFileError(
                f"expected accessor {accessor} inside the file's {len(self.binary)} bytes, found "
                f"{count} rows from byte {start}; the file is cut short."
            )
        rows = np.ndarray((count, width), kind, self.binary, start, (stride, kind.itemsize))
        values = rows.astype(np.float64)
        if item.get("normalized"):
            values = np.maximum(values / np.iinfo(kind).max, -1.0)
        return finite(values, f"accessor {accessor}")


def parse_glb(content: bytes) -> Glb:
    """The two chunks of a GLB.

    Raises:
        MotionFileError: another format, or a file that is cut short.
    """
    if content[:4] != b"glTF" or len(content) < 20:
        raise MotionFileError(
            f"expected a binary glTF, found a file that starts with {content[:4]!r}; export the "
            "motion as a .vrma."
        )
    _, version, total = struct.unpack_from("<4sII", content)
    if version != 2 or total > len(content):
        raise MotionFileError(
            f"expected glTF 2 and {total} bytes, found version {version} and {len(content)} bytes; "
            "the file is cut short or of another version."
        )
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= total:
        size, kind = struct.unpack_from("<I4s", content, at)
        chunks.setdefault(kind, content[at + 8 : at + 8 + size])
        at += 8 + size
    try:
        document = json.loads(chunks[b"JSON"])
        if not isinstance(document, dict):
            raise ValueError
    except (KeyError, ValueError):
        raise MotionFileError(
            "expected a glTF document in JSON, found none that can be read; the file is damaged."
        ) from None
    return Glb(document, chunks.get(b"BIN\0", b""))
