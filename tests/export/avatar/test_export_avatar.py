"""The avatar as a file, and that the shipped one is what `python -m export.avatar` makes."""

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from numpy.typing import NDArray

from export.avatar import build_avatar
from export.avatar.__main__ import main
from idol_runtime.character import DEFAULT_CHARACTER

pytestmark = pytest.mark.slow

DTYPES: dict[int, Any] = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
TOLERANCE = 1e-5
"""Metres, weights and texture coordinates may differ by rounding from machine to machine."""
TOLERANCE_OF_COLOUR = 2 / 255
LAYOUT = ("bufferViews", "buffers")
"""Another zlib compresses textures to other lengths, which moves all that follows."""


class Glb:
    """A glTF binary taken apart."""

    def __init__(self, content: bytes) -> None:
        found: dict[bytes, bytes] = {}
        at = 12
        while at < len(content):
            length, kind = struct.unpack_from("<I4s", content, at)
            found[kind] = content[at + 8 : at + 8 + length]
            at += 8 + length
        self.document: dict[str, Any] = json.loads(found[b"JSON"])
        self._buffer = found[b"BIN\0"]

    def view(self, index: int) -> bytes:
        view = self.document["bufferViews"][index]
        start = view.get("byteOffset", 0)
        return self._buffer[start : start + view["byteLength"]]

    def arrays(self) -> Iterator[NDArray[np.float64]]:
        """The numbers of every accessor: dense ones, then sparse indices and values."""
        for accessor in self.document["accessors"]:
            parts = [(accessor.get("bufferView"), accessor["componentType"])]
            if sparse := accessor.get("sparse"):
                indices = sparse["indices"]
                parts.append((indices["bufferView"], indices["componentType"]))
                parts.append((sparse["values"]["bufferView"], accessor["componentType"]))
            for view, kind in parts:
                if view is not None:
                    yield np.frombuffer(self.view(view), DTYPES[kind]).astype(np.float64)

    def textures(self) -> Iterator[NDArray[np.float64]]:
        for each in self.document["images"]:
            picture = image.imread(io.BytesIO(self.view(each["bufferView"])))
            yield np.asarray(picture, np.float64)


def assert_like(found: object, made: object, where: str = "") -> None:
    """Equal, numbers up to rounding."""
    if isinstance(found, dict) and isinstance(made, dict):
        assert found.keys() == made.keys(), where
        for key in found:
            assert_like(found[key], made[key], f"{where}.{key}")
    elif isinstance(found, list) and isinstance(made, list):
        assert len(found) == len(made), where
        for number, pair in enumerate(zip(found, made, strict=True)):
            assert_like(*pair, f"{where}[{number}]")
    elif isinstance(found, float) and isinstance(made, float):
        assert found == pytest.approx(made, abs=TOLERANCE), where
    else:
        assert found == made, where


def test_the_avatar_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "made" / "avatar.vrm"
    main(["--out", str(out)])
    assert out.read_bytes() == build_avatar()


def test_the_shipped_avatar_is_what_the_command_makes() -> None:
    shipped = Glb((DEFAULT_CHARACTER / "hoshi.vrm").read_bytes())
    made = Glb(build_avatar())
    for part in shipped.document.keys() | made.document.keys():
        if part not in LAYOUT:
            assert_like(shipped.document.get(part), made.document.get(part), part)
    for number, pair in enumerate(zip(shipped.arrays(), made.arrays(), strict=True)):
        np.testing.assert_allclose(*pair, rtol=0, atol=TOLERANCE, err_msg=f"array {number}")
    for number, pair in enumerate(zip(shipped.textures(), made.textures(), strict=True)):
        np.testing.assert_allclose(
            *pair, rtol=0, atol=TOLERANCE_OF_COLOUR, err_msg=f"texture {number}"
        )
