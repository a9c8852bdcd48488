"""The style of a performer, read from a few seconds of motion: the encoder of a VAE.

The code (16 values, standard normal a priori) conditions the generator, which is the decoder. It
is read from another window of the same recording than the one to be made, so that it holds what
stays the same: how far the jaw opens, how large the gestures are, the rig. Half of the values are
axes a person can set by hand, the first eight the face's, the others the body's; they are taught
where they are known (semi-supervised as in Kingma et al. 2014), the rest is free. Windows of one
performer are combined as a product of Gaussian experts (Hinton 2002; with the prior as in Wu &
Goodman 2018).
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

STYLES_FILE: Final = "styles.json"
"""In a checkpoint: the style codes of whoever was captured, by name."""
STYLE_SIZE: Final = 16
STYLE_LIMIT: Final = 3.0
"""No value of a code that was read is further from 0."""
_LOG_VARIANCE_RANGE: Final = (-6.0, 1.0)


class StyleEncoder(nn.Module):
    """Motion -> Gaussian over style codes. 0.14 M parameters.

    What a style changes is mostly sizes and speeds, and one side against the other: differences of
    logarithms. So the logarithms of every channel's size, spread and speed stand beside what the
    convolutions find, and are read linearly as well.
    """

    scale: Tensor

    def __init__(self, scale: Tensor, *, width: int = 64, dropout: float = 0.1) -> None:
        """An encoder with random weights.

        Args:
            scale: [C], the spread of every channel over the training data, in the channel's unit.
            width: Channels of the convolutions.
            dropout: Of the summary, while training.
        """
        super().__init__()
        self.register_buffer("scale", scale.clone())
        channels = len(scale)
        self.convolutions = nn.Sequential(
            nn.Conv1d(2 * channels, width, 5, stride=2),
            nn.SiLU(),
            nn.Conv1d(width, width, 5, stride=2),
            nn.SiLU(),
            nn.Conv1d(width, width, 5, stride=2),
            nn.SiLU(),
        )
        summary = 2 * width + 5 * channels
        self.normalise = nn.LayerNorm(summary)
        self.read = nn.Linear(summary, 2 * STYLE_SIZE)
        self.read_more = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(summary, 2 * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, 2 * STYLE_SIZE),
        )

    def forward(self, motion: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Reads the style of each window.

        Args:
            motion: [B, T, C] at 30 fps, T from 30, meant for 60 to 120.
            mask: [B, C], 1 where a channel was captured; the others are not looked at.

        Returns:
            Mean and log variance, each [B, 16].
        """
        x = motion / self.scale * mask[:, None]
        velocity = 5 * (x[:, 1:] - x[:, :-1])
        found = self.convolutions(torch.cat([x[:, 1:], velocity], dim=2).transpose(1, 2))
        seen = [
            found.mean(dim=2),
            _spread(found.transpose(1, 2)),
            x.mean(dim=1),
            mask * _size(x.square().mean(dim=1)).log(),
            mask * _spread(x).log(),
            mask * _spread(velocity).log(),
            mask,
        ]
        summary = self.normalise(torch.cat(seen, dim=1))
        mean, log_variance = (self.read(summary) + self.read_more(summary)).chunk(2, dim=1)
        # A talker unlike any in training is at the edge of the known styles, not far outside.
        mean = STYLE_LIMIT * torch.tanh(mean / STYLE_LIMIT)
        return mean, log_variance.clamp(*_LOG_VARIANCE_RANGE)


def _spread(signal: Tensor) -> Tensor:
    """[B, T, C] -> [B, C]: the standard deviation over time, never 0."""
    return _size(signal.var(dim=1, unbiased=False))


def _size(square: Tensor) -> Tensor:
    return (square + 1e-4).sqrt()


def sample(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A code [B, 16] from each posterior, differentiable in both."""
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + (0.5 * log_variance).exp() * noise


def kl(mean: Tensor, log_variance: Tensor, *, free_nats: float = 0.0) -> Tensor:
    """Divergence of each posterior from the standard normal, in nats: [B, 16] twice -> [B].

    A dimension costs nothing below `free_nats` (Kingma et al. 2016), which keeps the free
    dimensions from falling silent early in training.
    """
    each = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return each.clamp_min(free_nats).sum(dim=1) if free_nats else each.sum(dim=1)


def axis_loss(
    mean: Tensor, known_axes: Tensor, log_variance: Tensor | None = None, first: int = 0
) -> Tensor:
    """How far the values of the code that are axes are from those that are known; a scalar.

    Args:
        mean: [B, 16].
        known_axes: [B, 8]; NaN where nobody knows, as in captures.
        log_variance: [B, 16]. With it the loss is the Gaussian negative log likelihood, so that
            the posterior also learns how sure a window of a few seconds can be; without it half
            the squared error.
        first: Where in the code the axes begin.
    """
    axes = slice(first, first + known_axes.shape[1])
    known = ~known_axes.isnan()
    error = (mean[:, axes] - known_axes.nan_to_num()).square()
    if log_variance is not None:
        error = error * (-log_variance[:, axes]).exp() + log_variance[:, axes]
    return 0.5 * torch.where(known, error, 0).sum() / known.sum().clamp_min(1)


def combine(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """One posterior for a talker from N of their windows, [N, 16] twice -> [16] twice.

    Every posterior is the standard normal prior times what its window says; the prior counts once.
    Windows are taken as independent, so let them overlap little.
    """
    told = ((-log_variance).exp() - 1).clamp_min(1e-4)
    precision = 1 + told.sum(dim=0)
    return (mean * (told + 1)).sum(dim=0) / precision, -precision.log()


@torch.no_grad()
def posterior_codes(
    encoder: StyleEncoder,
    recordings: Iterable[tuple[NDArray[np.float32], NDArray[np.float32]]],
    *,
    frames: int = 90,
    samples: int = 4,
    seed: int = 0,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The aggregated posterior: codes drawn for every window of every recording.

    Args:
        encoder: In evaluation mode.
        recordings: Motion [frames, C] and mask [C] of each; one shorter than a window is skipped.
        frames: Length of a window; windows do not overlap.
        samples: Codes drawn for each window.
        seed: Of the draws.

    Returns:
        Codes [N, 16] and the index of the recording that each was drawn for [N].
    """
    generator = torch.Generator().manual_seed(seed)
    device = encoder.scale.device
    codes, groups = [np.zeros((0, STYLE_SIZE), np.float32)], [np.zeros(0, np.int64)]
    for index, (motion, mask) in enumerate(recordings):
        count = len(motion) // frames
        if count == 0:
            continue
        windows = torch.from_numpy(motion[: count * frames].reshape(count, frames, -1)).to(device)
        mean, log_variance = encoder(windows, torch.from_numpy(mask).to(device).expand(count, -1))
        drawn = [sample(mean.cpu(), log_variance.cpu(), generator) for _ in range(samples)]
        codes.append(torch.cat(drawn).numpy())
        groups.append(np.full(count * samples, index, np.int64))
    return np.concatenate(codes), np.concatenate(groups)
