"""Fetching a character's models in front of a person who waits."""

import contextlib
import time

from rich.console import Console

from idol_runtime.character import Character
from idol_runtime.services import ModelFolders


def fetch_with_progress(character: Character) -> ModelFolders:
    """Fetches, converts and checks the models; the first time takes minutes and shows a bar."""
    from idol_runtime.engine import fetch_models
    from idol_runtime.store import default_store, display_for

    started = time.monotonic()
    console = Console(stderr=True)
    with contextlib.closing(display_for(console)) as display:
        folders = fetch_models(default_store(progress=display), character, display.step)
    if (seconds := time.monotonic() - started) > 5:
        console.print(f"Models ready after {seconds:.0f} s; they are kept for the next time.")
    return folders
