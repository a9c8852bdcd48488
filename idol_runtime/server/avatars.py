"""The VRM files of the characters, each at an address of its own."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

FOLDER: Final = "/avatars/"
SUFFIX: Final = ".vrm"
CONTENT_TYPE: Final = "model/gltf-binary"


@dataclass(frozen=True, slots=True)
class _Read:
    modified_ns: int
    content: bytes


class Avatars:
    """Files are read when they are first asked for, and again when they have changed."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Takes the VRM file of each character that has one, by the name of its folder."""
        self._files = dict(files)
        self._read: dict[str, _Read] = {}
        self._reading = asyncio.Lock()

    def url(self, name: str) -> str | None:
        """Where a character's file is, relative to the server; None where it has none."""
        return f"{FOLDER}{quote(name, safe='')}{SUFFIX}" if name in self._files else None

    async def content(self, path: str) -> bytes | None:
        """The file at a URL path; None where there is none, or none any more.

        What stands in the path is looked up among the names, never among files.
        """
        name = unquote(path.removeprefix(FOLDER).removesuffix(SUFFIX))
        file = self._files.get(name)
        if file is None or not path.endswith(SUFFIX):
            return None
        async with self._reading:
            return await asyncio.to_thread(self._read_again, name, file)

    def _read_again(self, name: str, file: Path) -> bytes | None:
        try:
            modified_ns = file.stat().st_mtime_ns
            known = self._read.get(name)
            if known is None or known.modified_ns != modified_ns:
                known = self._read[name] = _Read(modified_ns, file.read_bytes())
        except OSError:
            return None
        return known.content
