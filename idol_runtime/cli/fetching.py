"""Fetching a character's models in front of a person who waits."""

import logging
from pathlib import Path

from rich.console import Console

from idol_runtime.character import Character
from idol_runtime.conversation.models import ModelFolders

log = logging.getLogger(__name__)


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


def fetch_embedding(*, home: Path | None = None, offline: bool | None = None) -> Path | None:
    """The folder of the model by which memories are found; None where it cannot be had, as nothing
    depends on it.
    """
    from idol_runtime.errors import StoreError
    from idol_runtime.mind.embedder import EMBEDDING_MODEL
    from idol_runtime.store import default_store, display_for

    display = display_for(Console(stderr=True))
    try:
        return default_store(home=home, offline=offline, progress=display).pull(EMBEDDING_MODEL)
    except StoreError as error:
        log.warning(
            "memories are found by their words, not by their meaning",
            extra={"reason": str(error)},
        )
        return None
    finally:
        display.close()
