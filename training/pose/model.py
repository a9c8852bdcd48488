"""The pose generator: a causal conditional network with one explicit state.

Voice, activity, emotion, gestures with their phases, the music's beat, style and the drivers
(smoothed noise, breath, the choice of a dance) go through a linear front and two LSTM layers to 6D
rotations of the 14 upper bones, the translation of the hips and where the feet are to be. Feet lock
and legs follow inside the graph, so planted feet stay planted. No look-ahead of its own: the caller
feeds the features of a frame two frames early.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES, POSE_BONES
from training.device import in_float32
from training.humanoid.skeleton import (
    about,
    matrix_from_rot6d,
    quaternion_from_matrix,
    rot6d_from_matrix,
)
from training.lstm import lstm_cell
from training.pose.conditions import STYLE, PoseConditions
from training.pose.drivers import BITS, LIFTS, SIGNALS, Drivers, move_weights
from training.pose.gestures import chosen_hand, shaken_head_deg
from training.pose.legs import FootLock, leg_rotations, lower_to_reach

UPPER: Final = 14
ROTATIONS: Final = 6 * UPPER
MOTION: Final = ROTATIONS + 3 + 8
"""Channels of a pose as the network makes it and the discriminators see it: 6D rotations of the
upper bones, the hips' translation, the feet (`training.pose.legs`)."""
_PHASE_KNOTS: Final = 9
_SHAKE: Final = GESTURES.index("shake")
_NECK, _HEAD = POSE_BONES.index("neck"), POSE_BONES.index("head")
_HARMONICS: Final = (1, 2, 4, 8, 16)
"""Of the eight-count: once, twice, four times in it, every beat, every half beat."""


def encode(local: Tensor, hips_m: Tensor, feet: Tensor) -> Tensor:
    """Motion [..., 95] of local rotations [..., >= 14, 3, 3], hips [..., 3] and feet [..., 8]."""
    return torch.cat([rot6d_from_matrix(local[..., :UPPER, :, :]).flatten(-2), hips_m, feet], -1)


