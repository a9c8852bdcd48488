"""What a search may change: a TOML file of ranges and choices, by dotted setting name.

    "learning_rate" = { low = 5e-4, high = 5e-3, log = true }
    "model.lips_width" = { low = 48, high = 112, step = 16 }
    "critic_width" = { choices = [16, 32, 64] }

Whole numbers on both ends make a whole-number setting. A choice may be a list.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.config import load_config

T = TypeVar("T")
Range: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution
Space: TypeAlias = Mapping[str, Range]
"""Dotted setting name -> what it may be."""
CHOICES: Final = {"choices"}


def read_space(path: Path) -> Space:
    """Reads a space file.

    Raises:
        SystemExit: the file is missing or does not fit; the message names the parameter.
    """
    space = {name: _range(path, name, v) for name, v in _flat(load_config(path, dict)).items()}
    if not space:
        raise SystemExit(f"{path}: expected at least one setting to search over, found none.")
    return space


def _range(path: Path, name: str, entry: Any) -> Range:
    try:
        if not isinstance(entry, dict) or not ({"low", "high"} <= {*entry} or {*entry} == CHOICES):
            raise ValueError("it has neither low and high, nor choices alone")
        if {*entry} == CHOICES:
            return CategoricalDistribution([to_category(each) for each in entry["choices"]])
        whole = isinstance(entry["low"], int) and isinstance(entry["high"], int)
        return IntDistribution(**entry) if whole else FloatDistribution(**entry)
    except (TypeError, ValueError) as error:
        raise SystemExit(
            f"{path}: expected a range or choices for {name}, but {error}; write, for example, "
            "{ low = 0.1, high = 1.0, log = true } or { choices = [1, 2] }."
        ) from None


def to_category(value: Any) -> Any:
    """Optuna's categories are scalars: a list travels as its JSON text."""
    return json.dumps(value) if isinstance(value, list) else value


def values_in(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a trial's parameters stand for."""
    return {
        name: json.loads(value) if isinstance(value, str) and value.startswith("[") else value
        for name, value in params.items()
    }


def example_of(parameter: Range) -> Any:
    if isinstance(parameter, CategoricalDistribution):
        return parameter.choices[0]
    return parameter.low


def contains(parameter: Range, value: Any) -> bool:
    if isinstance(parameter, CategoricalDistribution):
        return value in parameter.choices
    return isinstance(value, int | float) and parameter.low <= value <= parameter.high


def with_values(tree: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a configuration tree in which dotted names have other values."""
    changed = dict(tree)
    for name, value in values.items():
        table, dot, rest = name.partition(".")
        if dot:
            inner = changed.get(table, {})
            changed[table] = with_values(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            changed[name] = value
    return changed


def to_settings(tree: Mapping[str, Any], kind: type[T]) -> T:
    """The settings that a configuration tree describes.

    Raises:
        SystemExit: it does not fit, e.g. because the space names a setting that does not exist.
    """
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise SystemExit(
            f"Expected {kind.__name__} of the config and the space, but {error}."
        ) from None


def params_of(tree: Mapping[str, Any], kind: type[Any], space: Space) -> dict[str, Any]:
    """What the settings of `tree`, defaults included, are as parameters of a space."""
    # Through JSON, so that a tuple among the settings equals a list among the choices.
    flat = _flat(msgspec.json.decode(msgspec.json.encode(to_settings(tree, kind))), deep=True)
    return {name: to_category(flat.get(name)) for name in space}


def _flat(tree: Mapping[str, Any], prefix: str = "", *, deep: bool = False) -> dict[str, Any]:
    """Dotted names; tables of tables alone, or of anything.

    `model.width = {...}` without quotes is a table in TOML: both spellings mean the same.
    """
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        inner = isinstance(value, dict) and (
            deep or (value and all(isinstance(each, dict) for each in value.values()))
        )
        flat |= _flat(value, f"{prefix}{name}.", deep=deep) if inner else {f"{prefix}{name}": value}
    return flat
