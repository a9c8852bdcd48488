"""Searches for settings that a training does best with.

    python -m training.search face --config training/configs/face_smoke.toml \
        --space training/configs/face_space.toml --study runs/search --trials 20 \
        [--data DATA --speech SPEECH --base RUN]
    python -m training.search dialogue --config training/configs/dialogue.toml \
        --space training/configs/dialogue_space.toml --study runs/search --model QWEN.gguf

The study folder holds the stored study (optuna, TPE sampler, median pruner), one run folder a
trial, `best.toml` to train with, and pictures. Run the command again to go on: trials that were
cut are resumed from their checkpoints, and more are made until there are `--trials`.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import optuna
import torch

from training import train_dialogue, train_face, train_pose
from training.config import load_config
from training.dialogue.settings import DialogueSettings
from training.face.settings import FaceSettings
from training.pose.settings import PoseSettings
from training.search.pictures import draw_study
from training.search.space import read_space, to_settings
from training.search.study import Search, run_search
from training.tracking import OBJECTIVE


@dataclass(frozen=True, slots=True)
class Searched:
    """What can be searched for."""

    script: Any
    kind: type[Any]
    """Of its settings."""
    inputs: tuple[str, ...]
    """Options that its `train` takes."""
    settings: tuple[str, ...] = ()
    """Options that are settings of it."""


SUBJECTS: Final = {
    "face": Searched(train_face, FaceSettings, ("data", "speech", "base")),
    "pose": Searched(train_pose, PoseSettings, ("data", "speech")),
    "dialogue": Searched(train_dialogue, DialogueSettings, ("base",), ("model", "data")),
}


def search(args: argparse.Namespace) -> optuna.Study:
    subject = SUBJECTS[args.subject]
    given = {
        name: value
        for name in ("data", "speech", "base", "model")
        if (value := getattr(args, name)) is not None
    }
    for name in given:
        if name not in (*subject.inputs, *subject.settings):
            raise SystemExit(f"--{name} starts another training; {args.subject} has no such start.")
    inputs = {name: value for name, value in given.items() if name in subject.inputs}

    def train(settings: Any, run: Path) -> None:
        subject.script.train(settings, run, **inputs)

    kind = subject.kind
    changed = {name: str(given[name]) for name in subject.settings if name in given}
    config = load_config(args.config, dict) | changed
    prune_after = args.prune_after
    if prune_after is None:
        prune_after = to_settings(config, kind).steps // 4
    return run_search(
        Search(
            folder=args.study,
            config=config,
            kind=kind,
            space=read_space(args.space),
            train=train,
            objective=args.objective,
            seed=args.seed,
            prune_after=prune_after,
        ),
        args.trials,
    )


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Searches for settings a training does best with.")
    parser.add_argument("subject", choices=sorted(SUBJECTS), help="what is trained")
    parser.add_argument("--config", type=Path, required=True, help="settings to start from")
    parser.add_argument("--space", type=Path, required=True, help="ranges and choices (TOML)")
    parser.add_argument("--study", type=Path, required=True, help="folder that keeps the search")
    parser.add_argument("--trials", type=int, default=20, help="trials in all, earlier ones too")
    parser.add_argument("--objective", default=OBJECTIVE, help="logged number to minimise")
    parser.add_argument("--prune-after", type=int, help="first step at which a trial may be ended")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", type=Path, help="a run that every trial starts from")
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument("--data", type=Path, help="the folder of data")
    parser.add_argument("--model", help="of a dialogue, the base: a GGUF file or a folder")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    args = parse_args(arguments)
    torch.set_num_threads(args.threads)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = search(args)
    pictures = draw_study(study, args.study, args.objective)
    for picture in pictures:
        print(f"wrote {picture}")
    if pictures:
        best = study.best_trial
        print(
            f"best: trial_{best.number:04d}, {args.objective} {best.value:.6g}; train with "
            f"--config {args.study / 'best.toml'}"
        )
    else:
        print(f"{args.study}: no trial was completed; see the reasons above.")


if __name__ == "__main__":
    main()
