"""A real llama.cpp where its npm package is installed."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent
IS_MISSING: Final = shutil.which("node") is None or not (FOLDER / "node_modules").is_dir()

needs_llama: Final = pytest.mark.skipif(
    IS_MISSING and not os.environ.get("CI"),
    reason="llama.cpp is not installed: npm ci --prefix tests/llama --omit=optional",
)
