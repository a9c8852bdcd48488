"""Writes TOML: what `tomllib` reads, it reads back as it was."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED: Final = re.compile(r'[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\\"\r\t\n]')
_NAMED: Final = {"\\": "\\\\", '"': '\\"', "\r": "\\r", "\t": "\\t", "\n": "\\n"}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def toml_text(table: Mapping[str, Any]) -> str:
    """A whole file.

    Args:
        table: Values are strings, numbers, booleans, lists of these, tables, and lists of tables;
            halves of characters that no file can hold become U+FFFD.
    """
    return "\n".join(_lines(table, "")) + "\n"


def _lines(table: Mapping[str, Any], prefix: str) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if _is_plain(value)]
    for key, value in table.items():
        if _is_plain(value):
            continue
        path = f"{prefix}{_key(key)}"
        several = value if isinstance(value, list) else [value]
        heading = f"[[{path}]]" if isinstance(value, list) else f"[{path}]"
        for each in several:
            lines += ["", heading, *_lines(each, f"{path}.")]
    return lines


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return not value or not all(isinstance(each, Mapping) for each in value)
    return not isinstance(value, Mapping)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else str(value)
        case str() if "\n" in value:
            escaped = (_escaped(line) for line in value.split("\n"))
            return '"""\n' + "\n".join(escaped) + '"""'
        case str():
            return _string(value)
        case list():
            return "[" + ", ".join(_value(each) for each in value) + "]"
    raise TypeError(f"Expected a value that TOML has, found {type(value).__name__}.")


def _string(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    whole = _SURROGATE.sub("\ufffd", text)
    return _ESCAPED.sub(lambda found: _NAMED.get(found[0], f"\\u{ord(found[0]):04x}"), whole)