def decode(motion: Tensor, feet: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
    """Local rotations [..., 22, 3, 3] and hips [..., 3] within the reach of legs on these feet.

    Args:
        motion: [..., 95]; its own feet are not looked at.
        feet: [..., 8], the motion's own, or those that a `FootLock` keeps.
        style: [..., 16].
    """
    upper = matrix_from_rot6d(motion[..., :ROTATIONS].unflatten(-1, (UPPER, 6)))
    hips = upper[..., 0, :, :]
    hips_m = lower_to_reach(motion[..., ROTATIONS : ROTATIONS + 3], hips, feet, style)
    return torch.cat([upper, leg_rotations(hips_m, hips, feet, style)], dim=-3), hips_m


def feet_of(motion: Tensor) -> Tensor:
    """[..., 8]."""
    return motion[..., -8:]


class PoseGenerator(nn.Module):
    """State [B, S]: drivers, foot lock, hidden and cell values of each layer; zeros to begin."""

    def __init__(self, width: int = 192, layers: int = 2) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.drivers = Drivers()
        self.voice = nn.Sequential(nn.Linear(LOG_MEL.size, 64), nn.SiLU(), nn.Linear(64, 32))
        told = 32 + len(ACTIVITIES) + len(EMOTIONS) + STYLE + LIFTS.start
        told += len(GESTURES) * _PHASE_KNOTS + 8 * 2 * len(_HARMONICS) + 1
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
        self.sizes = [Drivers.state_size, FootLock.state_size, 2 * layers * width]

    @property
    def state_size(self) -> int:
        return sum(self.sizes)

    def initial_state(self, batch: int) -> Tensor:
        return self.mean.new_zeros(batch, self.state_size)

    def forward(self, given: PoseConditions, state: Tensor) -> tuple[Tensor, Tensor]:
        """Motion [B, T, 95] before the foot lock, and the state after the last frame.

        The state's lock is handed on as it came: see `perform`.
        """
        driven, lock, memory = state.split(self.sizes, dim=-1)
        with in_float32(self.mean.device):
            signals, driven = self.drivers(given, driven)
            features = _features(given, signals)
        told = self._told(given.audio, features)
        cells = memory.unflatten(-1, (2, self.layers, self.width)).permute(1, 2, 0, 3).contiguous()
        recalled, (hidden, cell) = self.memory(told, (cells[0], cells[1]))
        after = torch.stack([hidden, cell]).permute(2, 0, 1, 3).flatten(1)
        motion = self._motion(told, recalled)
        with in_float32(self.mean.device):
            motion = lift_feet(shake_head(motion, given, signals), given, signals)
        return motion, torch.cat([driven, lock, after], dim=-1)

    def perform(self, given: PoseConditions, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the runtime shows: local rotations [B, T, 22, 3, 3], hips [B, T, 3], next state."""
        motion, after = self(given, state)
        driven, lock, memory = after.split(self.sizes, dim=-1)
        feet, lock = FootLock.walk(feet_of(motion), lock)
        local, hips_m = decode(motion, feet, given.style)
        return local, hips_m, torch.cat([driven, lock, memory], dim=-1)

    def step(self, given: PoseConditions, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One frame [B, ...]: quaternions [B, 22, 4], hips [B, 3] in metres, next state."""
        driven_size, lock_size, _ = self.sizes
        each = [self.width] * (2 * self.layers)
        driven, lock, *memory = state.split([driven_size, lock_size, *each], dim=-1)
        signals, driven = self.drivers.step(given, driven)
        told = self._told(given.audio, _features(given, signals))
        recalled, hidden, cell = told, memory[: self.layers], memory[self.layers :]
        for layer in range(self.layers):
            recalled, cell[layer] = lstm_cell(
                self.memory, layer, recalled, hidden[layer], cell[layer]
            )
            hidden[layer] = recalled
        motion = shake_head(self._motion(told, recalled), given, signals)
        motion = lift_feet(motion, given, signals)
        feet, lock = FootLock.step(feet_of(motion), lock)
        local, hips_m = decode(motion, feet, given.style)
        after = torch.cat([driven, lock, *hidden, *cell], dim=-1)
        return quaternion_from_matrix(local), hips_m, after

    def _told(self, audio: Tensor, features: Tensor) -> Tensor:
        told: Tensor = self.front(torch.cat([self.voice(audio), features], dim=-1))
        return told

    def _motion(self, told: Tensor, recalled: Tensor) -> Tensor:
        motion: Tensor = self.body(torch.cat([told, recalled], dim=-1))
        return self.mean + self.scale * motion


def shake_head(motion: Tensor, given: PoseConditions, signals: Tensor) -> Tensor:
    """Motion [..., 95] whose neck and head are turned as far as a shaken head is.

    The swing is the one curve that is faster than the network's features of a phase, and training
    left it out; so the graph makes it and the network what goes with it.
    """
    weight, phase = (each[..., _SHAKE] for each in given.gesture.chunk(2, dim=-1))
    hand = chosen_hand(signals[..., SIGNALS.index("gesture_hand")], given.style[..., 13])
    yaw = -torch.tanh(20 * hand) * weight * shaken_head_deg(phase)
    turned = []
    for bone, share in ((_NECK, 0.4), (_HEAD, 0.6)):
        columns = motion[..., 6 * bone : 6 * bone + 6].unflatten(-1, (2, 3))
        turned.append((columns @ about("y", share * yaw).transpose(-1, -2)).flatten(-2))
    return torch.cat([motion[..., : 6 * _NECK], *turned, motion[..., 6 * (_HEAD + 1) :]], dim=-1)


def lift_feet(motion: Tensor, given: PoseConditions, signals: Tensor) -> Tensor:
    """Motion [..., 95] whose feet lift on their way to another place, except in a dance.

    A step of a body that stands comes about once a minute, too seldom for training to find it worth
    its while: the network moves the foot and leaves it on the floor. So the graph lifts it.
    """
    stands = 1 - given.activity[..., ACTIVITIES.index("dance"), None]
    x_z, lift, yaw_x_z, other, yaw = motion[..., ROTATIONS + 3 :].split([2, 1, 3, 1, 1], dim=-1)
    left, right = (stands * signals[..., LIFTS]).chunk(2, dim=-1)
    feet = [x_z, lift + left, yaw_x_z, other + right, yaw]
    return torch.cat([motion[..., : ROTATIONS + 3], *feet], dim=-1)


def _features(given: PoseConditions, signals: Tensor) -> Tensor:
    """[..., 232]: what the network is told beside the voice."""
    beat = _beat_features(given.beat, signals[..., BITS], given.activity[..., -1:])
    parts = [given.activity, given.emotion, given.style, signals[..., : LIFTS.start]]
    return torch.cat([*parts, _gesture_features(given.gesture), beat], dim=-1)


def _gesture_features(gesture: Tensor) -> Tensor:
    """[..., 90]: each gesture's weight at nine knots of its phase, linear between them."""
    weight, phase = gesture.chunk(2, dim=-1)
    knots = torch.arange(_PHASE_KNOTS, dtype=gesture.dtype, device=gesture.device)
    each = torch.eye(len(GESTURES), dtype=gesture.dtype, device=gesture.device)
    each = each.repeat_interleave(_PHASE_KNOTS, dim=1)
    # A product with zeros and ones repeats each number; broadcasting over rows of nine is slow.
    place = (_PHASE_KNOTS - 1) * phase @ each - knots.repeat(len(GESTURES))
    return (weight @ each) * (1 - place.abs()).clamp_min(0.0)


def _beat_features(beat: Tensor, bits: Tensor, dancing: Tensor) -> Tensor:
    """[..., 81]: harmonics of the eight-count for each dance move, and the intensity."""
    harmonics = torch.tensor(_HARMONICS, dtype=beat.dtype, device=beat.device)
    angle = 2 * math.pi * beat[..., :1] * harmonics
    waves = torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1)
    moves = dancing * move_weights(bits)
    each = torch.eye(moves.shape[-1], dtype=beat.dtype, device=beat.device)
    moves = moves @ each.repeat_interleave(waves.shape[-1], dim=1)
    waves = waves.repeat(*[1] * (waves.dim() - 1), each.shape[0])
    return torch.cat([moves * waves, beat[..., 1:]], dim=-1)
