"""The pose generator: a causal conditional network with one explicit state.

Voice, activity, emotion, style and the drivers (smoothed noise, breath) go through a linear front
and two LSTM layers to 6D rotations of the 14 upper bones and the translation of the hips; the legs
follow by inverse kinematics inside the graph, so planted feet stay planted. No look-ahead of its
own: the caller feeds the features of a frame two frames early.
"""

from typing import Final

import torch
from torch import Tensor, nn

from training.lstm import lstm_cell
from training.pose.drivers import NOISE, Drivers
from training.pose.legs import lower_to_reach, plant_feet
from training.pose.skeleton import matrix_from_rot6d, quaternion_from_matrix, rot6d_from_matrix

UPPER: Final = 14
MOTION: Final = 6 * UPPER + 3
"""Channels of a pose as the network makes it and the discriminators see it."""
AUDIO, ACTIVITY, EMOTION, STYLE = 160, 4, 8, 16


def encode(local: Tensor, hips_m: Tensor) -> Tensor:
    """Motion [..., 87] of full local rotations [..., 22, 3, 3] and hips [..., 3]."""
    return torch.cat([rot6d_from_matrix(local[..., :UPPER, :, :]).flatten(-2), hips_m], dim=-1)


def decode(motion: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Local rotations [..., 22, 3, 3] and hips [..., 3]; legs planted, hips within their reach."""
    upper = matrix_from_rot6d(motion[..., :-3].unflatten(-1, (UPPER, 6)))
    hips = upper[..., 0, :, :]
    hips_m = lower_to_reach(motion[..., -3:], hips, style)
    return torch.cat([upper, plant_feet(hips_m, hips, style)], dim=-3), hips_m


class PoseGenerator(nn.Module):
    """State [B, S]: drivers, then hidden and cell values of each layer; zeros to begin."""

    def __init__(self, width: int = 160, layers: int = 2) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.drivers = Drivers()
        self.voice = nn.Sequential(nn.Linear(AUDIO, 64), nn.SiLU(), nn.Linear(64, 32))
        told = 32 + ACTIVITY + EMOTION + STYLE + Drivers.size
        self.front = nn.Sequential(nn.Linear(told, width), nn.SiLU())
        self.memory = nn.LSTM(width, width, layers, batch_first=True)
        self.body = nn.Sequential(
            nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, MOTION),
        )  # fmt: skip
        self.register_buffer("mean", torch.zeros(MOTION))
        self.register_buffer("scale", torch.ones(MOTION))
        self.mean: Tensor
        self.scale: Tensor

    @property
    def state_size(self) -> int:
        return Drivers.state_size + 2 * self.layers * self.width

    def initial_state(self, batch: int) -> Tensor:
        return self.mean.new_zeros(batch, self.state_size)

    def forward(
        self,
        audio: Tensor,
        activity: Tensor,
        emotion: Tensor,
        style: Tensor,
        noise: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Clips [B, T, ...] to motion [B, T, 87] and the state after the last frame."""
        driven, memory = state.split([Drivers.state_size, 2 * self.layers * self.width], dim=-1)
        signals, driven = self.drivers(noise, emotion[..., 1:2], style[..., :1], driven)
        told = self._told(audio, activity, emotion, style, signals)
        cells = memory.unflatten(-1, (2, self.layers, self.width)).permute(1, 2, 0, 3).contiguous()
        recalled, (hidden, cell) = self.memory(told, (cells[0], cells[1]))
        after = torch.stack([hidden, cell]).permute(2, 0, 1, 3).flatten(1)
        return self._motion(told, recalled), torch.cat([driven, after], dim=-1)

    def step(
        self,
        audio: Tensor,
        activity: Tensor,
        emotion: Tensor,
        style: Tensor,
        noise: Tensor,
        state: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One frame [B, ...]: quaternions [B, 22, 4], hips [B, 3] in metres, next state."""
        driven, memory = state.split([Drivers.state_size, 2 * self.layers * self.width], dim=-1)
        signals, driven = self.drivers.step(noise, emotion[:, 1:2], style[:, :1], driven)
        told = self._told(audio, activity, emotion, style, signals)
        parts = memory.split(self.width, dim=-1)
        recalled, hidden, cell = told, list(parts[: self.layers]), list(parts[self.layers :])
        for layer in range(self.layers):
            recalled, cell[layer] = lstm_cell(
                self.memory, layer, recalled, hidden[layer], cell[layer]
            )
            hidden[layer] = recalled
        local, hips_m = decode(self._motion(told, recalled), style)
        return quaternion_from_matrix(local), hips_m, torch.cat([driven, *hidden, *cell], dim=-1)

    def _told(self, audio: Tensor, *rest: Tensor) -> Tensor:
        told: Tensor = self.front(torch.cat([self.voice(audio), *rest], dim=-1))
        return told

    def _motion(self, told: Tensor, recalled: Tensor) -> Tensor:
        motion: Tensor = self.body(torch.cat([told, recalled], dim=-1))
        return self.mean + self.scale * motion


NOISE_SIZE: Final = NOISE.size
