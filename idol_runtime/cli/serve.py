"""`idol serve`: the server and the stage page."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from idol_runtime.character import load_character, with_small_mind
from idol_runtime.cli.arguments import Subparsers, add_compute, add_small
from idol_runtime.server.config import Limits


def add_serve_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="serve characters to game engines, stream clients and browsers",
        description="Serves /v1/realtime and the stage page on one port; prints the page's URL "
        "when the models are warm. Ctrl-C ends it after the last answer. A flag counts before the "
        "environment, that before the file of --config, that before the default.",
    )
    add_server(parser)
    parser.set_defaults(run=run)


def add_server(parser: argparse.ArgumentParser) -> None:
    """Every flag but --config has its field in `idol.toml` (`serve_settings.SETTINGS`)."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="an idol.toml with any of these settings and the limits (default: $IDOL_CONFIG)",
    )
    parser.add_argument("--host", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="0 lets the system choose (default: 8765)")
    parser.add_argument(
        "--token",
        help="what clients must know; needed beyond this machine (default: $IDOL_TOKEN)",
    )
    parser.add_argument(
        "--host-token",
        metavar="TOKEN",
        help="what makes a session the host's, which a shared character may listen to alone "
        "(default: $IDOL_HOST_TOKEN)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        metavar="URL",
        help="a web page of another host that may connect; may be repeated",
    )
    parser.add_argument(
        "--character",
        action="append",
        metavar="DIR",
        help="a character's folder, or the name of a built-in one (default: hoshi); may be "
        "repeated, then clients choose by the folder's name",
    )
    parser.add_argument(
        "--shared",
        action="store_true",
        default=None,
        help="all clients meet the same characters; otherwise each session has its own",
    )
    parser.add_argument(
        "--output",
        action="append",
        metavar="URL",
        help="where the shared character's timeline also goes; may be repeated",
    )
    add_compute(parser)
    add_small(parser)
    parser.set_defaults(provider=None, threads=None)  # told apart from what is asked for
    limits = parser.add_argument_group(
        "limits", "each is a key of [limits] in idol.toml, and a variable such as $IDOL_STALL_S"
    )
    for name in Limits.__struct_fields__:
        limits.add_argument(f"--{name.replace('_', '-')}", metavar="N")


def run(options: argparse.Namespace) -> int:
    return run_server(options, when_ready=lambda url: None)


def run_server(options: argparse.Namespace, *, when_ready: Callable[[str], None]) -> int:
    """Fetches models, serves until stopped; `when_ready` gets the stage page's URL."""
    # SIGTERM is as good as Ctrl-C while models are fetched and loaded, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve(options, when_ready)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
    return 0


def _serve(options: argparse.Namespace, when_ready: Callable[[str], None]) -> None:
    from idol_runtime.cli.fetching import fetch_embedding, fetch_with_progress
    from idol_runtime.cli.serve_settings import settings_of
    from idol_runtime.outputs.registry import OutputRegistry
    from idol_runtime.server.config import check_audience

    settings = settings_of(options)
    characters = {member.name: load_character(member.folder) for member in settings.cast}
    if settings.engine.small:
        characters = {name: with_small_mind(each) for name, each in characters.items()}
    for member in settings.cast:
        if member.shared:
            check_audience(settings.server, member.name, characters[member.name].audience)
    registry = OutputRegistry()
    outputs = [(each.character, registry.make(each.url)) for each in settings.outputs]
    folders = {
        name: fetch_with_progress(each, home=settings.home, offline=settings.offline)
        for name, each in characters.items()
    }
    from idol_runtime.engine.engine import CastEntry, EngineConfig, SceneEntry, open_engine
    from idol_runtime.mind.embedder import Embedder
    from idol_runtime.mind.memory.keeping import open_keeper
    from idol_runtime.mind.mind import make_mind
    from idol_runtime.server.serve import serve, stop_signals

    embedding = (
        fetch_embedding(home=settings.home, offline=settings.offline)
        if settings.memory.enabled
        else None
    )

    def open_embedder() -> Embedder | None:
        return None if embedding is None else Embedder(embedding)

    entries = [
        CastEntry(
            each.name,
            characters[each.name],
            folders[each.name],
            each.shared,
            tuple(output for name, output in outputs if name == each.name),
        )
        for each in settings.cast
    ]
    avatars = {
        name: Path(character.avatar)
        for name, character in characters.items()
        if character.avatar is not None
    }
    given = msgspec.structs.asdict(settings.engine)
    del given["small"]  # the characters know it
    config = EngineConfig(
        **{key: value for key, value in given.items() if value is not None},
        items=settings.server.limits.items,
    )

    scenes = [SceneEntry(tuple(each.characters), each.turns) for each in settings.scenes]
    names = " and ".join(character.name for character in characters.values())

    def ready(url: str) -> None:
        # What is here now stays to the end: a full collection would walk through all of it, and
        # no frame is made in those 50 ms.
        gc.freeze()
        print(f"{names} {'is' if len(characters) == 1 else 'are'} ready: {url}", flush=True)
        when_ready(url)

    print(f"Waking {names} ...", file=sys.stderr, flush=True)

    async def run_all() -> None:
        with stop_signals() as stopped:
            async with (
                open_keeper(settings.memory, open_embedder) as keeper,
                open_engine(
                    entries,
                    config,
                    scenes=scenes,
                    make_hooks=make_mind(keeper=keeper),
                    at_once=True,
                ) as engine,
            ):
                await serve(
                    settings.server,
                    engine,
                    avatars=avatars,
                    when_ready=ready,
                    stopped=stopped,
                    keeper=keeper,
                )

    asyncio.run(run_all())
