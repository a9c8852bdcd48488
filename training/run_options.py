"""The options that every training takes, and what they change in its settings."""

import argparse
import os
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import torch

from training.adversarial import FAMILY_NAMES
from training.config import load_config

S = TypeVar("S", bound=msgspec.Struct)

CHANGES: Final = ("steps", "model", "data", "captures", "held_out")
"""Options that are settings, too: what is given takes the place of what the file says."""


def run_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="a run whose weights to start from")
    parser.add_argument("--data", type=Path, help="the folder of data, see above")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser


def motion_parser(description: str) -> argparse.ArgumentParser:
    """With what trainings of generators of motion take beside."""
    parser = run_parser(description)
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument("--captures", nargs="*", help="data sets, instead of the configured ones")
    parser.add_argument(
        "--adversarial", choices=(*FAMILY_NAMES, "none"), help="for ablations: another loss family"
    )
    return parser


def setup(parser: argparse.ArgumentParser, kind: type[S]) -> tuple[S, argparse.Namespace]:
    """The settings of the file `--config` with what the command line changes, and the command line.

    Sets the number of torch's threads, too.

    Raises:
        SystemExit: the file is not there or not such settings.
    """
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    changes: dict[str, Any] = {}
    for name in CHANGES:
        if name in kind.__struct_fields__ and (value := getattr(args, name, None)) is not None:
            if isinstance(value, list):
                value = tuple(value)
            changes[name] = str(value) if isinstance(value, Path) else value
    adversarial = getattr(args, "adversarial", None)
    if adversarial == "none":
        changes["adversarial_weight"] = 0.0
    elif adversarial:
        changes["adversarial"] = adversarial
    return msgspec.structs.replace(load_config(args.config, kind), **changes), args
