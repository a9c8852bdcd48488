"""What a character's models are made of."""

import pytest

from idol_runtime.character import ModelNames
from idol_runtime.dialogue.adapted import open_adapter
from idol_runtime.engine.model_files import BUNDLES, converted_key, dialogue_folder
from idol_runtime.inference.bundle import read_manifest
from idol_runtime.store import default_store

DEFAULT = ModelNames().dialogue


@pytest.mark.models
def test_the_default_mind_is_its_base_with_the_adapter_that_ships() -> None:
    store = default_store()
    tuned = store.catalog.model(DEFAULT)
    assert tuned.base is not None
    assert tuned.adapter is not None
    adapter = open_adapter(BUNDLES / tuned.adapter)
    card = read_manifest(dialogue_folder(store, DEFAULT)).card
    assert card["made_from"]["sha256"] == adapter.config.base_sha256
    assert card["adapter"] == adapter.bundle.manifest.card


def test_a_tuned_model_and_its_base_are_converted_apart() -> None:
    store = default_store()
    tuned = store.catalog.model(DEFAULT)
    assert tuned.base is not None
    assert converted_key(store, DEFAULT) != converted_key(store, tuned.base)
