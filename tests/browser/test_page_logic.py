"""The page's codec, clock, curves and speaker, without a browser."""

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted(str(path) for path in (Path(__file__).parent / "js").glob("*.test.mjs"))


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_modules_of_the_page_pass_their_own_tests() -> None:
    done = subprocess.run(["node", "--test", *TESTS], capture_output=True, text=True, timeout=120)
    assert TESTS
    assert done.returncode == 0, done.stdout + done.stderr
