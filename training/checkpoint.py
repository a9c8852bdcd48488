"""A run folder and the checkpoints in it.

config.json, origin.json, seen.json   what the run is made of (`training.origin`)
metrics.jsonl, tensorboard/           what it logged
step_500/                             a checkpoint: whole, or not there
    generator.safetensors, ...        a file for every network
    progress.json                     its step, and the step whose weights are to be used
    training.pt                       what only resuming needs (`training.trainer`)
    styles.json, ...                  what the task adds

A checkpoint is written as `step_500.tmp/`, flushed to the disk and renamed once. Whatever happens
in between, the newest `step_N/` is one save and nothing of another.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

PROGRESS: Final = "progress.json"
_STEP: Final = "step_"


@contextmanager
def new_step(run: Path, step: int, *, used: int | None = None) -> Iterator[Path]:
    """A folder to write a checkpoint into, which becomes `step_N/` when the block ends.

    The checkpoints before it go then, apart from the one that is used.

    Args:
        run: The run's folder.
        step: Of this checkpoint.
        used: The step whose weights are to be used, when they are not those of this one.

    Raises:
        SystemExit: there is such a checkpoint already.
    """
    final, partial = run / f"{_STEP}{step}", run / f"{_STEP}{step}.tmp"
    if final.exists():
        raise SystemExit(f"{final}: expected no such checkpoint yet; give another run.")
    sweep(run)
    partial.mkdir(parents=True)
    yield partial
    write_json(partial / PROGRESS, {"step": step, "used": step if used is None else used})
    for path in (*partial.rglob("*"), partial):
        _flush(path)
    partial.rename(final)
    _flush(run)
    for other in steps_in(run):
        if other not in (step, used):
            # Renamed first: what is being deleted must not look like a checkpoint.
            gone = run / f"{_STEP}{other}.old"
            (run / f"{_STEP}{other}").rename(gone)
            shutil.rmtree(gone)


def sweep(run: Path) -> None:
    """Clears away what a process that was killed left half written or half deleted."""
    for leftover in [*run.glob(f"{_STEP}*.tmp"), *run.glob(f"{_STEP}*.old")]:
        shutil.rmtree(leftover)


def steps_in(run: Path) -> list[int]:
    """The steps of the checkpoints of a run, in order."""
    names = (path.name.removeprefix(_STEP) for path in run.glob(f"{_STEP}*"))
    return sorted(int(name) for name in names if name.isdecimal())


def latest(run: Path) -> Path | None:
    """The newest checkpoint, which training goes on from; None before the first."""
    steps = steps_in(run)
    return run / f"{_STEP}{steps[-1]}" if steps else None


def checkpoint_of(run: Path) -> Path:
    """The checkpoint that is to be used: the best one where the run stops early, else the newest.

    Raises:
        SystemExit: there is none.
    """
    newest = latest(run)
    if newest is None:
        raise SystemExit(
            f"{run}: expected a checkpoint (step_N/), found none; let the training reach its first "
            "save, or give another run."
        )
    return run / f"{_STEP}{read_json(newest / PROGRESS)['used']}"


def write_networks(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Writes a `NAME.safetensors` for each, into the folder of a checkpoint."""
    for name, network in networks.items():
        tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(tensors, folder / f"{name}.safetensors")


def load_weights(run: Path, name: str, module: nn.Module) -> None:
    """Takes over a network of a run, from the checkpoint that is to be used.

    Raises:
        SystemExit: it is not there, is damaged, or is of a network of another size.
    """
    load_network(checkpoint_of(run), name, module)


def load_network(checkpoint: Path, name: str, module: nn.Module) -> None:
    """`load_weights` from one checkpoint."""
    path = checkpoint / f"{name}.safetensors"
    if not path.is_file():
        raise SystemExit(f"{checkpoint}: expected {path.name}, found none; give another run.")
    try:
        module.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        found = " ".join(str(error).split()[:24])
        raise SystemExit(
            f"{path}: expected weights that fit the {type(module).__name__} of this version and "
            f"configuration, but {found}; give a run that was trained with the same."
        ) from None


def read_json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_file(path, (json.dumps(value, indent=2) + "\n").encode())


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file by one that is whole."""
    partial = path.with_name(f"{path.name}.part")
    partial.write_bytes(content)
    _flush(partial)
    partial.replace(path)


def _flush(path: Path) -> None:
    """Puts a file on the disk, or what was renamed inside a folder."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened, nor a file that is only read be flushed
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
