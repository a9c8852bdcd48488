"""Makes a shipped bundle again, from raw material, by one command.

    python -m training.shipped face --out runs/shipped_face --data DATA --kokoro KOKORO
    python -m training.shipped pose --out runs/shipped_pose --data DATA --kokoro KOKORO

`training/configs/shipped/NAME.toml` names the stages. Each is a command that could be typed by
hand; it is shown, and it shows its own progress. Run it again to go on: stages that are done are
left out, and a training goes on from its last checkpoint. The bundle ends in OUT/bundle.

What comes of it is no copy of the shipped weights: training/README.md says why.
"""

import argparse
import hashlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from training.checkpoint import write_file
from training.config import load_config

RECIPES: Final = Path(__file__).parent / "configs" / "shipped"
MATERIAL: Final = {
    "data": "the folder of raw captures, see training/README.md",
    "kokoro": "Kokoro-82M, as training.face.speech reads it",
}

Call: TypeAlias = Callable[[Sequence[str]], None]
"""Runs a module with its arguments."""


class ChainStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    run: str
    """A module and its arguments; `{out}`, `{configs}` and names of `MATERIAL` stand for paths."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stages: tuple[ChainStage, ...]


def make(recipe: Recipe, given: Mapping[str, Path], out: Path, call: Call) -> None:
    """Runs the stages that are not done.

    Raises:
        SystemExit: a stage needs what was not given, or failed.
    """
    given = {**given, "out": out, "configs": RECIPES.parent}
    commands = [_command(stage, given) for stage in recipe.stages]
    done = hashlib.sha256()
    for number, (stage, command) in enumerate(zip(recipe.stages, commands, strict=True), start=1):
        # A stage is done again when it, or one before it, has changed.
        done.update(shlex.join(command).encode())
        mark, place = out / "done" / stage.name, f"[{number}/{len(commands)}] {stage.name}"
        if mark.exists() and mark.read_text() == done.hexdigest():
            print(f"{place}: done before")
            continue
        print(f"{place}: python -m {shlex.join(command)}", flush=True)
        call(command)
        mark.parent.mkdir(parents=True, exist_ok=True)
        write_file(mark, done.hexdigest().encode())


def _command(stage: ChainStage, given: Mapping[str, Path]) -> list[str]:
    try:
        return [word.format_map(given) for word in shlex.split(stage.run)]
    except KeyError as error:
        name = str(error.args[0])
        raise SystemExit(
            f"The stage {stage.name} needs {MATERIAL[name]}; expected --{name}, found none."
        ) from None


def in_process_of_its_own(command: Sequence[str]) -> None:
    """Runs `python -m COMMAND`.

    Raises:
        SystemExit: it failed; it has said why.
    """
    code = subprocess.run([sys.executable, "-m", *command], check=False).returncode
    if code:
        raise SystemExit(
            f"`python -m {command[0]}` ended with {code}, see above; mend it and run this again."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Makes a shipped bundle again.")
    parser.add_argument("bundle", choices=("face", "pose"))
    parser.add_argument("--out", type=Path, required=True, help="for runs, data sets and bundle")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, no captures, seconds")
    for name, purpose in MATERIAL.items():
        parser.add_argument(f"--{name}", type=Path, help=purpose)
    args = parser.parse_args(arguments)
    given = {name: path for name in MATERIAL if (path := getattr(args, name)) is not None}
    folder = RECIPES / "smoke" if args.smoke else RECIPES
    recipe = load_config(folder / f"{args.bundle}.toml", Recipe)
    make(recipe, given, args.out, in_process_of_its_own)
    print(f"{args.out / 'bundle'}: made")


if __name__ == "__main__":
    main()
