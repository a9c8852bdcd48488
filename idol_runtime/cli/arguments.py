"""Arguments that several commands share."""

import argparse
import os
from typing import Final

from idol_runtime.character import DEFAULT_CHARACTER, Character, find_character, load_character

Subparsers = argparse._SubParsersAction  # noqa: SLF001  argparse has no public name for it
MAX_SEED: Final = 2**62


def add_character(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--character",
        metavar="DIR",
        default=str(DEFAULT_CHARACTER),
        help="a character's folder, or the name of a built-in one (default: hoshi)",
    )


def character_of(options: argparse.Namespace) -> Character:
    """Reads the chosen character; raises ConfigError with the reason when it cannot."""
    return load_character(find_character(options.character))


def add_small(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--small",
        action="store_true",
        default=None,
        help="SmolLM2 135M gives every character its words, for machines with little memory",
    )


def add_compute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where models run; auto takes a GPU when one really works",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=max(1, os.cpu_count() or 1),
        metavar="N",
        help="for each of the dialogue and speech models (default: all cores)",
    )


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, found {text}")
    return value


def seed(text: str) -> int:
    value = int(text)
    if not 0 <= value <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 2^62, found {text}")
    return value
