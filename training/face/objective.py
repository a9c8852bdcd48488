"""What the face generator is trained to do, apart from its adversaries."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.face.data import Stream
from training.face.model import ANGLES, LIPS, MADE
from training.face.settings import FaceSettings
from training.face.windows import FaceBatch
from training.losses import (
    channel_scale,
    closure_error,
    normalised_acceleration,
    normalised_mse,
    normalised_velocity,
)

SHAPED_BY_REALISM = ("brow", "eyeSquint", "eyeWide", "cheek", "noseSneer")


def opening(made: Tensor) -> Tensor:
    """[B, T, 51] -> [B, T]: jawOpen - mouthClose, plus the lips drawn apart (see face.mouth)."""

    def at(name: str) -> Tensor:
        return made[..., MADE.index(name)]

    apart = (
        at("mouthLowerDownLeft")
        + at("mouthLowerDownRight")
        + at("mouthUpperUpLeft")
        + at("mouthUpperUpRight")
    )
    return (at("jawOpen") - at("mouthClose")).clamp_min(0) + 0.175 * apart


class Scales:
    """How much every channel moves, taught and captured: the unit in which errors are counted.

    A channel that hardly moves in one kind of material may be the one that moves most in the other.
    """

    def __init__(self, streams: Sequence[Stream]) -> None:
        floor = torch.full((len(MADE),), 0.03)
        floor[-ANGLES:] = 1.0
        self.taught = torch.maximum(_spread([s for s in streams if not s.captured]), floor)
        captured = _spread([s for s in streams if s.captured])
        self.taught_mean = _mean([s for s in streams if not s.captured])
        self.captured = torch.where(captured > 0, torch.maximum(captured, floor / 3), self.taught)

    def of(self, captured: Tensor) -> Tensor:
        """[B, 1, 51] for rows of either kind."""
        kinds = torch.stack([self.taught, self.captured]).to(captured.device)
        return kinds[captured.long()][:, None]


def _spread(streams: Sequence[Stream]) -> Tensor:
    if not streams:
        return torch.zeros(len(MADE))
    return channel_scale(torch.from_numpy(np.concatenate([s.target for s in streams])), 0.0)


def _mean(streams: Sequence[Stream]) -> Tensor:
    if not streams:
        return torch.zeros(len(MADE))
    return torch.from_numpy(np.concatenate([s.target for s in streams])).mean(dim=0)


def channel_weights(settings: FaceSettings) -> Tensor:
    """[51]: lips, smiles, head and eyes count 1, the rest what the settings say."""
    shaped = torch.tensor([name.startswith(SHAPED_BY_REALISM) for name in MADE])
    lids = torch.tensor([name.startswith("eyeBlink") for name in MADE])
    weights = torch.where(shaped, settings.upper_weight, 1.0)
    return torch.where(lids, settings.blink_weight, weights)


def reconstruction(
    made: Tensor, batch: FaceBatch, scale: Tensor, weights: Tensor, settings: FaceSettings
) -> tuple[Tensor, dict[str, float]]:
    """Position, velocity, acceleration and closure; channels that nobody captured do not count.

    Args:
        made: [B, T, C], the first C channels of `MADE`.
        batch: the targets.
        scale: [B, 1, 51].
        weights: [51].
        settings: how much each part counts.
    """
    channels = made.shape[2]
    weight = (batch.mask * weights)[:, None, :channels]
    target, unit = batch.target[..., :channels], scale[..., :channels]
    position = normalised_mse(made, target, unit, weight)
    motion = normalised_velocity(made, target, unit * 0.5, weight)
    jerks = normalised_acceleration(made, target, unit * 0.25, weight)
    # The mean is over closed frames alone: among few taught rows they must not outweigh the rest.
    taught = 1 - batch.captured.mean()
    shut = taught * closure_error(opening(made), made.new_tensor(0.02), batch.closed)
    loss = position + settings.velocity_weight * motion + settings.closure_weight * shut
    loss = loss + settings.acceleration_weight * jerks
    lips = normalised_mse(
        made[..., : len(LIPS)], target[..., : len(LIPS)], unit[..., : len(LIPS)],
        weight[..., : len(LIPS)],
    )  # fmt: skip
    return loss, {
        "loss/position": position.item(),
        "loss/lips": lips.item(),
        "loss/velocity": motion.item(),
        "loss/acceleration": jerks.item(),
        "loss/closure": shut.item(),
    }


def phoneme_loss(logits: Tensor, spoken: Tensor) -> Tensor:
    """Cross entropy [scalar] of logits [B, T, 20] to class shares, over frames that are known."""
    known = spoken.sum(dim=2)
    entropy = -(spoken * F.log_softmax(logits, dim=2)).sum(dim=2)
    return entropy.sum() / known.sum().clamp_min(1.0)
