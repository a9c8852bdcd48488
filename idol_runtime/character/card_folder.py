"""A card becomes a character's folder, and a folder a card.

    DIR/character.toml       what we make of it, to be changed by hand
    DIR/lore.toml            its lorebook
    DIR/card/card.json       the card as it came: what we do not know stays there
    DIR/card/picture.png     the picture it came in
    DIR/card/files/          what else lay in a CHARX or a PNG

Whoever exports the folder again gets what came, but for what was changed in the TOML files since.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import to_builtins
from msgspec.structs import asdict

from idol_runtime.character.card_file import (
    CARD_JSON,
    CardFile,
    Format,
    check_path,
    data_of,
    decode_json,
    encode_json,
    read_card,
    write_card,
)
from idol_runtime.character.card_texts import (
    OWN_EXTENSION,
    OWN_KEYS,
    book_entries,
    character_table,
    entry_json,
    examples_text,
    lore_table,
    own_table,
    settings_json,
)
from idol_runtime.character.character import (
    CHARACTER_FILE,
    LORE_FILE,
    Character,
    load_character,
    read_character,
    read_lore,
)
from idol_runtime.character.lore import LoreEntry, LoreFile
from idol_runtime.character.toml_table import struct_of
from idol_runtime.character.toml_text import toml_text
from idol_runtime.errors import ConfigError, InputError

CARD_FOLDER: Final = "card"
PICTURE: Final = "picture.png"
FILES: Final = "files"
MAX_PERSONA_CHARS: Final = 6_000
"""More is read slowly by a small model, and leaves little room for what is said."""
_MAIN_ICON: Final = "assets/icon/images/main.png"


@dataclass(frozen=True, slots=True)
class Imported:
    folder: Path
    character: Character
    creator_notes: str
    """What its author wants to be known, which the character itself never reads."""
    notes: tuple[str, ...]
    """Sentences about what became of it."""


def import_card(path: Path, folder: Path, *, replace: bool = False) -> Imported:
    """Makes a character's folder of a card.

    Args:
        path: PNG, JSON or CHARX.
        folder: Not there yet, or empty.
        replace: Whether one that is there may be replaced.

    Raises:
        InputError: a card that cannot be used, or a folder that is there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not replace:
        raise InputError(
            f"{folder}: expected a new folder for the character, found one with files in it; "
            "choose another with --out, or replace it with --replace."
        )
    card = read_card(path)
    notes: list[str] = []
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".import-") as made:
            new = Path(made) / "character"
            new.mkdir()
            _write(new, card, notes)
            load_character(new)
            if folder.exists():
                shutil.rmtree(folder)
            new.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: expected a folder to write to, but {error.strerror or error}; choose "
            "another one with --out."
        ) from None
    character = load_character(folder)
    if len(character.persona) > MAX_PERSONA_CHARS:
        notes.append(
            f"The persona has {len(character.persona):,} characters; shorten it in "
            f"{CHARACTER_FILE} for a small model."
        )
    text = data_of(card.card).get("creator_notes")
    return Imported(folder, character, text.strip() if isinstance(text, str) else "", tuple(notes))


def export_card(folder: Path, kind: Format) -> tuple[bytes, tuple[str, ...]]:
    """A card of a character's folder, and sentences about what does not fit into it.

    Raises:
        ConfigError: the folder is no character's.
        InputError: what lies in its `card` folder is damaged.
    """
    load_character(folder)  # says what is wrong with it
    character = read_character(folder)
    kept = _kept(folder)
    card = _with_lore(_with_texts(kept.card, character), read_lore(folder, character))
    files, notes = dict(kept.files), list[str]()
    if kind == "charx":
        _add_picture(card, kept, files)
    elif outside := [each for each in files if kind == "json" or not each.startswith("chara-ext")]:
        notes.append(
            f"{len(outside)} files of the card do not fit into {kind.upper()}; a .charx has room."
        )
    if kind == "json" and kept.picture is not None:
        notes.append("The picture does not fit into JSON; a .png or .charx has room.")
    try:
        return write_card(CardFile(card, kept.picture, files), kind), tuple(notes)
    except ValueError as error:  # a number in TOML that JSON has not
        raise InputError(
            f"{folder}: expected values that JSON can hold, but {error}; mend them."
        ) from None


