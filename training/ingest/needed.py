"""Packages that only some adapters need, asked for when they are."""

import importlib
from typing import Any


def needed(module: str, purpose: str) -> Any:
    """The module, imported now.

    Raises:
        SystemExit: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise SystemExit(
            f"Expected the package `{package}` to {purpose}, but {error}; "
            "install it with `pip install -e '.[ingest]'`."
        ) from None
