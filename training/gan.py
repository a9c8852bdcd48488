"""The adversarial half of every motion generator here.

Loss: relativistic pairing with zero-centred penalties on real (R1) and generated (R2) samples,
as described in "The GAN is dead; long live the GAN!" (Huang et al. 2024, arXiv:2501.05441).
Discriminators look at motion and its velocity through temporal patches of several lengths.
Shapes: B clips, T frames, C motion channels, D condition channels.
"""

import copy
from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Critic: TypeAlias = Callable[[Tensor], Tensor]
"""Motion [B, T, C] -> scores [B, patches]; condition and mask are bound by the caller."""


def velocity(motion: Tensor) -> Tensor:
    """Frame differences [B, T, C] with a zero first frame, so that lengths agree."""
    return F.pad(motion[:, 1:] - motion[:, :-1], (0, 0, 1, 0))


class PatchCritic(nn.Module):
    """Scores patches of one time scale: `stride` 1, 3 and 8 see about 15, 45 and 120 frames."""

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


def pairing_loss(winner: Tensor, loser: Tensor) -> Tensor:
    """softplus(-(winner - loser)): 0 once the winner's scores are far above the loser's.

    The discriminator trains with winner = real, the generator with winner = generated.
    """
    return F.softplus(loser - winner).mean()


def gradient_penalty(critic: Critic, motion: Tensor) -> Tensor:
    """Mean squared gradient norm of the scores at `motion`: R1 on real, R2 on generated."""
    point = motion.detach().requires_grad_(True)
    scores = critic(point)
    (gradient,) = torch.autograd.grad(scores.mean(dim=1).sum(), point, create_graph=True)
    return gradient.square().sum(dim=(1, 2)).mean()


def discriminator_loss(
    critic: Critic, real: Tensor, generated: Tensor, *, penalty: float
) -> tuple[Tensor, dict[str, float]]:
    """Relativistic pairing plus `penalty` / 2 * (R1 + R2); pass penalty 0 to skip them."""
    generated = generated.detach()
    real_scores, generated_scores = critic(real), critic(generated)
    loss = pairing_loss(real_scores, generated_scores)
    metrics = {"d_loss": loss.item(), "d_margin": (real_scores - generated_scores).mean().item()}
    if penalty > 0:
        r1, r2 = gradient_penalty(critic, real), gradient_penalty(critic, generated)
        loss = loss + 0.5 * penalty * (r1 + r2)
        metrics |= {"r1": r1.item(), "r2": r2.item()}
    return loss, metrics


def generator_loss(critic: Critic, real: Tensor, generated: Tensor) -> Tensor:
    """The same pairing with the roles turned; gradients reach only `generated`."""
    with torch.no_grad():
        real_scores = critic(real)
    return pairing_loss(critic(generated), real_scores)


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
