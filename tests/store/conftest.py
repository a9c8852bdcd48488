import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.store.file_server import FileServer


@dataclass
class Recorder:
    """A display that keeps what it was told."""

    fetched: list[tuple[str, int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    has_begun: threading.Event = field(default_factory=threading.Event)
    """Set when enough bytes have come that some are surely on the disk."""

    def fetching(self, what: str, done: int, total: int) -> None:
        self.fetched.append((what, done, total))
        if done > 100_000:
            self.has_begun.set()

    def step(self, what: str, done: int, total: int) -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def no_hub(server: FileServer) -> str:
    """An address where nobody listens."""
    return "http://127.0.0.1:1"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one mebibyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
