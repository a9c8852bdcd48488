"""What the pose generator is trained to do, apart from its adversaries."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.humanoid.skeleton import forward_kinematics
from training.losses import (
    channel_scale,
    masked_mean,
    normalised_acceleration,
    normalised_mse,
    normalised_velocity,
)
from training.pose.capsules import penetration_loss
from training.pose.legs import PLANTED_M
from training.pose.limits import limit_loss
from training.pose.model import MOTION, ROTATIONS, decode, feet_of
from training.pose.settings import PoseSettings
from training.pose.streams import ClipBatch

_SEEN_M = 0.03
"""Hands that are this far off are seen to be: the unit of positions."""


def channel_floor() -> Tensor:
    """[95]: below about a degree and a few millimetres, motion is noise to the eye."""
    floor = torch.full((MOTION,), 0.02)
    floor[ROTATIONS : ROTATIONS + 3] = 0.004
    floor[ROTATIONS + 3 :] = torch.tensor([0.01, 0.01, 0.004, 1.0]).repeat(2)
    return floor


def scale_of(motion: Tensor) -> Tensor:
    """[95], the unit in which errors of each channel are counted."""
    return torch.maximum(channel_scale(motion, 0.0), channel_floor())


def reconstruction(
    made: Tensor, batch: ClipBatch, scale: Tensor, settings: PoseSettings
) -> tuple[Tensor, dict[str, float]]:
    """Channels, their velocity and acceleration, joints, contact, limits and overlap.

    Args:
        made: [B, T, 95].
        batch: the targets.
        scale: [95].
        settings: how much each part counts.
    """
    weight = batch.known[:, None]
    rotation = normalised_mse(made, batch.motion, scale, weight)
    speed = normalised_velocity(made, batch.motion, scale * 0.1, weight)
    haste = normalised_acceleration(made, batch.motion, scale * 0.03, weight)
    local, hips_m = decode(made, feet_of(made), batch.given.style)
    placed, world = forward_kinematics(local, hips_m)
    with torch.no_grad():
        target = decode(batch.motion, feet_of(batch.motion), batch.given.style)
        joints, _ = forward_kinematics(*target)
    whole = batch.known.amin(dim=1)[:, None, None, None]
    position = masked_mean(((placed - joints) / _SEEN_M).square(), whole)
    contact = contact_loss(feet_of(made), feet_of(batch.motion))
    # Bodies move slowly against 30 frames a second: every third shows what overlaps.
    some = slice(None, None, 3)
    limits, overlap = limit_loss(local[:, some]), penetration_loss(placed[:, some], world[:, some])
    loss = rotation + settings.velocity_weight * speed + settings.acceleration_weight * haste
    loss = loss + settings.position_weight * position + settings.contact_weight * contact
    loss = loss + settings.limit_weight * limits + settings.penetration_weight * overlap
    off_cm = (placed - joints).norm(dim=-1).mean() * 100
    return loss, {
        "loss/rotation": rotation.item(),
        "loss/velocity": speed.item(),
        "loss/acceleration": haste.item(),
        "loss/position": position.item(),
        "loss/contact": contact.item(),
        "loss/limits": limits.item(),
        "loss/overlap": overlap.item(),
        "joints_off_cm": off_cm.item(),
    }


def contact_loss(made: Tensor, target: Tensor) -> Tensor:
    """How far feet [B, T, 8] that should stand are lifted, and standing ones slide; a scalar.

    The unit is half of the height from which the foot lock lets go.
    """
    lift, taught = (feet.unflatten(-1, (2, 4)) for feet in (made, target))
    stands = (taught[..., 2] < PLANTED_M).to(made.dtype)
    risen = F.relu(lift[..., 2] - PLANTED_M / 2) * stands / (PLANTED_M / 2)
    # Linear beyond the unit: a step that is late by a frame must not teach never to step.
    return F.smooth_l1_loss(risen, torch.zeros_like(risen))
