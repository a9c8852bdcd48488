"""What moves a body that nobody pushes: smoothed noise and breath, with explicit state.

The teacher and the student are driven by the same signals, so the student learns how a body
answers them and not to guess what the teacher rolled. Everything is a short recursion of
multiply-adds, exported inside the generator's graph.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from training.noise import HoldGroup, NoiseLaw

FPS: Final = 30

NOISE: Final = NoiseLaw(
    ou_seconds=(1.5, 1.5, 2.0, 2.0, 3.0, 3.0, 3.0, 6.0),
    hold=(HoldGroup(2, 7.0, 0.5), HoldGroup(5, 2.6, 0.4), HoldGroup(3, 9.0, 0.5)),
)
NOISE_NAMES: Final = (
    *(
        "sway_side",
        "sway_front",
        "turn",
        "bend",
        "left_arm",
        "right_arm",
        "shoulders",
        "breath_rate",
    ),
    *("weight", "twist"),
    *("hand", "gesture_a", "gesture_b", "gesture_c", "gesture_size"),
    *("think_hand", "rest_arms", "head_side"),
)
_SETTLE_S: Final = (0.35,) * 8 + (0.55, 0.55) + (0.12,) * 5 + (0.3, 0.6, 0.6)
"""Time constant of each of the two smoothing poles per channel: a held value is approached over
about four of them, and an Ornstein-Uhlenbeck path loses its jitter."""


class Drivers(nn.Module):
    """Signals [B, T, N + 2]: smoothed noise, then sine and cosine of the breath.

    State [B, 2 N + 1]: two poles per noise channel and the breath's phase in turns; zeros to begin.
    """

    size = NOISE.size + 2
    state_size = 2 * NOISE.size + 1

    def __init__(self) -> None:
        super().__init__()
        keep = torch.exp(-1.0 / (FPS * torch.tensor(_SETTLE_S)))
        self.register_buffer("keep", keep)
        self.keep: Tensor

    def step(
        self, noise: Tensor, arousal: Tensor, phase_offset: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One frame.

        Args:
            noise: [B, N].
            arousal: [B, 1], -1 to 1: how fast it breathes.
            phase_offset: [B, 1], turns; keeps characters from breathing in step.
            state: [B, 2 N + 1].
        """
        first, second, phase = state.split([NOISE.size, NOISE.size, 1], dim=-1)
        first = self.keep * first + (1 - self.keep) * noise
        second = self.keep * second + (1 - self.keep) * first
        breath_rate = second[:, 7:8]
        phase = phase + (0.25 + 0.07 * arousal + 0.03 * torch.tanh(breath_rate)) / FPS
        phase = phase - torch.floor(phase)
        angle = 2 * math.pi * (phase + phase_offset)
        signals = torch.cat([second, torch.sin(angle), torch.cos(angle)], dim=-1)
        return signals, torch.cat([first, second, phase], dim=-1)

    def forward(
        self, noise: Tensor, arousal: Tensor, phase_offset: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Many frames: noise [B, T, N], arousal and offset [B, T, 1]."""
        signals = []
        for index in range(noise.shape[1]):
            signal, state = self.step(
                noise[:, index], arousal[:, index], phase_offset[:, index], state
            )
            signals.append(signal)
        return torch.stack(signals, dim=1), state
