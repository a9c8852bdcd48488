"""`idol memory`: what characters remember of people, for who runs the server."""

import argparse
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from idol_runtime.cli.arguments import Subparsers
from idol_runtime.errors import InputError
from idol_runtime.mind.memory.store import KeptFact, MemoryStore, Whose


def add_memory_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "memory",
        help="see, edit, export and erase what characters remember of people",
        description="Of a person by the id under which a client said who it is (?user=ID). What is "
        "kept, where and for how long is told in docs/memory.md.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="everybody of whom something is kept")
    listing.set_defaults(run=run_list)
    showing = actions.add_parser("show", help="what is remembered of somebody")
    showing.set_defaults(run=run_show)
    exporting = actions.add_parser("export", help="the same as JSON, on standard output")
    exporting.set_defaults(run=run_export)
    erasing = actions.add_parser("erase", help="erase what is remembered of somebody, for good")
    erasing.add_argument(
        "--id", action="append", metavar="ID", help="only this memory; may be repeated"
    )
    erasing.set_defaults(run=run_erase)
    editing = actions.add_parser("edit", help="put a memory right")
    editing.set_defaults(run=run_edit)
    for action in (showing, exporting, erasing, editing):
        action.add_argument("user", metavar="USER", help="their id")
    editing.add_argument("id", metavar="ID", help="of the memory, as `idol memory show` tells it")
    editing.add_argument("text", metavar="TEXT", help="such as 'lives in Rome'")
    for action in (listing, showing, exporting, erasing, editing):
        action.add_argument("--character", metavar="NAME", help="by this one alone")
        action.add_argument("--tenant", metavar="HASH", help="of this token's users alone")
        action.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="an idol.toml whose [memory] is meant (default: $IDOL_CONFIG)",
        )


def run_list(options: argparse.Namespace) -> int:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in ("user", "character", "tenant", "memories", "newest"):
        table.add_column(header, overflow="fold")
    with _opened(options) as store:
        owners = [each for each in store.owners() if _is_meant(options, each.whose)]
    for owner in owners:
        whose = owner.whose
        row = (whose.user, whose.character, whose.tenant, str(owner.count), _day(owner.newest_s))
        table.add_row(*map(escape, row))
    if owners:
        Console().print(table)
    else:
        print("Nothing is kept of anybody.")
    return 0


def run_show(options: argparse.Namespace) -> int:
    for whose, memories in _of_user(options).items():
        print(f"{whose.user}, as {whose.character} remembers them (tenant {whose.tenant}):")
        for each in memories:
            print(f"  {each.id}  {_day(each.said_s)}  {each.fact.kind}: {each.fact.text}")
    return 0


def run_export(options: argparse.Namespace) -> int:
    exported = [
        {
            "user": whose.user,
            "character": whose.character,
            "tenant": whose.tenant,
            "memories": [
                {
                    "id": each.id,
                    "kind": each.fact.kind,
                    "text": each.fact.text,
                    "value": each.fact.value,
                    "said_at": each.said_s,
                    "used_at": each.used_s,
                    "importance": each.importance,
                }
                for each in memories
            ],
        }
        for whose, memories in _of_user(options).items()
    ]
    print(msgspec.json.format(msgspec.json.encode(exported), indent=2).decode())
    return 0


def run_erase(options: argparse.Namespace) -> int:
    meant = _of_user(options)
    with _opened(options) as store:
        count = sum(store.erase(whose, options.id) for whose in meant)
    if options.id and not count:
        raise _no_memory(options)
    print(f"{count} {'memory was' if count == 1 else 'memories were'} erased.")
    return 0


def run_edit(options: argparse.Namespace) -> int:
    from idol_runtime.mind.memory.own import edited_fact

    for whose, memories in _of_user(options).items():
        for each in memories:
            if each.id == options.id:
                fact = edited_fact(each.fact, options.text)
                now_s = time.time()
                with _opened(options) as store:
                    store.put(whose, [replace(each, fact=fact, said_s=now_s, embedding=b"")])
                print(f"{each.id}  {fact.kind}: {fact.text}")
                return 0
    raise _no_memory(options)


def _no_memory(options: argparse.Namespace) -> InputError:
    return InputError(
        f"Expected the id of a memory of {options.user}, found another; `idol memory show "
        f"{options.user}` tells them."
    )


@contextlib.contextmanager
def _opened(options: argparse.Namespace) -> Iterator[MemoryStore]:
    from idol_runtime.cli.serve_settings import memory_of
    from idol_runtime.mind.memory.keeping import open_store

    with contextlib.closing(open_store(memory_of(options).store)) as store:
        yield store


def _of_user(options: argparse.Namespace) -> dict[Whose, list[KeptFact]]:
    """What is kept of the user that is named, by whom."""
    with _opened(options) as store:
        found = {
            each.whose: store.memories(each.whose)
            for each in store.owners()
            if each.whose.user == options.user and _is_meant(options, each.whose)
        }
    if not found:
        raise InputError(
            f"Expected a user of whom something is kept, found {options.user}; `idol memory list` "
            "tells them."
        )
    return found


def _is_meant(options: argparse.Namespace, whose: Whose) -> bool:
    return options.character in (None, whose.character) and options.tenant in (None, whose.tenant)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
