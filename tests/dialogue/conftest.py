from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.dialogue.model import DialogueModel
from tests.dialogue.tiny_models import tiny_model, write_gguf

# A busy machine must not fail a test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass(frozen=True)
class TinyChat:
    """A bundle and how to open it."""

    folder: Path
    open: Callable[..., DialogueModel]
    chat: ChatTokenizer


@pytest.fixture(scope="session")
def tiny_chat(tmp_path_factory: pytest.TempPathFactory) -> TinyChat:
    """An fp32 bundle, imported from a GGUF file, so that equal prompts give equal numbers."""
    folder = tmp_path_factory.mktemp("tiny-chat")
    source = write_gguf(tiny_model("llama"), folder / "tiny.gguf", {"": "Q8_0"})
    import_gguf(source, folder / "bundle", name="tiny", weights="fp32")

    def open_tiny(**options: Any) -> DialogueModel:
        given = {"provider": "cpu", "threads": 1, **options}
        return DialogueModel.open(folder / "bundle", **given)

    return TinyChat(folder / "bundle", open_tiny, open_tiny().chat)
