"""Files that are served, each held once however many fetch it at the same time."""

import asyncio
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Read:
    modified_ns: int
    content: bytes


class FileCache:
    """Files are read when they are first asked for, and again when they have changed."""

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}
        self._reading = asyncio.Lock()

    async def content(self, file: Path) -> bytes | None:
        """What is in a file; None where there is none, or none any more."""
        async with self._reading:
            return await asyncio.to_thread(self._read_again, file)

    def _read_again(self, file: Path) -> bytes | None:
        try:
            modified_ns = file.stat().st_mtime_ns
            known = self._read.get(file)
            if known is None or known.modified_ns != modified_ns:
                known = self._read[file] = _Read(modified_ns, file.read_bytes())
        except OSError:
            self._read.pop(file, None)
            return None
        return known.content
