"""The served character, as a stranger starts it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` of `idol serve` with the real models."""
    command = [sys.executable, "-m", "idol_runtime", "serve", "--port", "0"]
    log = tmp_path_factory.mktemp("served") / "stderr.txt"
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if "http://" in line), None)
            assert ready, log.read_text()
            yield ready.split("http://")[1].strip().rstrip("/")
        finally:
            process.terminate()
            status = process.wait(30)
        assert status == 0, log.read_text()
