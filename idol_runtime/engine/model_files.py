"""The files of the models that a character needs: fetched, converted, checked."""

import hashlib
import os
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from idol_runtime.character import Character, HttpMind, ModelNames
from idol_runtime.conversation.models import HTTP_ENGINE, ModelFolders
from idol_runtime.dialogue.config import INT8_BLOCKS
from idol_runtime.inference.bundle import MANIFEST, open_bundle, open_verified, write_manifest
from idol_runtime.store import Store
from idol_runtime.store.verified import recall, remember, stamp

BUNDLES = Path(__file__).parents[1] / "bundles"
"""Those that ship with the runtime."""


def fetch_models(store: Store, character: Character) -> ModelFolders:
    """Fetches and converts what a character needs; what is there already is only checked.

    Raises:
        StoreError: a model cannot be fetched or written.
        IdolError: a model cannot be converted.
    """
    return ModelFolders(
        dialogue=_dialogue_bundle(store, character.models),
        speech=_speech_bundle(store, character.models.speech),
    )


def _dialogue_bundle(store: Store, models: ModelNames) -> Path:
    if models.http.url:
        return _http_bundle(store, models.http)
    return dialogue_folder(store, models.dialogue)


def dialogue_folder(store: Store, name: str) -> Path:
    """The bundle of a dialogue model, converted if it was not yet.

    Raises:
        StoreError: it cannot be fetched or written.
        IdolError: it cannot be converted, or is damaged.
    """
    if (own := _own(store, "dialogue", name)) is not None:
        return own
    [gguf] = store.pull(name).glob("*.gguf")
    adapter = _adapter(store, name)

    def convert(target: Path) -> None:
        from idol_runtime.dialogue.importer import import_gguf

        show = store.display.step
        import_gguf(gguf, target, name=name, weights="int8", adapter=adapter, progress=show)

    key = converted_key(store, name)
    return store.derived(name, convert, key, check=partial(_verify, store, "dialogue"))


def converted_key(store: Store, name: str) -> str:
    """Under which key of `Store.derived` a model of the catalog is kept when it is converted;
    another adapter is another model.
    """
    adapter = _adapter(store, name)
    if adapter is None:
        return INT8_BLOCKS
    return f"{INT8_BLOCKS}-{hashlib.sha256((adapter / MANIFEST).read_bytes()).hexdigest()[:16]}"


def _adapter(store: Store, name: str) -> Path | None:
    shipped = store.catalog.model(name).adapter
    return None if shipped is None else BUNDLES / shipped


def _http_bundle(store: Store, mind: HttpMind) -> Path:
    """A bundle without weights: where another server is, and what to ask it for."""
    config: dict[str, Any] = msgspec.to_builtins(mind)

    def write(target: Path) -> None:
        write_manifest(
            target,
            kind="dialogue",
            name="http-mind",
            licence="that of the server's model",
            config=config,
            engine=HTTP_ENGINE,
        )

    key = hashlib.sha256(msgspec.json.encode(mind)).hexdigest()[:16]
    return store.derived("http-mind", write, key, check=partial(_verify, store, "dialogue"))


def _own(store: Store, kind: str, name: str) -> Path | None:
    """A bundle that lies beside its character, or that was imported; None is one of the catalog."""
    folder = Path(name) if Path(name).is_absolute() else store.bundle_folder(kind, name)
    if not Path(name).is_absolute() and not folder.is_dir():
        return None
    _verify(store, kind, folder)
    return folder


def _speech_bundle(store: Store, name: str) -> Path:
    if (own := _own(store, "speech", name)) is not None:
        return own
    source = store.pull(name)

    def convert(target: Path) -> None:
        from idol_runtime.speech.kokoro.prepare import prepare

        prepare(source, target, store.display.step)

    return store.derived(name, convert, "windowed", check=partial(_verify, store, "speech"))


def _verify(store: Store, kind: str, folder: Path) -> None:
    """Verifies a bundle: one that was verified and has not changed since is not read again."""
    key = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    record = store.home / "verified" / f"bundle-{kind}-{key}.json"
    files = open_verified(folder, kind).manifest.files
    now = {name: stamp(folder / name, file) for name, file in files.items()}
    if recall(record) != now:
        open_bundle(folder, kind)
        remember(record, now)
