"""`idol serve`: the server and the stage page."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable

from idol_runtime.cli.arguments import Subparsers, add_character, add_compute, character_of


def add_serve_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="serve a character to game engines, stream clients and browsers",
        description="Serves /v1/realtime and the stage page on one port; prints the page's URL "
        "when the models are warm. Ctrl-C ends it after the last answer.",
    )
    add_server(parser)
    add_character(parser)
    add_compute(parser)
    parser.set_defaults(run=run)


def add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8765, help="0 lets the system choose")
    parser.add_argument(
        "--token",
        default=os.environ.get("IDOL_TOKEN"),
        help="what clients must know; needed beyond this machine (default: $IDOL_TOKEN)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page of another host that may connect; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    return run_server(options, when_ready=lambda url: None)


def run_server(options: argparse.Namespace, *, when_ready: Callable[[str], None]) -> int:
    """Fetches models, serves until stopped; `when_ready` is told the stage page's URL."""
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.server.config import ServerConfig, check_config

    character = character_of(options)
    config = ServerConfig(
        host=options.host,
        port=options.port,
        token=options.token,
        allowed_origins=tuple(options.allow_origin),
    )
    check_config(config)  # before minutes of fetching
    folders = fetch_with_progress(character)
    from idol_runtime.engine.engine import EngineConfig, open_engine
    from idol_runtime.server.serve import serve

    def ready(url: str) -> None:
        print(f"{character.name} is ready: {url}", flush=True)
        when_ready(url)

    print(f"Waking {character.name} ...", file=sys.stderr, flush=True)

    async def run_all() -> None:
        async with open_engine(folders, EngineConfig(options.provider, options.threads)) as engine:
            await serve(config, character, engine, when_ready=ready)

    asyncio.run(run_all())
    return 0
