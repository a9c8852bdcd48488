"""`idol bench`: measurements as text or JSON."""

import argparse
import asyncio
import json

from idol_runtime.cli.arguments import (
    Subparsers,
    add_character,
    add_compute,
    character_of,
    positive,
)


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


def run_turn_bench(options: argparse.Namespace) -> int:
    from idol_runtime.bench import bench_turn, describe
    from idol_runtime.cli.fetching import fetch_with_progress

    character = character_of(options)
    report = asyncio.run(
        bench_turn(
            character,
            fetch_with_progress(character),
            provider=options.provider,
            threads=options.threads,
            turns=options.turns,
        )
    )
    print(json.dumps(report, indent=2) if options.json else describe(report))
    return 0
