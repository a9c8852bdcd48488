"""The adversarial half of every motion generator here: discriminators, and how they take turns.

Discriminators look at motion and its velocity through temporal patches of several lengths. The
losses they play for are in `training.adversarial`.
Shapes: B clips, T frames, C motion channels, D condition channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Generic, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.device import MixedPrecision
from training.settings import MotionSettings

B = TypeVar("B")

CRITICS_RATE: Final = 5e-4


def velocity(motion: Tensor) -> Tensor:
    """Frame differences [B, T, C] with a zero first frame, so that lengths agree."""
    return F.pad(motion[:, 1:] - motion[:, :-1], (0, 0, 1, 0))


class PatchCritic(nn.Module):
    """Scores patches of one time scale: `stride` 1, 3 and 8 see 12, 36 and 96 frames."""

    def __init__(self, channels: int, *, width: int = 64, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.layers = nn.Sequential(
            nn.Conv1d(channels, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 3, padding=1, stride=2),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(width, 1, 1),
        )

    def forward(self, signal: Tensor) -> Tensor:
        """[B, channels, T] -> [B, patches]."""
        if self.stride > 1:
            signal = F.avg_pool1d(signal, self.stride)
        scores: Tensor = self.layers(signal)
        return scores[:, 0]


class Discriminator(nn.Module):
    """Multi-scale temporal patch critics on [x, dx], with an optional condition and mask.

    With `condition_channels` it judges whether motion fits its sound. With a mask it judges
    realism from captures in which some channels are missing: masked channels are zeroed in real
    and generated motion alike, and the mask itself is an input.
    """

    def __init__(
        self,
        channels: int,
        *,
        condition_channels: int = 0,
        width: int = 64,
        strides: Sequence[int] = (1, 3, 8),
    ) -> None:
        super().__init__()
        self.condition_channels = condition_channels
        inputs = 3 * channels + condition_channels
        self.critics = nn.ModuleList(PatchCritic(inputs, width=width, stride=s) for s in strides)

    def forward(
        self, motion: Tensor, condition: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Scores of every patch of every scale.

        Args:
            motion: [B, T, C], normalised to about unit variance per channel.
            condition: [B, T, D], required when built with `condition_channels`.
            mask: [B, C], 1 where the channel was captured; all ones when absent.

        Returns:
            [B, patches].
        """
        if mask is None:
            mask = motion.new_ones(motion.shape[0], motion.shape[2])
        seen = mask[:, None]
        parts = [motion * seen, velocity(motion) * seen, seen.expand_as(motion)]
        if self.condition_channels:
            if condition is None:
                raise ValueError("Expected a condition [B, T, D] for a conditional discriminator.")
            parts.append(condition)
        signal = torch.cat(parts, dim=2).transpose(1, 2)
        return torch.cat([critic(signal) for critic in self.critics], dim=1)


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Computes no gradients for the weights of `modules` in graphs that are built inside.

    For a generator's step: its loss still flows through the critics, but not into them.
    """
    trained = [p for module in modules for p in module.parameters() if p.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


class Critics(nn.Module, ABC, Generic[B]):
    """Discriminators of one task, and what they are shown."""

    @abstractmethod
    def trial(self, batch: B, made: Tensor, rng: np.random.Generator) -> Any:
        """What is shown beside `made` [B, T, C]; the other two take it."""

    @abstractmethod
    def judge(self, trial: Any, *, penalty: float) -> tuple[Tensor, dict[str, float]]:
        """What the critics minimise, and numbers to log."""

    @abstractmethod
    def fool(self, trial: Any) -> Tensor:
        """What the generator minimises, weighted; comes after the critics' own update."""


class Contest(Generic[B]):
    """The critics' own updates, and what the generator hears of them."""

    def __init__(
        self, critics: Critics[B], settings: MotionSettings, precision: MixedPrecision
    ) -> None:
        self.critics, self.settings, self.precision = critics, settings, precision
        self.optimiser = torch.optim.AdamW(critics.parameters(), CRITICS_RATE, (0.0, 0.98))

    def turn(
        self, step: int, batch: B, made: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Updates the critics, then scores `made` by them; nothing where it is not their turn.

        Penalties are taken every few times and counted as often (Karras et al. 2020).
        """
        settings, every = self.settings, self.settings.adversarial_every
        due = step >= settings.adversarial_from and step % every == 0
        if not (settings.adversarial_weight and due):
            return made.new_zeros(()), {}
        lazily = step % (settings.penalty_every * every) == 0
        penalty = settings.penalty * settings.penalty_every if lazily else 0.0
        with self.precision.autocast():
            trial = self.critics.trial(batch, made, rng)
            judgement, metrics = self.critics.judge(trial, penalty=penalty)
        self.precision.step(judgement, self.optimiser)
        with self.precision.autocast(), frozen(self.critics):
            fooling = self.critics.fool(trial)
        return fooling, metrics | {"loss/adversarial": fooling.item()}
