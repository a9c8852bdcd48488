"""What a character makes of a card, and a card of a character."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from msgspec.structs import asdict

from idol_runtime.character.card_file import data_of
from idol_runtime.character.lore import LoreEntry, LoreSettings

OWN_EXTENSION: Final = "idol"
"""The key of a card's `extensions` under which we keep what no card has."""
OWN_KEYS: Final = ("language", "voice", "emotion", "motion", "gestures", "mood")
"""Of `character.toml`. Models are not among them: a card of a stranger must not choose those."""
MAX_EXAMPLE_CHARS: Final = 3_000
"""Of all examples that a character takes from a card; the card keeps the others."""
_OLD_NAMES: Final = {
    "name": "char_name",
    "description": "char_persona",
    "scenario": "world_scenario",
    "first_mes": "char_greeting",
    "mes_example": "example_dialogue",
}
"""What programs before V1 called the fields."""
_START: Final = re.compile(r"^[ \t]*<START>[ \t]*$", re.IGNORECASE | re.MULTILINE)
_REGEX_KEY: Final = re.compile(r"/.+/[a-z]*", re.DOTALL)
_REGEX_SIGNS: Final = frozenset("\\^$|[]()+*?{}")


def character_table(card: Mapping[str, Any]) -> dict[str, Any]:
    """What `character.toml` says of a card, without what only we know of it."""
    data = data_of(card)
    name = (_text(data, "nickname") or _text(data, "name")).replace("\n", " ")
    table: dict[str, Any] = {"name": name, "persona": _persona(data)}
    greetings = [_text(data, "first_mes"), *_strings(data, "alternate_greetings")]
    greetings = [each for each in greetings if each]
    if greetings:
        table["greeting"] = greetings[0]
    if greetings[1:]:
        table["alternate_greetings"] = greetings[1:]
    if reminder := _without_original(_text(data, "post_history_instructions")):
        table["reminder"] = reminder
    examples = list(_within(_examples(_text(data, "mes_example"), name)))
    if examples:
        table["examples"] = [{"user": said, "reply": reply} for said, reply in examples]
    return table


def own_table(card: Mapping[str, Any]) -> dict[str, Any]:
    """What a card that we wrote says of what no other card has; empty for others."""
    extensions = data_of(card).get("extensions")
    own = extensions.get(OWN_EXTENSION) if isinstance(extensions, dict) else None
    return {key: own[key] for key in OWN_KEYS if key in own} if isinstance(own, dict) else {}


def lore_table(card: Mapping[str, Any]) -> dict[str, Any]:
    """What `lore.toml` says of a card's `character_book`; empty where it has none."""
    book = data_of(card).get("character_book")
    if not isinstance(book, dict):
        return {}
    entries = [_entry(each) for each in book_entries(book)]
    settings: dict[str, Any] = {}
    if (depth := _number(book.get("scan_depth"))) is not None:
        settings["scan_depth"] = max(0, min(1000, int(depth)))
    if (budget := _number(book.get("token_budget"))) is not None:
        settings["token_budget"] = max(0, min(100_000, int(budget)))
    if isinstance(book.get("recursive_scanning"), bool):
        settings["recursion"] = 2 if book["recursive_scanning"] else 0
    table: dict[str, Any] = {"lorebook": settings} if settings else {}
    return {**table, "lore": entries} if entries else table


