"""`idol say`: one whole turn into files."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from idol_runtime.cli.arguments import (
    Subparsers,
    add_character,
    add_compute,
    add_small,
    character_of,
    positive,
    seed,
)

if TYPE_CHECKING:
    from idol_runtime.mind.memory.keeping import Keeper


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
    parser.add_argument(
        "--user",
        metavar="ID",
        help="who you are, any text that is the same every time: the character remembers you from "
        "one command to the next (see `idol memory`)",
    )
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="draws reply and motion")
    add_character(parser)
    add_compute(parser)
    add_small(parser)
    parser.set_defaults(run=run, config=None)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.character import find_character, with_small_mind
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.conversation.items import check_text
    from idol_runtime.engine.offline import Said, say
    from idol_runtime.server.who import OPEN_TENANT, speaker_of

    character = character_of(options)
    if options.small:
        character = with_small_mind(character)
    check_text(options.text)
    user = _user_of(options)
    folders = fetch_with_progress(character)

    async def run_all() -> Said:
        async with _keeper(options, user) as keeper:
            return await say(
                options.text,
                options.out,
                character=character,
                folders=folders,
                provider=options.provider,
                threads=options.threads,
                seed=options.seed,
                fps=options.fps,
                character_id=find_character(options.character).name,
                speaker=speaker_of(OPEN_TENANT, user),
                keeper=keeper,
            )

    said = asyncio.run(run_all())
    print(f"{character.name}: {said.reply}")
    print(f"{said.duration_s:.1f} s of voice, face and body in {options.out}")
    return 0


def _user_of(options: argparse.Namespace) -> str:
    from idol_runtime.errors import InputError
    from idol_runtime.server.who import MAX_USER_CHARS

    user: str = (options.user or "").strip()
    if options.user is not None and not 0 < len(user) <= MAX_USER_CHARS:
        raise InputError(
            f"Expected a user's id of 1 to {MAX_USER_CHARS} characters behind --user, found "
            f"{len(user)}."
        )
    return user


@asynccontextmanager
async def _keeper(options: argparse.Namespace, user: str) -> "AsyncIterator[Keeper | None]":
    """Of what is remembered of who speaks; None for nobody known."""
    from idol_runtime.cli.fetching import fetch_embedding
    from idol_runtime.cli.serve_settings import memory_of
    from idol_runtime.mind.embedder import Embedder
    from idol_runtime.mind.memory.keeping import open_keeper

    if not user:
        yield None
        return
    embedding = fetch_embedding()
    async with open_keeper(
        memory_of(options), lambda: None if embedding is None else Embedder(embedding)
    ) as keeper:
        yield keeper
