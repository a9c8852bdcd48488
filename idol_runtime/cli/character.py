"""`idol character`: character cards in and out."""

import argparse
import re
from pathlib import Path

from idol_runtime.character.card_file import Format
from idol_runtime.character.card_folder import export_card, import_card
from idol_runtime.character.card_texts import character_table
from idol_runtime.cli.arguments import Subparsers
from idol_runtime.errors import InputError

_FORMATS: dict[str, Format] = {".png": "png", ".json": "json", ".charx": "charx"}


def add_character_parser(commands: "Subparsers[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "character",
        help="make a character of a character card, and a card of a character",
        description="Character Card V1, V2 and V3 as PNG, JSON and CHARX.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    importing = actions.add_parser("import", help="make a character's folder of a card")
    importing.add_argument("card", type=Path, metavar="CARD", help="a PNG, JSON or CHARX file")
    importing.add_argument(
        "--out", type=Path, metavar="DIR", help="default: a folder here of the character's name"
    )
    importing.add_argument("--replace", action="store_true", help="replace a folder that is there")
    importing.set_defaults(run=run_import)
    exporting = actions.add_parser("export", help="make a card of a character's folder")
    exporting.add_argument("folder", type=Path, metavar="DIR")
    exporting.add_argument("card", type=Path, metavar="CARD", help="ends with .png, .json, .charx")
    exporting.add_argument("--replace", action="store_true", help="replace a file that is there")
    exporting.set_defaults(run=run_export)


def run_import(options: argparse.Namespace) -> int:
    from idol_runtime.character.card_file import read_card

    folder = options.out
    if folder is None:
        name = character_table(read_card(options.card).card)["name"]
        folder = Path(re.sub(r"[^\w-]+", "_", name.lower()).strip("_")[:60] or "character")
    imported = import_card(options.card, folder, replace=options.replace)
    character = imported.character
    print(f"{character.name}: ready in {imported.folder}")
    if character.lore:
        print(f"{len(character.lore)} entries of lore in lore.toml")
    for note in imported.notes:
        print(note)
    if imported.creator_notes:
        print(f"\nFrom the card's author:\n{imported.creator_notes}")
    print(f"\nMeet {character.name}: idol serve --character {imported.folder}")
    return 0


def run_export(options: argparse.Namespace) -> int:
    kind = _FORMATS.get(options.card.suffix.lower())
    if kind is None:
        raise InputError(
            f"{options.card}: expected a name that ends with {', '.join(_FORMATS)}; it says which "
            "kind of card is made."
        )
    if options.card.exists() and not options.replace:
        raise InputError(
            f"{options.card}: expected a new file, found one that is there; choose another name, "
            "or replace it with --replace."
        )
    data, notes = export_card(options.folder, kind)
    try:
        options.card.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"{options.card}: expected a place to write to, but {error.strerror or error}; choose "
            "another one."
        ) from None
    print(f"{options.card}: written, {len(data):,} bytes")
    for note in notes:
        print(note)
    return 0
