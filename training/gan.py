"""The adversarial half of every motion generator here: discriminators and the averaged generator.

Discriminators look at motion and its velocity through temporal patches of several lengths. The
losses they play for are in `training.adversarial` and importable from here.
Shapes: B clips, T frames, C motion channels, D condition channels.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.adversarial import (
    FAMILY_NAMES,
    AdversarialFamily,
    Critic,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    interpolate_penalty,
    pairing_loss,
)

__all__ = [
    "FAMILY_NAMES",
    "AdversarialFamily",
    "Critic",
    "Discriminator",
    "Ema",
    "PatchCritic",
    "discriminator_loss",
    "frozen",
    "generator_loss",
    "gradient_penalty",
    "interpolate_penalty",
    "pairing_loss",
    "velocity",
]


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


class Ema:
    """An exponential moving average of a module's weights; `module` is what gets exported."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Ramps the decay up from 0, so that early averages are not the initial weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(
            self.module.state_dict().values(), module.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