def _write(folder: Path, card: CardFile, notes: list[str]) -> None:
    table = {**character_table(card.card), **_own(card.card, folder, notes)}
    table |= _avatar(card, notes)
    own = folder / CARD_FOLDER
    for path, content in card.files.items():
        _put(own / FILES / path, content)
    if card.picture is not None:
        _put(own / PICTURE, card.picture)
    _put(own / CARD_JSON, encode_json(card.card))
    if lore := lore_table(card.card):
        _put(folder / LORE_FILE, toml_text(lore).encode())
    _put(folder / CHARACTER_FILE, toml_text(table).encode())


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _own(card: Mapping[str, Any], folder: Path, notes: list[str]) -> dict[str, Any]:
    """What a card of ours says of voice, motion and so on, as far as it is right."""
    kept: dict[str, Any] = {}
    for key, value in own_table(card).items():
        try:
            text = toml_text({"name": "a", "persona": "a", key: value})
            _put(folder / CHARACTER_FILE, text.encode())
            load_character(folder)
        except (ConfigError, TypeError) as error:
            notes.append(f"What the card says of `{key}` was left out: {error}")
            continue
        kept[key] = value
    return kept


def _avatar(card: CardFile, notes: list[str]) -> dict[str, Any]:
    """A body that lies in the card: the first whole VRM file."""
    for path, content in card.files.items():
        if path.lower().endswith(".vrm"):
            if content[:4] == b"glTF" and int.from_bytes(content[8:12], "little") == len(content):
                return {"avatar": f"{CARD_FOLDER}/{FILES}/{path}"}
            notes.append(f"{path} is no whole VRM file; the character has no avatar.")
    return {}


