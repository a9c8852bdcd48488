"""`idol say`: one whole turn into files."""

import argparse
import asyncio
from pathlib import Path

from idol_runtime.cli.arguments import (
    Subparsers,
    add_character,
    add_compute,
    add_small,
    character_of,
    positive,
    seed,
)


def add_say_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "say",
        help="say something to a character and keep the answer as files",
        description="One whole turn without a network: reply.txt, speech.wav, face.csv, "
        "pose.bvh, pose.vrma and events.jsonl.",
    )
    parser.add_argument("text", help="what you say to the character")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--fps", type=positive, default=30, metavar="N", help="rows a second")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="draws reply and motion")
    add_character(parser)
    add_compute(parser)
    add_small(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.character import with_small_mind
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.conversation.items import check_text
    from idol_runtime.engine.offline import say

    character = character_of(options)
    if options.small:
        character = with_small_mind(character)
    check_text(options.text)
    said = asyncio.run(
        say(
            options.text,
            options.out,
            character=character,
            folders=fetch_with_progress(character),
            provider=options.provider,
            threads=options.threads,
            seed=options.seed,
            fps=options.fps,
        )
    )
    print(f"{character.name}: {said.reply}")
    print(f"{said.duration_s:.1f} s of voice, face and body in {options.out}")
    return 0
