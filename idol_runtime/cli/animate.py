"""`idol animate`: a face and a body for any recording."""

import argparse
import asyncio
from pathlib import Path

from rich.console import Console

from idol_runtime.cli.arguments import Subparsers, add_character, character_of, positive
from idol_runtime.errors import InputError

MAX_SEED = 2**62


def add_animate_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "animate",
        help="move a face and a body to a recording",
        description="Face and pose for any recording: face.csv, pose.bvh and the sound at 24 kHz. "
        "The sound alone decides, so any language will do, loud or soft: the generators hear "
        "speech at the level they were trained on, speech.wav keeps its own.",
    )
    parser.add_argument(
        "wav",
        type=Path,
        metavar="WAV",
        help="PCM, float, A-law or mu-law of any rate (RIFF, RIFX, RF64, BW64); channels are mixed",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--fps", type=positive, default=30, metavar="N", help="rows a second")
    parser.add_argument(
        "--seed",
        type=seed,
        default=1,
        metavar="N",
        help="draws blinks, glances and sway; the lips do not depend on it",
    )
    parser.add_argument("--provider", choices=("auto", "cpu", "cuda"), default="auto")
    add_character(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.offline import animate
    from idol_runtime.sound import read_wav
    from idol_runtime.store.display import display_for

    samples = read_wav(options.wav)
    _check_target(options.wav, options.out)
    display = display_for(Console(stderr=True))
    try:
        duration_s = asyncio.run(
            animate(
                samples,
                options.out,
                character=character_of(options),
                provider=options.provider,
                seed=options.seed,
                fps=options.fps,
                progress=lambda done, total: display.step("moving", done, total),
            )
        )
    finally:
        display.close()
    print(f"{duration_s:.1f} s of face and body in {options.out}")
    return 0


def _check_target(recording: Path, folder: Path) -> None:
    """Fails before the work is done, not after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder to write to, but {error.strerror or error}; "
            "choose another one."
        ) from None
    written = folder / "speech.wav"
    if written.exists() and written.samefile(recording):
        raise InputError(
            f"{recording}: expected a recording that is not overwritten, found the speech.wav of "
            f"{folder} itself; choose another folder."
        )


def seed(text: str) -> int:
    value = int(text)
    if not 0 <= value <= MAX_SEED:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 2^62, found {text}")
    return value
