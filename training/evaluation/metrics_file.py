"""Findings as JSON, beside the report and in the run, whose card will quote them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_metrics(found: Mapping[str, Any], *folders: Path) -> dict[str, Any]:
    """Writes `metrics.json` into every folder; returns what `plain` made of it."""
    metrics: dict[str, Any] = plain(found)
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
