"""`idol bench`: measurements as text or JSON."""

import argparse
import asyncio
import contextlib
import json
import subprocess

from rich.console import Console

from idol_runtime.cli.arguments import (
    Subparsers,
    add_character,
    add_compute,
    character_of,
    positive,
)
from idol_runtime.errors import IdolError


def add_bench_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("bench", help="measure this machine")
    benches = parser.add_subparsers(dest="bench", required=True, metavar="WHAT")
    turn = benches.add_parser(
        "turn",
        help="latency of a turn, stage by stage, cold and warm",
        description="Runs whole turns through the real models, paced as for a listener, and "
        "reports time to first token, clause, sound and face frame, decode speed, speech "
        "real-time factor, peak memory and provider.",
    )
    turn.add_argument("--turns", type=positive, default=5, metavar="N", help="warm turns")
    turn.add_argument("--json", action="store_true", help="print JSON")
    add_character(turn)
    add_compute(turn)
    turn.set_defaults(run=run_turn_bench)
    _add_dialogue_parser(benches)
    _add_motion_parser(benches)
    _add_start_parser(benches)


def _add_dialogue_parser(benches: "Subparsers[argparse.ArgumentParser]") -> None:
    dialogue = benches.add_parser(
        "dialogue",
        help="how many sessions a dialogue model carries",
        description="Runs a character's dialogue model alone, in this process: tokens per second "
        "of some sessions together, time to the first piece of text and between two, the same "
        "while a prompt as long as the context is read, and microseconds to draw a token. Sizes "
        "take turns in each round: on a busy machine trust the ratios.",
    )
    dialogue.add_argument(
        "--sessions",
        type=positive,
        nargs="+",
        default=[1, 4, 8, 16],
        metavar="N",
        help="at once (default: 1 4 8 16)",
    )
    dialogue.add_argument("--rounds", type=positive, default=3, metavar="N", help="of each size")
    dialogue.add_argument("--json", action="store_true", help="print JSON")
    add_character(dialogue)
    add_compute(dialogue)
    dialogue.set_defaults(run=run_dialogue_bench)


def _add_start_parser(benches: "Subparsers[argparse.ArgumentParser]") -> None:
    start = benches.add_parser(
        "start",
        help="how long `idol serve` takes until it can serve",
        description="Starts and stops a server and asks /readyz from outside: seconds until the "
        "port answers, until turns can be served, and from SIGTERM until the process is gone.",
    )
    start.add_argument("--runs", type=positive, default=5, metavar="N", help="starts")
    start.add_argument("--json", action="store_true", help="print JSON")
    add_character(start)
    start.set_defaults(run=run_start_bench)


def _add_motion_parser(benches: "Subparsers[argparse.ArgumentParser]") -> None:
    motion = benches.add_parser(
        "motion",
        help="what a frame of face and body costs, one character and many",
        description="Runs the face and pose generators, the sound features and whole ticks of "
        "the stage in ONNX Runtime on one thread, and reports microseconds per character and "
        "frame: median and 95th percentile of the time that passes, median of the processor "
        "time, the fastest run, and the state a character needs. In the same rounds it runs the "
        "rival: the same weights and inputs, one run per character, as a service with a session "
        "per character does. On a busy machine look at the fastest run and the processor time.",
    )
    motion.add_argument(
        "--batches",
        type=positive,
        nargs="+",
        default=[1, 16, 128, 256],
        metavar="N",
        help="characters at once (default: 1 16 128 256)",
    )
    motion.add_argument("--runs", type=positive, default=100, metavar="N", help="of each kind")
    motion.add_argument("--json", action="store_true", help="print JSON")
    motion.set_defaults(run=run_motion_bench)


def run_turn_bench(options: argparse.Namespace) -> int:
    from idol_runtime.bench.turn import bench_turn, describe
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.store.display import display_for

    character = character_of(options)
    folders = fetch_with_progress(character)
    with contextlib.closing(display_for(Console(stderr=True))) as display:
        report = asyncio.run(
            bench_turn(
                character,
                folders,
                provider=options.provider,
                threads=options.threads,
                turns=options.turns,
                progress=lambda done, total: display.step("measuring turns", done, total),
            )
        )
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0


def run_dialogue_bench(options: argparse.Namespace) -> int:
    from idol_runtime.bench.dialogue import bench_dialogue, describe
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.store.display import display_for

    folders = fetch_with_progress(character_of(options))
    with contextlib.closing(display_for(Console(stderr=True))) as display:
        report = bench_dialogue(
            folders.dialogue,
            provider=options.provider,
            threads=options.threads,
            sessions=sorted(set(options.sessions)),
            rounds=options.rounds,
            progress=lambda done, total: display.step("measuring", done, total),
        )
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0


def run_start_bench(options: argparse.Namespace) -> int:
    from idol_runtime.bench.start import bench_start, describe
    from idol_runtime.character import find_character
    from idol_runtime.cli.fetching import fetch_with_progress
    from idol_runtime.store.display import display_for

    fetch_with_progress(character_of(options))  # what is fetched and converted once is no start
    display = display_for(Console(stderr=True))
    try:
        report = bench_start(
            find_character(options.character),
            options.runs,
            progress=lambda done, total: display.step("measuring", done, total),
        )
    except subprocess.CalledProcessError as error:
        raise IdolError(
            f"Expected a server, but it ended with status {error.returncode}; run `idol serve` to "
            "see why."
        ) from None
    finally:
        display.close()
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0


def run_motion_bench(options: argparse.Namespace) -> int:
    from idol_runtime.bench.motion import bench_motion, describe
    from idol_runtime.store.display import display_for

    display = display_for(Console(stderr=True))
    try:
        report = bench_motion(
            sorted(set(options.batches)),
            options.runs,
            progress=lambda done, total: display.step("measuring", done, total),
        )
    finally:
        display.close()
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0
