"""Tables of numbers as Markdown."""

from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(cell(value) for value in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def cell(value: Any) -> str:
    """Three significant digits; `n/a` for what has no value."""
    if value is None:
        return "n/a"
    if not isinstance(value, float):
        return str(value).replace("|", "/")
    size = abs(value)
    if size == 0:
        return "0"
    if size < 0.001:
        return f"{value:.0e}"
    places = 3 if size < 0.01 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{places}f}"
