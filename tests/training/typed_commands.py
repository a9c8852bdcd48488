"""Commands of trainings and exports, as somebody would type them."""

import importlib
import sys
from collections.abc import Sequence

import pytest


def typed(command: Sequence[str]) -> None:
    """Runs a module as `python -m` does, without the seconds that a new process takes."""
    module, *arguments = command
    if module == "training.ingest":
        module = "training.ingest.__main__"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [module, *arguments])
        importlib.import_module(module).main()
