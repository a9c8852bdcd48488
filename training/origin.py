"""What a run is made of: `config.json`, `origin.json` and `seen.json`, and that it stays so."""

import hashlib
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import torch

from training.checkpoint import checkpoint_of, latest, read_json, write_json
from training.ingest.shipping import SEEN_FILE, Seen, read_seen, write_seen

CONFIG_FILE: Final = "config.json"
ORIGIN_FILE: Final = "origin.json"
FREE: Final = ("steps", "save_every", "tracking", "device", "model")
"""Settings that may change when a run goes on: they do not change what a step learns from. Of a
`model` its place may change; what it is stands in the origin."""


def start_run(
    run: Path,
    settings: msgspec.Struct,
    *,
    base: Path | None = None,
    told: Mapping[str, Any] | None = None,
) -> None:
    """Begins a run folder, or goes on with one that has a checkpoint.

    Args:
        run: The run's folder.
        settings: Become `config.json`.
        base: The run whose weights this one starts from; its origin is kept.
        told: What else decides the weights, by name; kept in `origin.json`.

    Raises:
        SystemExit: the run was begun with something else.
    """
    config = _as_read(settings)
    origin = made_here(config.get("seed"))
    if told:
        origin["told"] = _as_read(told)
    if base:
        origin["base"] = read_json(base / ORIGIN_FILE) | _identity(checkpoint_of(base))
    if newest := latest(run):
        before = read_json(run / ORIGIN_FILE)
        was = read_json(run / CONFIG_FILE) | _decides(before)
        refuse_change(run, was, config | _decides(origin))
        here = {key: origin[key] for key in ("command", "commit")}
        last = before.get("continued", [before])[-1]
        if here != {key: last[key] for key in here}:
            before.setdefault("continued", []).append(here | {"from": newest.name})
        origin = before
    run.mkdir(parents=True, exist_ok=True)
    write_json(run / CONFIG_FILE, config)
    write_json(run / ORIGIN_FILE, origin)


def _as_read(value: Any) -> dict[str, Any]:
    """What `read_json` gives of it: lists for tuples."""
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return read


def keep_seen(run: Path, seen: Seen) -> None:
    """Writes down what the weights will have seen.

    Raises:
        SystemExit: the run has a checkpoint whose weights saw something else.
    """
    if latest(run) and (run / SEEN_FILE).exists():
        refuse_change(run, _names(read_seen(run)), _names(seen))
    write_seen(run, seen)


def _names(seen: Seen) -> dict[str, Any]:
    return {"data sets": [each.name for each in seen.cards], "recordings": [*seen.recordings]}


def _identity(checkpoint: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    for path in sorted(checkpoint.glob("*.safetensors")):
        digest.update(path.read_bytes())
    step = int(checkpoint.name.removeprefix("step_"))
    return {"step": step, "weights": digest.hexdigest()[:12]}


def _decides(origin: Mapping[str, Any]) -> dict[str, Any]:
    base = origin.get("base")
    shown = f"step {base['step']}, weights {base['weights']}" if base else None
    return {"base": shown} | origin.get("told", {})


def refuse_change(run: Path, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Stops before a run goes on with something else than it was begun with.

    Raises:
        SystemExit: names every change but those of `FREE`.
    """
    changed = [
        f"{name} was {was.get(name)!r} and is {now.get(name)!r}"
        for name in dict.fromkeys([*was, *now])
        if name not in FREE and was.get(name) != now.get(name)
    ]
    if changed:
        raise SystemExit(
            f"{run}: expected to go on with what this run was begun with, but "
            f"{'; '.join(changed)}. Only {', '.join(FREE)} may change: give the old values, or "
            "another --run to begin a new one (with --base to start from these weights)."
        )


def made_here(seed: int | None) -> dict[str, Any]:
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
