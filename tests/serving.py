"""The product as a user starts it: `idol serve` in a process of its own, and a browser to look."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).parents[1] / "idol_runtime" / "web"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that is ready."""

    ready: str
    """The line that says so."""
    address: str
    """`host:port`."""
    pid: int
    log: Path
    """What it writes to stderr."""


@contextmanager
def serving(
    folder: Path,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Iterator[Serving]:
    """`idol serve`, which must end with status 0 when it is asked to.

    Args:
        folder: Where its log goes.
        arguments: Of the command.
        env: Added to the environment.
        before: A command that runs it, such as one that sets limits.
    """
    command = [*before, sys.executable, "-m", "idol_runtime", "serve", *arguments]
    log = folder / "stderr.txt"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | dict(env or {}),
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if "http://" in line), None)
            assert ready, log.read_text()
            address = ready.split("http://")[1].strip().rstrip("/")
            yield Serving(ready, address, process.pid, log)
        finally:
            process.terminate()
            status = process.wait(60)
    assert status == 0, log.read_text()


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A browser that draws without a screen or a GPU, and plays sound as any other would."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None or not (WEB / "vendor" / "three").is_dir():
        pytest.skip("Chromium is not installed or the stage page is not set up; run `make setup`")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS, *flags])
        yield browser
        browser.close()
