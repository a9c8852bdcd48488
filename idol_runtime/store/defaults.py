"""The store of this user: where it is and whether it may use the network."""

import os
from importlib.resources import as_file, files
from pathlib import Path

import platformdirs

from idol_runtime.store.catalog import load_catalog
from idol_runtime.store.display import Display
from idol_runtime.store.hub import ENDPOINT
from idol_runtime.store.store import Store


def default_home() -> Path:
    """IDOL_HOME, or this platform's folder for caches."""
    chosen = os.environ.get("IDOL_HOME")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("idol_runtime")


def is_offline() -> bool:
    """Whether IDOL_OFFLINE or HF_HUB_OFFLINE forbids the network."""
    values = (os.environ.get(name, "") for name in ("IDOL_OFFLINE", "HF_HUB_OFFLINE"))
    return any(value.lower() not in ("", "0", "false", "no", "off") for value in values)


def default_store(
    *, home: Path | None = None, offline: bool | None = None, progress: Display | None = None
) -> Store:
    """The store of this user with the catalog that ships here; the environment decides the rest.

    Raises:
        StoreError: the catalog is broken.
    """
    with as_file(files("idol_runtime") / "catalog.toml") as path:
        catalog = load_catalog(path)
    return Store(
        home or default_home(),
        catalog,
        offline=is_offline() if offline is None else offline,
        progress=progress,
        hub=os.environ.get("HF_ENDPOINT") or ENDPOINT,
    )