def book_entries(book: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The entries of a `character_book`: a list, or by number as SillyTavern's own books."""
    entries = book.get("entries")
    if isinstance(entries, dict):
        entries = list(entries.values())
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def entry_json(entry: LoreEntry, original: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of a card; what `original` has more than we know stays."""
    found: dict[str, Any] = {"extensions": {}, **original}
    found["keys"] = list(entry.keys)
    found["content"] = entry.text
    found["enabled"] = entry.enabled
    found["insertion_order"] = _plain(entry.order)
    found["case_sensitive"] = entry.case_sensitive
    found["constant"] = entry.constant
    found["selective"] = bool(entry.secondary_keys)
    found["secondary_keys"] = list(entry.secondary_keys)
    is_regex = entry.regex or any(_REGEX_KEY.fullmatch(key) for key in entry.keys)
    found["use_regex"] = is_regex or original.get("use_regex", False)
    found["name"] = entry.name
    if entry.priority is not None:
        found["priority"] = _plain(entry.priority)
    if not entry.whole_words or "match_whole_words" in found["extensions"]:
        found["extensions"] = {**found["extensions"], "match_whole_words": entry.whole_words}
    return found


def settings_json(settings: LoreSettings) -> dict[str, Any]:
    return {
        "scan_depth": settings.scan_depth,
        "token_budget": settings.token_budget,
        "recursive_scanning": settings.recursion > 0,
    }


def examples_text(examples: list[Any]) -> str:
    """Exchanges as cards write them."""
    return "\n".join(
        f"<START>\n{{{{user}}}}: {each.user}\n{{{{char}}}}: {each.reply}" for each in examples
    )


def plain_entry(entry: LoreEntry) -> dict[str, Any]:
    """An entry as `lore.toml` has it: without what is as it is anyway."""
    default = asdict(LoreEntry(text=""))
    return {
        key: value for key, value in asdict(entry).items() if key == "text" or value != default[key]
    }


def _entry(raw: Mapping[str, Any]) -> dict[str, Any]:
    extensions = raw.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    keys = _strings(raw, "keys") or _strings(raw, "key")
    is_regex = raw.get("use_regex") is True
    # SillyTavern says `use_regex` of every entry, and writes regular expressions between slashes.
    odd = [key for key in keys if not _REGEX_KEY.fullmatch(key) and _REGEX_SIGNS & set(key)]
    secondary = _strings(raw, "secondary_keys") or _strings(raw, "keysecondary")
    order = _number(raw.get("insertion_order", raw.get("order")))
    entry = LoreEntry(
        text=_text(raw, "content"),
        keys=keys,
        secondary_keys=secondary if raw.get("selective") is True else [],
        constant=raw.get("constant") is True,
        case_sensitive=_flag(raw.get("case_sensitive"), extensions.get("case_sensitive"), False),
        whole_words=_flag(extensions.get("match_whole_words"), None, True),
        regex=is_regex and bool(odd),
        order=100.0 if order is None else order,
        priority=_number(raw.get("priority")),
        enabled=raw.get("enabled") is not False and raw.get("disable") is not True,
        name=_text(raw, "name") or _text(raw, "comment"),
    )
    return plain_entry(entry)


def _persona(data: Mapping[str, Any]) -> str:
    parts = [_without_original(_text(data, "system_prompt")), _text(data, "description")]
    if personality := _text(data, "personality"):
        parts.append(f"Personality: {personality}")
    if scenario := _text(data, "scenario"):
        parts.append(f"Scenario: {scenario}")
    text = "\n\n".join(part for part in parts if part)
    # Small models take nobody's part of whom they only read.
    return text if "you are" in text.lower() else f"You are {{{{char}}}}.\n\n{text}".strip()


def _without_original(text: str) -> str:
    """Of a prompt that wraps a program's own, which we have not."""
    return re.sub(r"\{\{original\}\}", "", text, flags=re.IGNORECASE).strip()


def _examples(text: str, name: str) -> Iterator[tuple[str, str]]:
    """What somebody says with what the character answers, in order."""
    speaker = re.compile(
        rf"^[ \t]*(?:(?P<user>\{{\{{user\}}\}}|<user>|user|you)|"
        rf"(?P<char>\{{\{{char\}}\}}|<bot>|<char>|{re.escape(name)}))[ \t]*:",
        re.IGNORECASE,
    )
    for block in _START.split(text):
        said: list[tuple[str, str]] = []
        for line in block.splitlines():
            if found := speaker.match(line):
                said.append(("user" if found["user"] else "char", line[found.end() :].strip()))
            elif said and line.strip():
                said[-1] = (said[-1][0], f"{said[-1][1]} {line.strip()}".strip())
        for (first, question), (second, reply) in pairwise(said):
            if (first, second) == ("user", "char") and question and reply:
                yield question, reply


def _within(examples: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    left = MAX_EXAMPLE_CHARS
    for said, reply in examples:
        left -= len(said) + len(reply)
        if left < 0:
            return
        yield said, reply


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, table.get(_OLD_NAMES.get(key, key)))
    return value.replace("\r\n", "\n").replace("\r", "\n").strip() if isinstance(value, str) else ""


def _strings(table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key)
    if isinstance(value, str):  # some write them with commas
        value = value.split(",")
    several = value if isinstance(value, list) else []
    return [each.strip() for each in several if isinstance(each, str) and each.strip()]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(max(-1e9, min(1e9, value)))


def _plain(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _flag(first: object, second: object, otherwise: bool) -> bool:
    return next((each for each in (first, second) if isinstance(each, bool)), otherwise)
