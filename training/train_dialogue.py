"""Tunes a dialogue model to play a character, by low-rank changes of a frozen base.

    python -m training.train_dialogue --config training/configs/dialogue_smoke.toml --run runs/smoke
    python -m training.train_dialogue --config training/configs/dialogue.toml --run runs/dialogue \
        --model QWEN.gguf
    python -m training.train_dialogue --config training/configs/dialogue_preference.toml \
        --run runs/preferred --base runs/dialogue --model QWEN.gguf

Run it again with the same --run to go on from the last checkpoint. `--model` is the base, a GGUF
file or a folder as transformers writes it; `--data` a folder of screenplays, the ones of this
checkout without it. `--base` starts from another run's adapter.
"""

import hashlib
from pathlib import Path
from typing import Any

import torch

from training.dialogue.base import open_base
from training.dialogue.material import DialogueMaterial
from training.dialogue.settings import DialogueSettings
from training.dialogue.task import DialogueTask
from training.origin import keep_seen, start_run
from training.run_options import run_parser, setup
from training.trainer import Trainer


def train(
    settings: DialogueSettings,
    run: Path,
    *,
    base: Path | None = None,
) -> None:
    """Trains into a run folder, from its last checkpoint when there is one.

    Raises:
        SystemExit: the model, the data or the base run is not there or does not fit, or the run was
            begun with something else.
    """
    start_run(run, settings, base=base, told=_identity(settings))
    dtype = torch.bfloat16 if settings.precision == "bfloat16" else torch.float32
    opened = open_base(settings.model, dtype)
    material = DialogueMaterial(settings, opened.chat)
    keep_seen(run, material.seen)
    task = DialogueTask(settings, opened, material)
    if base:
        task.start_from(base)
    Trainer(task, settings, run).fit()


def _identity(settings: DialogueSettings) -> dict[str, Any]:
    """What the base is, wherever it lies."""
    path = Path(settings.model) if settings.model else None
    if path is None or not path.is_file():
        return {"base model": path.name if path else "tiny"}
    with path.open("rb") as file:
        return {"base model": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def main() -> None:
    parser = run_parser("Tunes a dialogue model to play a character.")
    parser.add_argument("--model", help="the base: a GGUF file, or a folder of transformers")
    settings, args = setup(parser, DialogueSettings)
    train(settings, args.run, base=args.base)


if __name__ == "__main__":
    main()
