"""Sentences as vectors: near each other where they mean the same. English.

MiniLM-L6 (Reimers and Gurevych 2019, arXiv:1908.10084) with int8 weights: the mean over the tokens
of its last layer, to unit length.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from idol_runtime.errors import BundleError
from idol_runtime.inference.session import OnnxSession

EMBEDDING_MODEL: Final = "minilm-l6-int8"
"""In the catalog."""
MODEL_FILE: Final = "model.onnx"
TOKENIZER_FILE: Final = "tokenizer.json"
EMBEDDING_SIZE: Final = 384
MOST_TOKENS: Final = 256
"""Of a sentence; what is longer is cut there, as in training."""


class Embedder:
    """Takes 4 to 9 ms of a core for a sentence, so not in a thread that makes frames; may be
    called by several threads at once.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        """Opens the files of `EMBEDDING_MODEL`.

        Raises:
            BundleError: they cannot be read.
        """
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as error:  # tokenizers raises bare exceptions
            raise BundleError(
                f"{folder / TOKENIZER_FILE}: expected a tokenizer, but {error}; "
                f"`idol models pull {EMBEDDING_MODEL}` fetches it again."
            ) from None
        tokenizer.no_padding()
        tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer = tokenizer
        self._session = OnnxSession(folder / MODEL_FILE, threads=threads)
        # ONNX Runtime is thread-safe; two sentences at once would only take each other's core.
        self._one_at_a_time = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 384), of unit length each; their dot products are cosines."""
        rows = np.zeros((len(texts), EMBEDDING_SIZE), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[:] = self._embed(text)
        return rows

    def _embed(self, text: str) -> NDArray[np.float32]:
        # One by one: int8 activations are scaled by the whole batch, and a text's vector must not
        # depend on what it is embedded with.
        text = text.encode(errors="replace").decode()  # lone surrogates are not text
        encoded = self._tokenizer.encode(text)
        feeds = {
            "input_ids": np.array([encoded.ids], np.int64),
            "attention_mask": np.array([encoded.attention_mask], np.int64),
            "token_type_ids": np.array([encoded.type_ids], np.int64),
        }
        with self._one_at_a_time:
            last_layer = self._session.run(feeds)["last_hidden_state"]
        mean = last_layer[0].mean(axis=0, dtype=np.float32)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)
