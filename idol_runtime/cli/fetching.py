"""Fetching a character's models in front of a person who waits."""

from pathlib import Path

from rich.console import Console

from idol_runtime.character import Character
from idol_runtime.conversation.models import ModelFolders


def fetch_with_progress(
    character: Character, *, home: Path | None = None, offline: bool | None = None
) -> ModelFolders:
    """Fetches, converts and checks the models; the first time shows what it does and for how long.

    Args:
        character: Whose models.
        home: The store's folder; by default what the environment says, as for `offline`.
        offline: Whether the network is off.

    Raises:
        IdolError: a model cannot be fetched, written or converted.
    """
    from idol_runtime.engine.model_files import fetch_models
    from idol_runtime.store import default_store, display_for

    display = display_for(Console(stderr=True))
    try:
        return fetch_models(default_store(home=home, offline=offline, progress=display), character)
    finally:
        display.close()