def _kept(folder: Path) -> CardFile:
    """The card that the folder was made of; a new one where it was not."""
    own = folder / CARD_FOLDER
    if not (own / CARD_JSON).is_file():
        empty = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"extensions": {}}}
        return CardFile(empty)
    try:
        card = decode_json((own / CARD_JSON).read_bytes())
        picture = (own / PICTURE).read_bytes() if (own / PICTURE).is_file() else None
        files = {
            check_path(path.relative_to(own / FILES).as_posix()): path.read_bytes()
            for path in sorted((own / FILES).rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
    except OSError as error:
        raise InputError(
            f"{own}: expected the card's files, but {error.strerror or error}; check them."
        ) from None
    except InputError as error:
        raise InputError(f"{own / CARD_JSON}: {error}") from None
    if not isinstance(card, dict):
        raise InputError(f"{own / CARD_JSON}: expected a JSON object; import the card again.")
    return CardFile(card, picture, files)


def _with_texts(card: Mapping[str, Any], character: Character) -> dict[str, Any]:
    """The card, but for what was changed in `character.toml` since it came."""
    before, now = character_table(card), _table_of(character)
    data = dict(data_of(card))
    if now["name"] != before.get("name"):
        data["name"] = now["name"]
        data.pop("nickname", None)
    if now["persona"] != before.get("persona"):
        data |= {"description": now["persona"], "personality": "", "scenario": ""}
        data["system_prompt"] = ""
    if now.get("greeting") != before.get("greeting"):
        data["first_mes"] = now.get("greeting", "")
    if now.get("alternate_greetings") != before.get("alternate_greetings"):
        data["alternate_greetings"] = now.get("alternate_greetings", [])
    if now.get("reminder") != before.get("reminder"):
        data["post_history_instructions"] = now.get("reminder", "")
    if now.get("examples") != before.get("examples"):
        data["mes_example"] = examples_text(character.examples)
    default, own = _builtins(Character(name="", persona="")), _builtins(character)
    changed = {key: own[key] for key in OWN_KEYS if own[key] != default[key]}
    if changed != own_table(card):
        extensions = data.get("extensions")
        extensions = extensions if isinstance(extensions, dict) else {}
        data["extensions"] = {**extensions, OWN_EXTENSION: changed}
    return _complete(_rebuilt(card, data))


def _builtins(character: Character) -> dict[str, Any]:
    table: dict[str, Any] = to_builtins(character)
    return {key: _without_none(value) for key, value in table.items()}


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each for key, each in value.items() if each is not None}
    return list(value) if isinstance(value, tuple) else value


def _table_of(character: Character) -> dict[str, Any]:
    table: dict[str, Any] = {"name": character.name, "persona": character.persona.strip()}
    if character.greeting:
        table["greeting"] = character.greeting
    if character.alternate_greetings:
        table["alternate_greetings"] = list(character.alternate_greetings)
    if character.reminder:
        table["reminder"] = character.reminder
    if character.examples:
        table["examples"] = [asdict(each) for each in character.examples]
    return table


def _rebuilt(card: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(card.get("data"), dict):
        return dict(data)  # V1: the fields stand at the root
    # V2 cards often say the fields of V1 at the root as well, for programs that know no other.
    mirrored = {
        key: data[key] for key in card if key in data and card[key] == data_of(card).get(key)
    }
    return {**card, **mirrored, "data": dict(data)}


def _complete(card: dict[str, Any]) -> dict[str, Any]:
    """With the fields that every card of its version has."""
    data = card.get("data")
    if not isinstance(data, dict):
        return card
    texts = (
        *("name", "description", "personality", "scenario", "first_mes", "mes_example"),
        *("creator_notes", "system_prompt", "post_history_instructions", "creator"),
        "character_version",
    )
    empty: dict[str, Any] = dict.fromkeys(texts, "")
    empty |= {"alternate_greetings": [], "tags": [], "extensions": {}}
    if card.get("spec") == "chara_card_v3":
        empty["group_only_greetings"] = []
    return {**card, "data": {**empty, **data}}


def _with_lore(card: dict[str, Any], lore: LoreFile) -> dict[str, Any]:
    data = dict(data_of(card))
    book = data.get("character_book")
    book = dict(book) if isinstance(book, dict) else {}
    before = struct_of(lore_table(card), LoreFile, Path(CARD_JSON))
    if lore == before:
        return card
    originals = dict(enumerate(book_entries(book)))
    entries: list[Any] = [None] * len(lore.lore)
    for at, entry in enumerate(lore.lore):  # those that are as they were keep all they had
        same = next((n for n in originals if before.lore[n] == entry), None)
        if same is not None:
            entries[at] = originals.pop(same)
    for at, entry in enumerate(lore.lore):
        if entries[at] is None:
            alike = next((n for n in originals if _is_alike(before.lore[n], entry)), None)
            entries[at] = entry_json(entry, {} if alike is None else originals.pop(alike))
    if lore.lorebook != before.lorebook:
        book |= settings_json(lore.lorebook)
    data["character_book"] = {"extensions": {}, **book, "entries": entries}
    return _rebuilt(card, data)


def _is_alike(before: LoreEntry, now: LoreEntry) -> bool:
    """Whether an entry is the other one, changed."""
    return (before.name == now.name != "") or (before.keys == now.keys != [])


def _add_picture(card: dict[str, Any], kept: CardFile, files: dict[str, bytes]) -> None:
    """Puts the picture of a PNG into a CHARX, as the icon that the card means by it."""
    data = card.get("data")
    if kept.picture is None or not isinstance(data, dict) or _MAIN_ICON in files:
        return
    files[_MAIN_ICON] = kept.picture
    icon = {"type": "icon", "uri": f"embeded://{_MAIN_ICON}", "name": "main", "ext": "png"}
    assets = data.get("assets")
    assets = assets if isinstance(assets, list) else []
    others = [each for each in assets if _icon(each) != "ccdefault:"]
    data["assets"] = others if any(map(_icon, others)) else [icon, *others]


def _icon(asset: object) -> object:
    """Where the main icon is, if this asset is that."""
    if isinstance(asset, dict) and (asset.get("type"), asset.get("name")) == ("icon", "main"):
        return asset.get("uri")
    return None
