"""`idol`: the command line."""

import argparse
import logging
import sys
from collections.abc import Sequence

from idol_runtime.cli import animate, bench, character, demo, doctor, memory, models, say, serve
from idol_runtime.errors import IdolError
from idol_runtime.version import __version__


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="idol",
        description="Brings characters to life: words, a voice, a moving face and a moving body.",
    )
    parser.add_argument("--version", action="version", version=f"idol_runtime {__version__}")
    parser.add_argument("--verbose", action="store_true", help="log more")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve.add_serve_parser(commands)
    demo.add_demo_parser(commands)
    say.add_say_parser(commands)
    animate.add_animate_parser(commands)
    models.add_models_parser(commands)
    character.add_character_parser(commands)
    memory.add_memory_parser(commands)
    doctor.add_doctor_parser(commands)
    bench.add_bench_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 when it worked, 1 when it found something wrong, 2 when it was asked for something it
        cannot do; then one sentence on standard error says why.
    """
    options = build_parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        return int(options.run(options))
    except IdolError as error:
        print(f"idol: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
