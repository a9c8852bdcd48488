"""What a search may change: a TOML file of ranges and choices, by dotted setting name.

    "learning_rate" = { low = 5e-4, high = 5e-3, log = true }
    "model.lips_width" = { low = 48, high = 112, step = 16 }
    "critic_width" = { choices = [16, 32, 64] }

Whole numbers on both ends make a whole-number setting. A choice may be a list.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec
import optuna

T = TypeVar("T")
Value: TypeAlias = bool | int | float | str | list[Any]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Either `low` and `high`, both included, or `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: int | float | None = None
    choices: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        if self.choices:
            if self.low is not None or self.high is not None or self.log or self.step is not None:
                raise ValueError("expected either choices or a range, found both")
            return
        if self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        if not self.low < self.high:
            raise ValueError(f"expected low below high, found {self.low} and {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("expected a logarithmic range to begin above 0 and to have no step")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"expected a step above 0, found {self.step}")

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def example(self) -> Value:
        if self.choices:
            return self.choices[0]
        return self._ends[0]

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        if self.choices:
            # Optuna's categories are scalars: a choice travels as its JSON text.
            labels = [json.dumps(choice) for choice in self.choices]
            value: Value = json.loads(trial.suggest_categorical(name, labels))
            return value
        low, high = self._ends
        if self.whole:
            step = int(self.step or 1)
            return trial.suggest_int(name, int(low), int(high), log=self.log, step=step)
        return trial.suggest_float(name, low, high, log=self.log, step=self.step)

    def inside(self, value: object) -> bool:
        """Whether the parameter can take this value."""
        if self.choices:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        low, high = self._ends
        on_grid = self.step is None or ((value - low) / self.step).is_integer()
        return low <= value <= high and on_grid

    @property
    def _ends(self) -> tuple[int | float, int | float]:
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high


Space: TypeAlias = Mapping[str, Parameter]
"""Dotted setting name -> what it may be."""


def read_space(path: Path) -> Space:
    """Reads a space file.

    Raises:
        SystemExit: the file is missing or does not fit; the message names the parameter.
    """
    tree = read_tree(path)
    try:
        space = msgspec.convert(_flat(tree), dict[str, Parameter])
    except msgspec.ValidationError as error:
        raise SystemExit(f"{path}: expected ranges and choices, but {error}.") from None
    if not space:
        raise SystemExit(f"{path}: expected at least one setting to search over, found none.")
    return space


def read_tree(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise SystemExit(f"{path}: expected a TOML file, found none.") from None
    except tomllib.TOMLDecodeError as error:
        raise SystemExit(f"{path}: expected TOML, but {error}.") from None


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


def values_of(tree: Mapping[str, Any], kind: type[Any], space: Space) -> dict[str, Any]:
    """What the settings of `tree`, defaults included, are for the parameters of a space."""
    found: dict[str, Any] = {}
    # Through JSON, so that a tuple among the settings equals a list among the choices.
    whole = msgspec.json.decode(msgspec.json.encode(to_settings(tree, kind)))
    for name in space:
        value = whole
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        found[name] = value
    return found


def enqueued(values: Mapping[str, Any], space: Space) -> dict[str, Any] | None:
    """Settings as optuna's parameters; None when one of them lies outside the space."""
    if not all(parameter.inside(values[name]) for name, parameter in space.items()):
        return None
    return {
        name: json.dumps(values[name]) if parameter.choices else values[name]
        for name, parameter in space.items()
    }


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`model.width = {...}` without quotes is a table in TOML: both spellings mean the same."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        tables = (
            isinstance(value, dict)
            and value
            and all(isinstance(inner, dict) for inner in value.values())
        )
        flat |= _flat(value, f"{prefix}{name}.") if tables else {f"{prefix}{name}": value}
    return flat
