"""The served character, as a stranger starts it."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """`host:port` of `idol serve` with the real models."""
    command = [sys.executable, "-m", "idol_runtime", "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or []), daemon=True)
        reader.start()
        try:
            ready = next((line for line in process.stdout or [] if "http://" in line), "")
            if not ready:
                process.wait(30)
                reader.join(5)
            assert ready, "".join(errors)
            yield ready.split("http://")[1].strip().rstrip("/")
        finally:
            process.terminate()
            assert process.wait(30) == 0
            reader.join(5)
