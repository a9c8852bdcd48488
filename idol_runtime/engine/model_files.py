"""The files of the models that a character needs: fetched, converted, checked."""

from collections.abc import Callable
from pathlib import Path

from idol_runtime.character import Character
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.inference.bundle import Bundle, open_bundle
from idol_runtime.speech.kokoro.prepare import prepare as prepare_speech
from idol_runtime.store import Store


def fetch_models(store: Store, character: Character) -> ModelFolders:
    """Fetches and converts what a character needs; what is there already is only checked.

    Raises:
        StoreError: a model cannot be fetched or written.
        IdolError: a model cannot be converted.
    """
    return ModelFolders(
        dialogue=_dialogue_bundle(store, character.models.dialogue),
        speech=_speech_bundle(store, character.models.speech),
    )


def _dialogue_bundle(store: Store, name: str) -> Path:
    if (own := _own(store, "dialogue", name)) is not None:
        return own
    [gguf] = store.pull(name).glob("*.gguf")

    def convert(target: Path) -> None:
        import_gguf(gguf, target, name=name, weights="int8", progress=store.display.step)

    return store.derived(name, convert, "int8-blocks", check=_checker("dialogue"))


def _own(store: Store, kind: str, name: str) -> Path | None:
    """A bundle that lies beside its character, or that was imported; None is one of the catalog."""
    if Path(name).is_absolute():
        return open_bundle(Path(name), kind).folder
    imported = store.bundle_folder(kind, name)
    return imported if imported.is_dir() else None


def _speech_bundle(store: Store, name: str) -> Path:
    if (own := _own(store, "speech", name)) is not None:
        return own
    source = store.pull(name)

    def convert(target: Path) -> None:
        prepare_speech(source, target, store.display.step)

    return store.derived(name, convert, "windowed", check=_checker("speech"))


def _checker(kind: str) -> Callable[[Path], Bundle]:
    return lambda folder: open_bundle(folder, kind)
