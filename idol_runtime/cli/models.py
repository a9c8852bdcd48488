"""`idol models`: what is in the model store, and how to bring more."""

import argparse
import contextlib
import json
import os
import re
import sys
from functools import partial
from pathlib import Path

import msgspec
from rich.console import Console

from idol_runtime.character import ModelNames
from idol_runtime.cli.arguments import Subparsers, positive
from idol_runtime.cli.models_list import for_machines, print_list, told_speed
from idol_runtime.cli.serve_settings import store_of
from idol_runtime.errors import BundleError, InputError
from idol_runtime.store import Problem, Store, default_store, display_for
from idol_runtime.store.display import Display
from idol_runtime.store.speed import remember_speed

_KINDS = ("dialogue", "speech", "face", "pose")


def add_models_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "models",
        help="list, fetch, verify and import models",
        description="The model store lives in IDOL_HOME (by default this platform's cache folder).",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="every model: how much of it is here, how fast it is, and whether it fits",
        description="A bigger mind is one line in character.toml: `dialogue = NAME` below "
        "[models]. Speed and memory of a mind are measured on this machine by `idol models "
        "import` and `idol models measure`; until then its memory is reckoned from its size.",
    )
    listing.set_defaults(run=run_list)
    pulling = actions.add_parser("pull", help="fetch models; an interrupted pull resumes")
    pulling.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="default: what a character needs",
    )
    pulling.add_argument("--offline", action="store_true", help="only check what is here")
    pulling.set_defaults(run=run_pull)
    verifying = actions.add_parser("verify", help="hash every file of the models that are here")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")
    verifying.set_defaults(run=run_verify)
    for action in (listing, pulling, verifying):
        action.add_argument("--json", action="store_true", help="for machines")
    measuring = actions.add_parser(
        "measure", help="how fast dialogue models are on this machine, for `list`"
    )
    measuring.add_argument("names", nargs="*", metavar="NAME", help="default: a character's own")
    measuring.set_defaults(run=run_measure)
    importing = _add_import_parser(actions)
    for action in (measuring, importing):
        action.add_argument(
            "--threads", type=positive, default=max(1, os.cpu_count() or 1), metavar="N"
        )
    for action in (listing, pulling, verifying, measuring, importing):
        action.add_argument(
            "--config",
            type=Path,
            metavar="FILE",
            help="an idol.toml whose [store] is meant (default: $IDOL_CONFIG)",
        )


def _add_import_parser(
    actions: "Subparsers[argparse.ArgumentParser]",
) -> argparse.ArgumentParser:
    importing = actions.add_parser(
        "import",
        help="bring a dialogue model, a voice, a face or a body of your own",
        description="Converts a GGUF file of the Llama, Qwen2, Qwen3, SmolLM3, Gemma (1 to 3) or "
        "Phi-3 families (Phi-4-mini is one), or takes over a bundle: a folder with a "
        "manifest.json, as `python -m export.dialogue`, `export.face` and `export.pose` write it, "
        "or one that names an engine of your own. Prints the lines of character.toml that make a "
        "character use it. A file of the Hugging Face hub is looked at before it is fetched: what "
        "cannot be used says so at once. A token for gated repositories is read from HF_TOKEN.",
    )
    importing.add_argument("file", metavar="FILE.gguf|FOLDER|hf://OWNER/REPO/FILE.gguf[@REVISION]")
    importing.add_argument("--name", help="default: the file's or the bundle's own name")
    importing.add_argument(
        "--weights",
        choices=("int8", "exact"),
        default="int8",
        help="int8 blocks are the fastest; exact keeps the file's own 4-bit blocks and is smaller",
    )
    importing.add_argument(
        "--adapter",
        type=Path,
        metavar="FOLDER",
        help="changes to add to a GGUF file, as `python -m export.dialogue --adapter` writes them",
    )
    importing.add_argument("--replace", action="store_true", help="overwrite one of that name")
    importing.add_argument(
        "--no-measure", action="store_true", help="leave out how fast it is on this machine"
    )
    importing.set_defaults(run=run_import)
    return importing


def store_for(options: argparse.Namespace, display: Display | None = None) -> Store:
    """The store that the command line, the environment or an idol.toml names."""
    table = store_of(options)
    offline = table.offline or getattr(options, "offline", False)
    home = None if table.home is None else Path(table.home).expanduser()
    return default_store(home=home, offline=offline, progress=display)


def run_list(options: argparse.Namespace) -> int:
    store = store_for(options)
    if options.json:
        _print_json(for_machines(store))
    else:
        print_list(store, Console())
    return 0


def run_measure(options: argparse.Namespace) -> int:
    from idol_runtime.bench.dialogue_speed import measure_speed
    from idol_runtime.engine.model_files import dialogue_folder

    with contextlib.closing(display_for(Console(stderr=True))) as display:
        store = store_for(options, display)
        for name in options.names or [ModelNames().dialogue]:
            folder = dialogue_folder(store, name)
            speed = measure_speed(folder, options.threads)
            remember_speed(folder, speed)
            print(told_speed(name, speed))
    return 0


