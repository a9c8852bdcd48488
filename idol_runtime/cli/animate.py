"""`idol animate`: a face and a body for any recording."""

import argparse
import asyncio
from pathlib import Path

from idol_runtime.cli.arguments import Subparsers, add_character, character_of, positive


def add_animate_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "animate",
        help="move a face and a body to a recording",
        description="Face and pose for any recording: face.csv, pose.bvh and the sound at 24 kHz.",
    )
    parser.add_argument("wav", type=Path, metavar="WAV", help="any rate, mono or stereo")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--fps", type=positive, default=30, metavar="N", help="rows a second")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="draws blinks and sway")
    parser.add_argument("--provider", choices=("auto", "cpu", "cuda"), default="auto")
    add_character(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.offline import animate
    from idol_runtime.sound import read_wav

    duration_s = asyncio.run(
        animate(
            read_wav(options.wav),
            options.out,
            character=character_of(options),
            provider=options.provider,
            seed=options.seed,
            fps=options.fps,
        )
    )
    print(f"{duration_s:.1f} s of face and body in {options.out}")
    return 0
