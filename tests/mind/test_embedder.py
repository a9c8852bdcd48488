from pathlib import Path

import numpy as np
import pytest

from idol_runtime.errors import BundleError
from idol_runtime.mind.embedder import EMBEDDING_MODEL, EMBEDDING_SIZE, Embedder
from idol_runtime.store import default_store


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(default_store().pull(EMBEDDING_MODEL))


@pytest.mark.models
def test_what_means_the_same_is_nearer_than_what_does_not(embedder: Embedder) -> None:
    said, asked, other = embedder.embed(
        ["My favourite food is ramen.", "What do you like to eat?", "The castle is very old."]
    )
    assert said @ asked > 0.4 > 0.2 > said @ other


@pytest.mark.models
def test_a_sentence_has_one_vector_of_unit_length_whatever_stands_beside_it(
    embedder: Embedder,
) -> None:
    texts = ["I live in Oslo.", "", "\ud800 half a character", "word " * 1000]
    together = embedder.embed(texts)
    assert together.shape == (4, EMBEDDING_SIZE)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(together, [embedder.embed([each])[0] for each in texts])


def test_a_folder_without_the_model_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected a tokenizer.*idol models pull minilm"):
        Embedder(tmp_path)
