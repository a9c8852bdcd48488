"""States of many characters at once: arrays, or dataclasses of arrays, with a row for each."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

S = TypeVar("S")


def keep_rows(states: S, keep: NDArray[np.bool_]) -> S:
    """The rows where `keep` [B] holds."""
    return cast("S", _map(lambda rows: rows[keep], states))


def append_rows(states: S, more: S) -> S:
    """All rows of `states`, then all of `more`."""
    return cast("S", _map(lambda rows, added: np.concatenate([rows, added]), states, more))


def _map(change: Any, *states: Any) -> Any:
    if not is_dataclass(first := states[0]):
        return change(*states)
    changed = {
        field.name: _map(change, *(getattr(each, field.name) for each in states))
        for field in fields(first)
    }
    return cast("type[Any]", type(first))(**changed)
