"""Reads a TOML file into structs; whatever is wrong in it is one sentence."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import inspect

from idol_runtime.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        ConfigError: no such file, not UTF-8, or no valid TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: expected a TOML file, found no such file; check the path."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: expected a readable UTF-8 file, but {error}; check the file."
        ) from None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, lists within lists
        raise ConfigError(f"{path}: expected valid TOML, but {error}; mend that line.") from None


def struct_of(table: Mapping[str, Any], struct: type[T], file: Path, prefix: str = "") -> T:
    """The struct that a table holds.

    Args:
        table: As `tomllib` gives it.
        struct: Fields are plain values, structs (tables) or several structs (arrays of tables).
        file: Named in sentences.
        prefix: The key of the table itself with a dot behind it; empty for the whole file.

    Raises:
        ConfigError: an unknown key, one that is missing, a wrong type or a value out of range.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key in table:
        if key not in fields:
            raise ConfigError(_unknown(f"{prefix}{key}", key, list(fields), file))
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key in table:
            values[field.name] = _value(table[key], field.type, file, f"{prefix}{key}")
        elif field.required:
            raise ConfigError(
                f"{file}: {prefix}{key}: expected {expected(field.type)}, found no such key; "
                "add it."
            )
    return struct(**values)


def checked(
    value: object, kind: Any, where: str, *, is_secret: bool = False, is_text: bool = False
) -> Any:
    """The value as `kind`, which may be any annotation that `msgspec` knows.

    Args:
        value: What was given.
        kind: The annotation of a field.
        where: What the sentence begins with: a file and key, a flag or a variable.
        is_secret: Whether the sentence must not show the value.
        is_text: Whether numbers come as text, as from the environment.

    Raises:
        ConfigError: another type, or a value out of range.
    """
    try:
        return msgspec.convert(value, kind, strict=not is_text)
    except msgspec.ValidationError:
        found = type(value).__name__ if is_secret else _shown(value)
        raise ConfigError(f"{where}: expected {expected(kind)}, found {found}.") from None


def expected(kind: Any) -> str:
    """An annotation in words, such as "a whole number from 0 to 65535"."""
    return _in_words(inspect.type_info(kind))


def nearest(name: str, known: list[str]) -> str:
    """The known name that `name` was probably meant to be, as a hint; or nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}" if close else ""


def _value(value: object, kind: Any, file: Path, key: str) -> Any:
    match inspect.type_info(kind):
        case inspect.StructType(cls=struct):
            return struct_of(_table(value, file, key, f"[{key}]"), struct, file, f"{key}.")
        case inspect.VarTupleType(item_type=inspect.StructType(cls=struct)):
            return tuple(_structs(value, struct, file, key))
        case inspect.ListType(item_type=inspect.StructType(cls=struct)):
            return _structs(value, struct, file, key)
        case inspect.DictType() if isinstance(value, dict):
            [_, item] = get_args(kind)
            return {
                name: checked(each, item, f"{file}: {key}.{name}") for name, each in value.items()
            }
    return checked(value, kind, f"{file}: {key}", is_secret="token" in key)


def _structs(value: object, struct: type[T], file: Path, key: str) -> list[T]:
    if not isinstance(value, list):
        raise ConfigError(
            f"{file}: {key}: expected tables that begin with [[{key}]], found {_shown(value)}."
        )
    return [
        struct_of(_table(each, file, key, f"[[{key}]]"), struct, file, f"{key}[{number}].")
        for number, each in enumerate(value)
    ]


def _table(value: object, file: Path, key: str, heading: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(
            f"{file}: {key}: expected a table that begins with {heading}, found {_shown(value)}."
        )
    return value


def _unknown(path: str, key: str, known: list[str], file: Path) -> str:
    return (
        f"{file}: {path}: expected a known key{nearest(key, known)}; known keys here are "
        f"{', '.join(known)}."
    )


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.StrType():
            return "text"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(str(each) for each in values)}"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"a list, each {_in_words(item)}"
        case inspect.DictType(value_type=inspect.AnyType()):
            return "a table"
        case inspect.DictType(value_type=item):
            return f"a table, each {_in_words(item)}"
        case inspect.UnionType(types=types):
            [present] = [each for each in types if not isinstance(each, inspect.NoneType)]
            return _in_words(present)
    raise TypeError(f"no words for {kind}")


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    """Such as " from 0 to 65535" or " over 0, at most 3600"."""
    lowest = "" if kind.ge is None else f" from {kind.ge}"
    if kind.gt is not None:
        lowest = f" over {kind.gt},"
    if kind.le is None:
        return lowest.rstrip(",")
    return f"{lowest} {'to' if kind.ge is not None else 'at most'} {kind.le}"


def _shown(value: object) -> str:
    """A value as TOML writes it, as far as a sentence needs it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:60]}..."'
        case dict():
            return "a table"
        case list():
            return "a list"
    return str(value)
