"""The VRM files of the characters, each at an address of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from idol_runtime.server.file_cache import FileCache

FOLDER: Final = "/avatars/"
SUFFIX: Final = ".vrm"
CONTENT_TYPE: Final = "model/gltf-binary"


class Avatars:
    """Where each is, and what is in it."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Takes the VRM file of each character that has one, by the name of its folder."""
        self._files = dict(files)
        self._cache = FileCache()

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
        return await self._cache.content(file)
