"""`file://FOLDER`: what a character does, written as it happens.

Each time it is opened it makes a new folder in FOLDER, `NAME_001` and so on, with

- `face.csv`: as `idol animate` writes it, a row for each frame of the stage;
- `speech.wav`: as long as the face; what an interruption took back is silence;
- `events.jsonl`: a cue a line, as `idol say` writes it, in the order in which they came.

Time 0 of all three is the first face. A thread of its own writes, so that no frame waits for the
disk; a disk that falls `MAX_WAITING` items behind ends the recording, not the character.
"""

import asyncio
import queue
import re
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from idol_protocol.frames import PoseFrame
from idol_runtime.errors import ConfigError, OutputError
from idol_runtime.outputs.take import Take
from idol_runtime.timeline import Card, Frame

MAX_WAITING = 1024
"""About ten seconds of faces, sound and cues, or two megabytes."""


class FileOutput:
    """Writes a character's timeline into a folder."""

    def __init__(self, folder: Path, *, max_waiting: int = MAX_WAITING) -> None:
        """An output that is not yet open.

        Args:
            folder: Where each opening makes a folder of its own; made when missing.
            max_waiting: How many items may wait for the disk.
        """
        self.folder = folder
        """Where the files are, once it is open."""
        self._max_waiting = max_waiting
        self._waiting: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._written: asyncio.Event | None = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Takes `file:///an/absolute/folder` and `file://a/relative/one`.

        Raises:
            ConfigError: the URL names no folder.
        """
        parts = urlsplit(url)
        path = unquote(parts.netloc + parts.path)
        if re.match(r"/[A-Za-z]:/", path):  # file:///C:/folder
            path = path[1:]
        if not path.strip("/") or parts.query or parts.fragment:
            raise ConfigError(
                f"{url}: expected a folder and nothing after it, such as file:///home/me/takes; "
                "write one, with %3F and %23 for ? and #."
            )
        return cls(Path(path))

    async def open(self, card: Card) -> None:
        """Makes the folder and its files.

        Raises:
            OutputError: they cannot be made.
        """
        take = await asyncio.to_thread(self._begin, card)
        written = self._written = asyncio.Event()
        loop = asyncio.get_running_loop()

        def write() -> None:
            self._write(take)
            with suppress(RuntimeError):  # nobody waits any more
                loop.call_soon_threadsafe(written.set)

        threading.Thread(target=write, name="idol-file-output", daemon=True).start()

    def on_frame(self, frame: Frame) -> None:
        """Leaves it to the writer.

        Raises:
            OutputError: the disk failed or cannot follow.
        """
        if self._failure is not None:
            raise self._failure
        if isinstance(frame, PoseFrame):
            return
        if self._waiting.qsize() >= self._max_waiting:
            raise OutputError(
                f"{self.folder}: expected a disk that follows, found {self._max_waiting} items "
                "waiting for it; the recording ends here, choose a faster disk."
            )
        self._waiting.put(frame)

    async def aclose(self) -> None:
        """Returns when all is on the disk.

        Raises:
            OutputError: the disk failed.
        """
        if self._written is not None:
            self._waiting.put(None)
            await self._written.wait()
        if self._failure is not None:
            raise self._failure

    def _begin(self, card: Card) -> Take:
        name = re.sub(r"[^\w-]+", "_", card.name).strip("_") or "character"
        parent = self.folder
        try:
            parent.mkdir(parents=True, exist_ok=True)
            for number in count(1):
                self.folder = parent / f"{name}_{number:03}"
                with suppress(FileExistsError):
                    self.folder.mkdir()
                    break
            return Take(self.folder, sample_rate_hz=card.sample_rate_hz, fps=card.fps)
        except OSError as error:
            raise self._error(error) from None

    def _write(self, take: Take) -> None:
        """Runs in the writer's thread until it is to end or the disk fails."""
        try:
            with take:
                while (frame := self._waiting.get()) is not None:
                    take.add(frame)
                take.finish()
        except OSError as error:
            self._failure = self._error(error)
        except Exception as error:  # raised in the event loop's thread, by the next call
            self._failure = error

    def _error(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.folder}: expected a folder to write to, but {error.strerror or error}; choose "
            "another one or make room."
        )
