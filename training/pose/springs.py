"""How a taught body follows what it wants: causal smoothing of curves [B, T]."""

import torch
from torch import Tensor

from idol_protocol.frames import FPS


def spring(target: Tensor, seconds: float, damping: float = 1.0) -> Tensor:
    """[B, T, ...] followed by a second-order system that arrives in about `seconds`."""
    omega, step = 4.0 / seconds, 1.0 / FPS
    place, speed = target[:, 0], torch.zeros_like(target[:, 0])
    path = []
    for goal in target.unbind(1):
        # Implicit in the speed, so that it is stable at any stiffness.
        push = speed + step * omega**2 * (goal - place)
        speed = push / (1 + 2 * damping * omega * step + (omega * step) ** 2)
        place = place + step * speed
        path.append(place)
    return torch.stack(path, dim=1)


def follow(level: Tensor, attack_s: float, release_s: float) -> Tensor:
    """A peak follower [B, T] with separate rise and fall times."""
    rise, fall = (1 - pow(2.718281828, -1 / (FPS * seconds)) for seconds in (attack_s, release_s))
    value = torch.zeros_like(level[:, 0])
    path = []
    for now in level.unbind(1):
        value = value + (now - value) * torch.where(now > value, rise, fall)
        path.append(value)
    return torch.stack(path, dim=1)


def voice_level(audio: Tensor) -> Tensor:
    """[B, T]: 0 in silence, about 1 in plain speech, from features [B, T, 160]."""
    silent, plain = -0.5, 0.5
    return ((audio.mean(-1) - silent) / (plain - silent)).clamp(0.0, 1.3)


def accents(level: Tensor) -> Tensor:
    """[B, T] in [0, 1]: rises of the voice above its recent level."""
    rise = follow(level, 0.03, 0.12) - follow(level, 0.35, 0.35)
    return (3.5 * (rise - 0.08)).clamp(0.0, 1.0)


def minimum_jerk(share: Tensor) -> Tensor:
    """From 0 to 1 with no speed and no acceleration at either end (Flash and Hogan 1985)."""
    return share**3 * (10 - 15 * share + 6 * share**2)
