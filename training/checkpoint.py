"""A run folder: everything needed to resume, to export and to say how the weights were made.

config.json         the resolved configuration
origin.json         command line, git commit, versions, seed
generator.safetensors, generator_ema.safetensors, <other modules>.safetensors
optimisers.pt       optimiser states and random-number state (only for resuming)
progress.json       the step that the files above belong to
metrics.jsonl       one JSON object per logged step
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

PROGRESS: Final = "progress.json"


def start_run(
    folder: Path, config: Mapping[str, Any], *, seed: int, base: Path | None = None
) -> None:
    """Creates a run folder and writes what the run is made of, and what its base was made of."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", dict(config))
    before = {"base": read_json(base / "origin.json") | read_json(base / PROGRESS)} if base else {}
    write_json(folder / "origin.json", origin(seed) | before)


def origin(seed: int) -> dict[str, Any]:
    """The command as typed, the commit it ran from and the seed."""
    return {
        "command": command_line(),
        "commit": _git_commit(),
        "seed": seed,
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }


def command_line() -> str:
    module = getattr(sys.modules["__main__"].__spec__, "name", None)
    start = ["python", "-m", module] if module else ["python", sys.argv[0]]
    return shlex.join([*start, *(portable(argument) for argument in sys.argv[1:])])


def portable(argument: str) -> str:
    """An absolute path as `.../name`: a card says what was read, not where it lay."""
    path = Path(argument)
    return f".../{path.name}" if path.is_absolute() else argument


def save(
    folder: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> None:
    """Writes weights and optimiser states; `progress.json` last, so that a torn save is seen."""
    for name, module in modules.items():
        save_weights(folder, name, module)
    states: dict[str, Any] = {name: value.state_dict() for name, value in optimisers.items()}
    states["torch_rng"] = torch.get_rng_state()
    partial = folder / "optimisers.pt.part"
    torch.save(states, partial)
    os.replace(partial, folder / "optimisers.pt")
    write_json(folder / PROGRESS, {"step": step})


def save_weights(folder: Path, name: str, module: nn.Module) -> None:
    """Writes `NAME.safetensors` whole or not at all."""
    partial = folder / f"{name}.safetensors.part"
    weights = {key: value.contiguous() for key, value in module.state_dict().items()}
    save_file(weights, partial)
    os.replace(partial, folder / f"{name}.safetensors")


def resume(
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> int:
    """Loads what `save` wrote and returns its step; 0 when the folder holds no checkpoint."""
    if not (folder / PROGRESS).exists():
        return 0
    for name, module in modules.items():
        load_weights(folder, name, module)
    states = torch.load(folder / "optimisers.pt", weights_only=True)
    for name, optimiser in optimisers.items():
        optimiser.load_state_dict(states[name])
    torch.set_rng_state(states["torch_rng"])
    return int(read_json(folder / PROGRESS)["step"])


def load_weights(folder: Path, name: str, module: nn.Module) -> None:
    """Takes over `NAME.safetensors`.

    Raises:
        SystemExit: it is not there, is damaged, or is of a network of another size.
    """
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise SystemExit(
            f"{folder}: expected {path.name}, found none; let the training reach its first save, "
            "or give another run."
        )
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
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(partial, path)


def _git_commit() -> str:
    """The commit of the checkout, with `+changes` when the training code differs from it."""
    here = Path(__file__).parent
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+changes"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