def run_pull(options: argparse.Namespace) -> int:
    with contextlib.closing(display_for(Console(stderr=True))) as display:
        store = store_for(options, display)
        names = options.names or needed_by_default(store)
        for name in names:
            store.catalog.model(name)  # a wrong name is refused before anything is fetched
        folders = {name: store.pull(name) for name in names}
    if options.json:
        _print_json(folders)
    else:
        for name, folder in folders.items():
            print(f"{name}: ready in {folder}")
    return 0


def needed_by_default(store: Store) -> list[str]:
    """The models of a character that names none, and those that all characters share."""
    names = ModelNames()
    shared = [name for name, each in store.catalog.models.items() if each.kind == "embedding"]
    return sorted([names.dialogue, names.speech, *shared])


def run_verify(options: argparse.Namespace) -> int:
    store = store_for(options)
    present = {model.name for model in store.status() if model.state != "missing"}
    for name in options.names:
        store.catalog.model(name)
    names = options.names or sorted(present)
    problems = {name: _verify(store, name, name in present) for name in names}
    if options.json:
        _print_json(problems)
    elif not names:
        print("No model has been fetched yet: `idol models pull` fetches them.")
    else:
        for name, found in problems.items():
            _print_problems(name, found)
    return 1 if any(problems.values()) else 0


def _verify(store: Store, name: str, is_present: bool) -> list[Problem]:
    if is_present:
        return store.verify(name)
    return [Problem("", f"{store.folder(name)}: expected the model's files, found none.")]


def _print_problems(name: str, problems: list[Problem]) -> None:
    if not problems:
        print(f"{name}: every file is right")
        return
    for problem in problems:
        print(f"{name}: {problem.message}", file=sys.stderr)
    print(f"{name}: `idol models pull {name}` fetches what is wrong again.", file=sys.stderr)


def run_import(options: argparse.Namespace) -> int:
    from idol_runtime.store.hub_file import SCHEME

    with contextlib.closing(display_for(Console(stderr=True))) as display:
        store = store_for(options, display)
        if options.file.startswith(SCHEME):
            from idol_runtime.cli.hub_import import fetched_gguf

            with fetched_gguf(store, options.file) as path:
                kind, folder = _import_gguf(store, path, options)
        else:
            path = Path(options.file)
            load = _import_bundle if path.is_dir() else _import_gguf
            kind, folder = load(store, path, options)
    # Names of the store are for words and voice; a character reads its face and body from a folder.
    named = folder.name if kind in ("dialogue", "speech") else str(folder)
    if kind == "dialogue" and not options.no_measure:
        _measure(folder, options.threads)
    print(f"{folder.name}: ready in {folder}; a character uses it with these lines:")
    print(f"\n[models]\n{kind} = {json.dumps(named, ensure_ascii=False)}")
    return 0


def _measure(folder: Path, threads: int) -> None:
    """A model that is in place stays so, whatever comes of this."""
    from idol_runtime.bench.dialogue_speed import measure_speed
    from idol_runtime.dialogue.config import ENGINE
    from idol_runtime.inference.bundle import read_manifest

    if read_manifest(folder).engine != ENGINE:
        return
    try:
        speed = measure_speed(folder, threads)
    except BundleError as error:
        print(error, file=sys.stderr)
    else:
        remember_speed(folder, speed)
        print(told_speed(folder.name, speed))


def _import_gguf(store: Store, file: Path, options: argparse.Namespace) -> tuple[str, Path]:
    from idol_runtime.dialogue.importer import import_gguf

    name = options.name or re.sub(r"[^a-z0-9._+-]+", "-", file.stem.lower()).strip("-.")

    def convert(folder: Path) -> None:
        import_gguf(
            file,
            folder,
            name=name,
            weights=options.weights,
            adapter=options.adapter,
            progress=store.display.step,
            tell=partial(print, file=sys.stderr),
        )

    return "dialogue", store.put_bundle("dialogue", name, convert, replace=options.replace)


def _import_bundle(store: Store, file: Path, options: argparse.Namespace) -> tuple[str, Path]:
    from idol_runtime.inference.bundle import copy_bundle, read_manifest

    manifest = read_manifest(file)
    if manifest.kind not in _KINDS:
        raise InputError(
            f"{file}: expected a bundle of kind {', '.join(_KINDS)}, found "
            f"`{manifest.kind}`; a character is made of these."
        )

    def copy(folder: Path) -> None:
        copy_bundle(file, folder, manifest.kind)

    name = options.name or manifest.name
    return manifest.kind, store.put_bundle(manifest.kind, name, copy, replace=options.replace)


def _print_json(value: object) -> None:
    encoded = msgspec.json.encode(value, enc_hook=str)
    print(msgspec.json.format(encoded, indent=2).decode())
