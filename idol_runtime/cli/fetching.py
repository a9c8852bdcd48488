"""Fetching a character's models in front of a person who waits."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from idol_runtime.character import Character
from idol_runtime.services import ModelFolders


def fetch_with_progress(character: Character) -> ModelFolders:
    """Fetches, converts and checks the models; the first time takes minutes and shows a bar."""
    from idol_runtime.engine import fetch_models
    from idol_runtime.store import default_store

    started = time.monotonic()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, int] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(bars.tasks[tasks[what]].id, completed=done, total=total)

        folders = fetch_models(default_store(), character, show)
    if (seconds := time.monotonic() - started) > 5:
        console.print(f"Models ready after {seconds:.0f} s; they are kept for the next time.")
    return folders
