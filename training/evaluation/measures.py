"""Small measures of curves that faces and bodies share, in numpy alone."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Span = tuple[int, int]

STILL: Final = 1e-6
"""A curve that spreads less than this has no correlation: nan."""


def correlation(a: Array, b: Array) -> float:
    """Pearson's r of two curves of one shape; nan when one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    if a.std() < STILL or b.std() < STILL:
        return float("nan")
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def runs(flags: Array) -> list[Span]:
    """Start and end (exclusive) of every stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def mean_known(values: Sequence[float]) -> float:
    """The mean of the values that are not nan; nan when there is none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
