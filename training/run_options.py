"""The options that every training of a generator takes, and what they change in its settings."""

import argparse
import os
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch

from training.adversarial import FAMILY_NAMES
from training.config import load_config

S = TypeVar("S", bound=msgspec.Struct)


def run_parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="a run whose weights to start from")
    parser.add_argument("--data", type=Path, help="the folder of data, see above")
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument("--captures", nargs="*", help="data sets, instead of the configured ones")
    parser.add_argument(
        "--adversarial", choices=(*FAMILY_NAMES, "none"), help="for ablations: another loss family"
    )
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
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
    for name in ("captures", "held_out"):
        if (names := getattr(args, name, None)) is not None:
            changes[name] = tuple(names)
    if args.steps is not None:
        changes["steps"] = args.steps
    if args.adversarial == "none":
        changes["adversarial_weight"] = 0.0
    elif args.adversarial:
        changes["adversarial"] = args.adversarial
    return msgspec.structs.replace(load_config(args.config, kind), **changes), args
