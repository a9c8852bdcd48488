"""Reconstruction losses: small pure functions, each named for what it measures.

Shapes: B clips, T frames, C channels. A plain L1 or L2 over blendshapes is ruled by the few
channels that move most; closure channels then collapse. Errors are therefore divided by each
channel's standard deviation before they are squared.
"""

import torch
from torch import Tensor


def channel_scale(motion: Tensor, floor: float) -> Tensor:
    """Standard deviation per channel [C] of motion [..., C], no less than `floor`."""
    return motion.reshape(-1, motion.shape[-1]).std(dim=0).clamp_min(floor)


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of values [B, T, C] under weights that broadcast to them; 0 when all weights are 0."""
    weight = weight.expand_as(values)
    return (values * weight).sum() / weight.sum().clamp_min(1e-6)


def normalised_mse(predicted: Tensor, target: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """Mean of ((predicted - target) / scale)^2.

    Args:
        predicted: [B, T, C].
        target: [B, T, C].
        scale: [C], see `channel_scale`.
        weight: broadcasts to [B, T, C]; 0 where a channel was not captured.
    """
    return masked_mean(((predicted - target) / scale).square(), weight)


def normalised_velocity(predicted: Tensor, target: Tensor, scale: Tensor, weight: Tensor) -> Tensor:
    """`normalised_mse` of the frame differences; keeps edges sharp and noise down."""
    weight = weight.expand_as(predicted)
    return normalised_mse(
        predicted[:, 1:] - predicted[:, :-1],
        target[:, 1:] - target[:, :-1],
        scale,
        torch.minimum(weight[:, 1:], weight[:, :-1]),
    )


def normalised_acceleration(
    predicted: Tensor, target: Tensor, scale: Tensor, weight: Tensor
) -> Tensor:
    """`normalised_velocity` of the frame differences."""
    weight = weight.expand_as(predicted)
    return normalised_velocity(
        predicted[:, 1:] - predicted[:, :-1],
        target[:, 1:] - target[:, :-1],
        scale,
        torch.minimum(weight[:, 1:], weight[:, :-1]),
    )


def closure_error(opening: Tensor, ceiling: Tensor, closed: Tensor) -> Tensor:
    """Mean squared excess of the mouth's opening over its ceiling where it must be shut.

    Args:
        opening: [B, T], how far the lips are apart.
        ceiling: [B, T] or scalar, the most that is allowed.
        closed: [B, T], 1 in frames of p, b, m (and silence), else 0.
    """
    return masked_mean((opening - ceiling).clamp_min(0).square(), closed)
