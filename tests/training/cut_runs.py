"""Runs that are cut, and how they end beside those that were not."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from training.checkpoint import latest
from training.tracking import watched


def cut_at(step: int, train: Callable[[], object]) -> None:
    """Ends a training when it logs this step, as Ctrl-C would."""

    def pull_the_plug(logged: int, values: Mapping[str, float]) -> None:
        if logged == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watched(pull_the_plug):
        train()


def kept(run: Path) -> dict[str, bytes]:
    """Every file of the newest checkpoint; what only resuming needs holds times of its own."""
    checkpoint = latest(run)
    assert checkpoint is not None
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.is_file()}
    return files | {"step": checkpoint.name.encode()}
