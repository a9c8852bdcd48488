"""Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Preference(NamedTuple):
    loss: Tensor
    """Scalar, nats."""
    right: Tensor
    """Share of pairs in which the model has moved further towards the good reply."""
    margin: Tensor
    """Mean difference of rewards."""


def reply_sums(log_likelihoods: Tensor, owner: Tensor, replies: int) -> Tensor:
    """Of each reply [R]: the sum over its tokens."""
    return torch.zeros(replies, dtype=log_likelihoods.dtype).index_add(0, owner, log_likelihoods)


def preference_loss(
    tuned: Tensor, reference: Tensor, good: Sequence[int], bad: Sequence[int], *, beta: float
) -> Preference:
    """`-log sigmoid(beta ((tuned - reference)[good] - (tuned - reference)[bad]))`, mean over pairs.

    Args:
        tuned: Log-likelihood of each reply [R] under the model that learns.
        reference: The same under the one it began as, without gradients.
        good: Of each pair, the number of the reply that is preferred.
        bad: And of the other.
        beta: How dearly it is to stay near the reference.
    """
    rewards = beta * (tuned - reference)
    margins = rewards[list(good)] - rewards[list(bad)]
    return Preference(
        -functional.logsigmoid(margins).mean(),
        (margins > 0).float().mean(),
        margins.mean(),
    )
