"""How far a dialogue bundle's logits are from torch, measured through the runtime's own decoder."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.dialogue.config import MODEL_FILE
from idol_runtime.dialogue.decoder import open_rows
from idol_runtime.inference.session import OnnxSession

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LogitsParity:
    """Over all positions of all texts."""

    positions: int
    max_logit_diff: float
    mean_kl: float
    """KL(torch || bundle), nats per token."""
    top1_agreement: float
    """Share of positions where both find the same token most likely."""

    def __str__(self) -> str:
        return (
            f"{self.positions} positions: max logit diff {self.max_logit_diff:.3g}, "
            f"mean KL {self.mean_kl:.3g}, top-1 agreement {self.top1_agreement:.3f}"
        )


def compare(torch_logits: Logits, bundle_logits: Logits) -> LogitsParity:
    """Both of shape (positions, vocab)."""
    expected, found = _log_softmax(torch_logits), _log_softmax(bundle_logits)
    kl = (np.exp(expected) * (expected - found)).sum(axis=1)
    same = torch_logits.argmax(axis=1) == bundle_logits.argmax(axis=1)
    return LogitsParity(
        len(torch_logits),
        float(np.abs(torch_logits - bundle_logits).max()),
        float(kl.mean()),
        float(same.mean()),
    )


def measure(
    model: torch.nn.Module,
    folder: Path,
    config: DecoderConfig,
    texts: Iterable[tuple[Sequence[int], Sequence[int]]],
    *,
    threads: int = 2,
) -> LogitsParity:
    """Teacher-forced parity: each prompt is read at once, its reply token by token."""
    session = OnnxSession(folder / MODEL_FILE, provider="cpu", threads=threads)
    expected: list[Logits] = []
    found: list[Logits] = []
    for prompt, reply in texts:
        expected.append(torch_logits(model, [*prompt, *reply])[len(prompt) - 1 :])
        found.append(bundle_logits(session, config, prompt, reply))
    return compare(np.concatenate(expected), np.concatenate(found))


def torch_logits(model: torch.nn.Module, ids: Sequence[int]) -> Logits:
    """Shape (len(ids), vocab)."""
    with torch.inference_mode():
        logits: Logits = model(torch.tensor([list(ids)])).logits[0].float().numpy()
    return logits


def greedy_reply(model: torch.nn.Module, prompt: Sequence[int], size: int) -> list[int]:
    """The `size` tokens torch finds most likely, end tokens included and passed over."""
    reply: list[int] = []
    ids, cache = torch.tensor([list(prompt)]), DynamicCache()
    # transformers 5.2x renamed the argument; the cache itself is filled in place.
    taken = inspect.signature(model.forward).parameters
    name = "cache" if "cache" in taken else "past_key_values"
    with torch.inference_mode():
        while len(reply) < size:
            logits = model(ids, **{name: cache}, use_cache=True).logits
            reply.append(int(logits[0, -1].argmax()))
            ids = torch.tensor([reply[-1:]])
    return reply


def bundle_logits(
    session: OnnxSession, config: DecoderConfig, prompt: Sequence[int], reply: Sequence[int]
) -> Logits:
    """Of the prompt's last position and every position of the reply, shape (1 + reply, vocab)."""
    rows = open_rows(session, config, 1, len(prompt) + len(reply))
    logits = [rows.read(0, prompt, 0).copy()]
    for at, token in enumerate(reply):
        logits.append(rows.read(0, [token], len(prompt) + at).copy())
    return np.stack(logits)


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
