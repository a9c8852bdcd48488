"""Conversations written by hand: personas, talks, scripts of the evaluation, pairs, labels.

A line is its key and its text; a line with `@` opens a block. `data/README.md` shows the format.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from training.dialogue.scenes import (
    EvaluationScript,
    JudgedReply,
    PersonaSheet,
    PreferencePair,
    Screenplay,
    ScreenplayError,
    ScriptLine,
    Talk,
)

WORDINGS: Final = re.compile(r"\s*\|\|\s*")
VALUES: Final = re.compile(r"\s*\|\s*")
ID: Final = re.compile(r"[a-z0-9_]+")
RULES: Final = (
    *("any", "all", "not", "regex", "emotion", "gesture", "action", "no_action", "lang", "words"),
    "question",
)
BAD_KINDS: Final = (
    *("echo", "loop", "out_of_role", "too_long", "wrong_name", "invented", "obeys", "markdown"),
    *("wrong_language", "flat", "unsafe", "repeats", "prompt_leak"),
)
LANGUAGES: Final = ("en", "ja", "zh", "es", "fr", "de")

_LINE: Final = re.compile(
    r"(?P<key>N|U(?: [^:]+)?|A|R|G|B [a-z_]+|W|\?(?= )|let|name|lang|action)(?P<colon>:?) "
    r"(?P<text>.*)"
)


@dataclass(slots=True)
class _Block:
    where: str
    words: list[str]
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    """Key, text and place of each."""


def read_folder(folder: Path) -> Screenplay:
    """Every `*.txt` of a folder, in the order of their names."""
    whole = Screenplay()
    for path in sorted(folder.glob("*.txt")):
        whole = _joined(whole, read_screenplay(path))
    return whole


def read_screenplay(path: Path) -> Screenplay:
    """One file.

    Raises:
        ScreenplayError: Where a line is not what its block may hold.
    """
    return parse_screenplay(path.read_text("utf-8"), path.name)


def parse_screenplay(text: str, source: str = "screenplay") -> Screenplay:
    """The text of a file; `source` is its name in messages."""
    personas: dict[str, PersonaSheet] = {}
    talks: list[Talk] = []
    scripts: list[EvaluationScript] = []
    pairs: list[PreferencePair] = []
    judged: list[JudgedReply] = []
    for block in _blocks(text, source):
        match block.words:
            case ["persona", name] if name not in personas:
                personas[name] = _persona(name, block)
            case ["talk", persona, *tags]:
                talks.append(_talk(persona, tags, block))
            case ["script", name, persona, *categories] if categories:
                beats = _beats(block, "script")
                scripts.append(EvaluationScript(name, persona, tuple(categories), beats))
            case ["pair", persona, *tags]:
                pairs.append(_pair(persona, tags, block))
            case ["judged", persona]:
                judged.append(_judged(persona, block))
            case _:
                raise ScreenplayError(
                    f"{block.where}: expected @persona ID (once), @talk PERSONA TAGS, "
                    "@script ID PERSONA CATEGORIES, @pair PERSONA TAGS or @judged PERSONA, "
                    f"found @{' '.join(block.words)}"
                )
    return Screenplay(personas, tuple(talks), tuple(scripts), tuple(pairs), tuple(judged))


def _joined(one: Screenplay, other: Screenplay) -> Screenplay:
    if both := one.personas.keys() & other.personas.keys():
        raise ScreenplayError(
            f"the persona {min(both)} is written in two files; give one of them another id"
        )
    return Screenplay(
        one.personas | other.personas,
        one.talks + other.talks,
        one.scripts + other.scripts,
        one.pairs + other.pairs,
        one.judged + other.judged,
    )


def _blocks(text: str, source: str) -> list[_Block]:
    blocks: list[_Block] = []
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{source}, line {number}"
        line = line.rstrip()
        if not line or line.startswith("#"):
            continue
        if line == "@session" and blocks and blocks[-1].words[0] == "script":
            blocks[-1].lines.append(("@session", "", where))
        elif line.startswith("@"):
            words = line[1:].split()
            if not words or not all(re.fullmatch(r"[a-z0-9_:]+", word) for word in words):
                raise ScreenplayError(
                    f"{where}: expected words of a to z, 0 to 9 and _, found {line}"
                )
            blocks.append(_Block(where, words))
        elif not blocks:
            raise ScreenplayError(
                f"{where}: expected a block (@persona, @talk, ...) first, found {line}"
            )
        else:
            blocks[-1].lines.append(_line(line, blocks[-1].words[0] == "persona", where))
    return blocks


def _line(line: str, in_persona: bool, where: str) -> tuple[str, str, str]:
    match = _LINE.fullmatch(line)
    heads = ("name", "lang", "let", "action")
    is_keyed = match is not None and (match["colon"] == ":") != (match["key"] == "?")
    if match is None or not is_keyed or (in_persona and match["key"] not in heads):
        if in_persona:
            return ("", line, where)
        raise ScreenplayError(
            f"{where}: expected N:, U:, U NAME:, A:, R:, let:, ? RULE, G:, B KIND: or W:, "
            f"found {line}"
        )
    return (match["key"], match["text"].strip(), where)


def _choices(text: str, where: str, between: re.Pattern[str] = WORDINGS) -> tuple[str, ...]:
    parts = tuple(between.split(text))
    if not all(parts):
        raise ScreenplayError(
            f"{where}: expected a wording on each side of the stroke, found {text}"
        )
    return parts


def _let(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    name, equals, values = text.partition(" = ")
    if not equals or not re.fullmatch(r"[a-z]+", name):
        raise ScreenplayError(f"{where}: expected let: NAME = VALUE | VALUE, found {text}")
    return name, _choices(values, where, VALUES)


def _persona(name: str, block: _Block) -> PersonaSheet:
    names: tuple[str, ...] = ()
    lang = "en"
    actions: list[str] = []
    values: dict[str, tuple[str, ...]] = {}
    texts: list[list[str]] = [[]]
    for key, text, where in block.lines:
        match key:
            case "name":
                names = _choices(text, where, VALUES)
            case "lang":
                lang = _language(text, where)
            case "action":
                actions.append(text)
            case "let":
                word, of = _let(text, where)
                values[word] = of
            case _ if text == "---":
                texts.append([])
            case _:
                texts[-1].append(text)
    if not names or not all(texts):
        raise ScreenplayError(
            f"{block.where}: expected name: and a text of the persona {name}, "
            "and one after each ---"
        )
    written = tuple("\n".join(lines) for lines in texts)
    return PersonaSheet(name, names, lang, written, tuple(actions), values)


def _language(text: str, where: str) -> str:
    if text not in LANGUAGES:
        raise ScreenplayError(f"{where}: expected one of {', '.join(LANGUAGES)}, found {text}")
    return text


_AFTER: Final[dict[str, tuple[str, ...]]] = {
    "talk": ("N>N N>U U>A A>U A>N A>R R>R R>A", ">N >U", "A"),
    "script": ("N>N N>U U>U U>N U>R R>R R>U R>N", ">N >U", "U R"),
    "history": ("N>N N>U U>A A>U A>N A>R R>R R>A", ">N >U", "U R"),
}
"""What may follow what, what may begin, what may end."""


def _beats(block: _Block, kind: str) -> tuple[ScriptLine, ...]:
    steps, first, last = (part.split() for part in _AFTER[kind])
    beats: list[ScriptLine] = []
    before = ""
    for key, text, where in block.lines:
        if key == "@session":
            beats.append(ScriptLine("@session", ()))
            before = ""
            continue
        if key == "?":
            if not beats or beats[-1].kind != "U" or kind != "script":
                raise ScreenplayError(f"{where}: expected a rule after a U of a script")
            user = beats[-1]
            rules = (*user.rules, _rule(text, where))
            beats[-1] = ScriptLine(user.kind, user.texts, user.speaker, rules)
            continue
        letter, _, speaker = key.partition(" ")
        if f"{before}>{letter}" not in (steps if before else first):
            raise ScreenplayError(
                f"{where}: {key}: cannot follow {before or 'the beginning'} here; a reply follows "
                "each U, notes stand before a U, results after the A that acts"
            )
        beats.append(ScriptLine(letter, _choices(text, where), speaker))
        before = letter
    if before not in last:
        raise ScreenplayError(
            f"{block.where}: expected a conversation that ends with {' or '.join(last)}, "
            f"found {before or 'nothing'}"
        )
    return tuple(beats)


def _rule(text: str, where: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    bare = name in ("no_action", "question")
    value = value.strip()
    if name not in RULES or bare == bool(value):
        raise ScreenplayError(f"{where}: expected ? RULE: TEXT of {', '.join(RULES)}, found {text}")
    checks: dict[str, Callable[[], object]] = {
        "regex": lambda: re.compile(value),
        "lang": lambda: _language(value, where),
        "words": lambda: int(value),
    }
    try:
        checks.get(name, lambda: None)()
    except (re.error, ValueError) as error:
        raise ScreenplayError(f"{where}: the rule {name} cannot be read ({error})") from None
    return name, value


def _split(block: _Block, keys: str) -> tuple[_Block, list[tuple[str, str, str]]]:
    """The lines of the conversation, and those with other keys."""
    talk = _Block(block.where, block.words)
    rest: list[tuple[str, str, str]] = []
    for line in block.lines:
        (rest if line[0].split(" ")[0] in keys.split() else talk.lines).append(line)
    return talk, rest


def _talk(persona: str, tags: list[str], block: _Block) -> Talk:
    rest, lets = _split(block, "let")
    values = dict(_let(text, where) for _, text, where in lets)
    return Talk(persona, tuple(tags), _beats(rest, "talk"), values)


def _pair(persona: str, tags: list[str], block: _Block) -> PreferencePair:
    rest, others = _split(block, "let G B")
    values = dict(_let(text, where) for key, text, where in others if key == "let")
    good = [
        wording for key, text, where in others if key == "G" for wording in _choices(text, where)
    ]
    bad = [(_kind(key, where), text) for key, text, where in others if key.startswith("B")]
    if not good or not bad:
        raise ScreenplayError(f"{block.where}: expected a G: and at least one B KIND: in a pair")
    return PreferencePair(
        persona, tuple(tags), _beats(rest, "history"), tuple(good), tuple(bad), values
    )


def _kind(key: str, where: str) -> str:
    kind = key.removeprefix("B ")
    if kind not in BAD_KINDS:
        raise ScreenplayError(f"{where}: expected B and one of {', '.join(BAD_KINDS)}, found {key}")
    return kind


def _judged(persona: str, block: _Block) -> JudgedReply:
    rest, others = _split(block, "G B W")
    match others:
        case [(key, reply, where), ("W", reason, _)] if key != "W":
            kind = "" if key == "G" else _kind(key, where)
            return JudgedReply(persona, _beats(rest, "history"), reply, kind, reason)
    raise ScreenplayError(f"{block.where}: expected one G: or B KIND: and then W: with the reason")
