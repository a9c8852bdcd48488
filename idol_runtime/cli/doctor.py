"""`idol doctor`: what this machine has and what is wrong with it."""

import argparse

import msgspec
from rich.console import Console
from rich.markup import escape

from idol_runtime.cli.arguments import Subparsers

_MARKS = {
    "ok": "[green]ok   [/green]",
    "warn": "[yellow]warn [/yellow]",
    "error": "[red]error[/red]",
}


def add_doctor_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="look for what is missing or wrong on this machine",
        description="Looks at Python, memory, disk, ONNX Runtime and its providers, models, the "
        "stage page and the port. Fetches nothing. Exits with 1 when something is an error.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where the server would listen")
    parser.add_argument("--port", type=int, default=8765, help="the port it would take")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from idol_runtime.cli.checks import examine
    from idol_runtime.store import default_store

    console = Console(highlight=False)
    findings = []
    for finding in examine(default_store(), host=options.host, port=options.port):
        findings.append(finding)
        if not options.json:
            line = f"{_MARKS[finding.level]} {escape(finding.check)}: {escape(finding.found)}"
            console.print(line, soft_wrap=True)
            if finding.advice:
                console.print(f"      {escape(finding.advice)}", soft_wrap=True)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    return 1 if any(finding.level == "error" for finding in findings) else 0
