"""`idol doctor`: what this machine has and what is wrong with it."""

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

from idol_runtime.character import DEFAULT_CHARACTER, Character, load_character, with_small_mind
from idol_runtime.cli.arguments import Subparsers
from idol_runtime.cli.findings import Finding
from idol_runtime.cli.serve import add_server
from idol_runtime.cli.serve_settings import ServeSettings, config_path, settings_of
from idol_runtime.errors import ConfigError

_MARKS = {
    "ok": "[green]ok   [/green]",
    "warn": "[yellow]warn [/yellow]",
    "error": "[red]error[/red]",
}


def add_doctor_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="look for what is missing or wrong on this machine",
        description="Looks at the settings that `idol serve` would have with the same flags, "
        "environment and idol.toml, at its characters, at Python, memory, disk, ONNX Runtime and "
        "its providers, models, the stage page and the port. Fetches nothing. Exits with 1 when "
        "something is an error.",
    )
    add_server(parser)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    console = Console(highlight=False)
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            line = f"{_MARKS[finding.level]} {escape(finding.check)}: {escape(finding.found)}"
            console.print(line, soft_wrap=True)
            if finding.advice:
                console.print(f"      {escape(finding.advice)}", soft_wrap=True)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(findings), indent=2).decode())
    return 1 if any(finding.level == "error" for finding in findings) else 0


def _findings(options: argparse.Namespace) -> Iterator[Finding]:
    from idol_runtime.cli.checks import examine
    from idol_runtime.store import default_store

    path = config_path(options)
    pull = "idol models pull" + (f" --config {shlex.quote(str(path))}" if path else "")
    try:
        settings = settings_of(options)
    except ConfigError as error:
        # What no settings are needed for is looked at all the same.
        yield Finding("settings", "error", str(error), "Mend that; the rest is looked at without.")
        store = default_store(offline=True)
        hoshi = [load_character(DEFAULT_CHARACTER)]
        yield from examine(store, host="127.0.0.1", port=0, cast=hoshi, pull=pull)
        return
    yield Finding("settings", "ok", f"of {path}" if path else "flags, environment and defaults")
    cast: list[Character] = []
    yield from _characters(settings, cast)
    store = default_store(home=settings.home, offline=True)
    server = settings.server
    yield from examine(store, host=server.host, port=server.port, cast=cast, pull=pull)


def _characters(settings: ServeSettings, cast: list[Character]) -> Iterator[Finding]:
    """Reads the characters into `cast`; one that cannot be read is a finding."""
    for member in settings.cast:
        check = f"character {member.name}"
        try:
            character = load_character(Path(member.folder))
            cast.append(with_small_mind(character) if settings.engine.small else character)
        except ConfigError as error:
            yield Finding(check, "error", str(error), "Mend that file; the sentence says how.")
        else:
            yield Finding(check, "ok", f"{cast[-1].name}, {cast[-1].language}")
