"""README's example for OpenAI's client, as it stands there, against a served character."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.models

README = Path(__file__).parents[2] / "README.md"


def test_the_example_prints_an_answer(served: str) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.M | re.S)
    assert "127.0.0.1:8765" in example
    done = subprocess.run(
        [sys.executable, "-c", example.replace("127.0.0.1:8765", served)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) >= 3
