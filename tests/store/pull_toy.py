"""Pulls the model `toy` of a catalog file: run as a process of its own by the tests."""

import sys
from pathlib import Path

from rich.console import Console

from idol_runtime.store import Store, display_for, load_catalog

if __name__ == "__main__":
    home, catalog = map(Path, sys.argv[1:])
    store = Store(home, load_catalog(catalog), progress=display_for(Console(stderr=True)))
    print(store.pull("toy"), flush=True)
