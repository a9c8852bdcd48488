"""Findings as report.md, pictures and metrics.json; the pieces that the text is made of."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

Metrics: TypeAlias = dict[str, Any]
Found: TypeAlias = Mapping[str, Any]

WITHOUT_GAN: Final = "same model without the adversarial part"


class Picture(NamedTuple):
    """A drawing of the report."""

    name: str
    """Of its file."""
    caption: str
    write: Callable[[Path], None]


def write_metrics(found: Found, *folders: Path) -> Metrics:
    """Writes `metrics.json` into every folder; returns what `plain` made of it."""
    metrics: Metrics = plain(found)
    text = json.dumps(metrics, indent=2, allow_nan=False) + "\n"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(text)
    return metrics


def plain(value: Any) -> Any:
    """As JSON has it: four significant digits, null for what has no value."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, bool | str | int) or value is None:
        return value
    if isinstance(value, np.integer):
        return int(value)
    number = float(value)
    return float(f"{number:.4g}") if math.isfinite(number) else None


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; rows that end early are filled up with nothing."""
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    full = ([*row, *[""] * (len(header) - len(row))] for row in rows)
    lines += [" | ".join(map(cell, row)) for row in full]
    return "\n".join(f"| {line} |" for line in lines)


def grid(
    rows: Mapping[str, Found] | Iterable[tuple[str, Found]],
    columns: Mapping[str, str] | Iterable[str],
    *,
    corner: str = "",
    missing: Any = None,
) -> str:
    """A table with one row per name; `columns` are keys of each row, with their headings or not."""
    heads = columns if isinstance(columns, Mapping) else {c: c.replace("_", " ") for c in columns}
    named = rows.items() if isinstance(rows, Mapping) else rows
    return table(
        [corner, *heads.values()],
        [[name, *(row.get(key, missing) for key in heads)] for name, row in named],
    )


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


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def gallery(pictures: Sequence[Picture]) -> list[str]:
    """The section that shows the pictures; a film is a link."""
    shown = [
        f"[{picture.caption}]({picture.name})"
        if picture.name.endswith(".mp4")
        else f"{picture.caption}\n\n![{picture.caption}]({picture.name})"
        for picture in pictures
    ]
    return ["## Pictures", *shown] if shown else []
