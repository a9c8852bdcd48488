"""What moves a body that nobody pushes: smoothed noise, breath, and the choice of a dance.

The teacher and the student are driven by the same signals, so the student learns how a body
answers them and not to guess what the teacher rolled. Everything is a short recursion of
multiply-adds, exported inside the generator's graph.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from idol_protocol.frames import FPS
from idol_protocol.noise import HoldGroup, NoiseLaw
from training.pose.conditions import AROUSAL, PoseConditions

DANCE_BITS: Final = 4
"""Three choose one of eight dance moves, the fourth the side it begins with."""

NOISE: Final = NoiseLaw(
    ou_seconds=(1.5, 1.5, 2.0, 2.0, 3.0, 3.0, 3.0, 6.0, 0.25, 0.25, 0.25, 0.25),
    hold=(
        HoldGroup(2, 7.0, 0.5),
        HoldGroup(5, 2.6, 0.4),
        HoldGroup(3, 9.0, 0.5),
        HoldGroup(DANCE_BITS, 2.5, 0.4),
    ),
)
NOISE_NAMES: Final = (
    *("sway_side", "sway_front", "turn", "bend", "left_arm", "right_arm", "shoulders"),
    *("breath_rate", "tremor_trunk", "tremor_left", "tremor_right", "tremor_head"),
    *("weight", "twist"),
    *("hand", "gesture_a", "gesture_b", "gesture_c", "gesture_size"),
    *("think_hand", "rest_arms", "head_side"),
)
"""The smoothed channels, in the law's order; the dance's wishes follow them as they are."""
_SETTLE_S: Final = (
    *(0.35,) * 8, *(0.04,) * 4, *(0.55, 0.55), *(0.12,) * 5, *(0.3, 0.6, 0.6),
)  # fmt: skip
"""Time constant of each of the two smoothing poles per channel: a held value is approached over
about four of them, and an Ornstein-Uhlenbeck path loses its jitter."""
_CROSSFADE_S: Final = 0.15
"""Each of the two poles by which one dance move gives way to the next."""
SMOOTHED: Final = len(NOISE_NAMES)
_HELD: Final = 4
SIGNALS: Final = (
    *NOISE_NAMES, "breath", "breath_out", "gesture_hand", "gesture_variant", "left_foot",
    "right_foot", *(f"dance_{bit}" for bit in range(DANCE_BITS)), "left_lift", "right_lift",
)  # fmt: skip
"""Names of what `Drivers` makes."""
BITS: Final = slice(SIGNALS.index("dance_0"), SIGNALS.index("left_lift"))
LIFTS: Final = slice(BITS.stop, len(SIGNALS))
STEP_M: Final = 0.035
"""How far a foot goes when it changes its place."""
_STEP_S: Final = 0.1
"""Each of the three poles by which a foot goes there: with fewer it would be torn off the floor."""
_LIFT_S: Final = 0.32
"""Metres of lift for a foot that travels one metre a second."""
_HIGHEST_STEP_M: Final = 0.05
_OTHER_CARRIES: Final = 0.5
"""A foot goes while so much more of the weight, in [0, 1], is on the other: never both at once."""


class Drivers(nn.Module):
    """Signals [B, T, 34]: smoothed noise (22), sine and cosine of the breath, what a gesture keeps
    (hand, variant), where each foot is to stand (2, in [-1, 1]), the dance's bits (4), how high
    each foot is on its way to where it is to stand (2, metres).

    Choices hold: a gesture keeps the hand it began with; a foot takes a new place only while the
    other one carries the weight; a bit is -1 or 1, redrawn when a new eight-count begins, and
    glides from one to the other.
    State [B, 68]: two poles per smoothed channel, the breath's phase in turns, the place in the
    eight-count of the frame before, the four held values, each bit and its two poles, three poles
    of each foot's place; zeros to begin.
    """

    size = len(SIGNALS)
    state_size = 2 * SMOOTHED + 2 + _HELD + 3 * DANCE_BITS + 6

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("keep", torch.exp(-1.0 / (FPS * torch.tensor(_SETTLE_S))))
        self.keep: Tensor
        self.keep_bit = math.exp(-1.0 / (FPS * _CROSSFADE_S))
        self.keep_foot = math.exp(-1.0 / (FPS * _STEP_S))

    def step(self, given: PoseConditions, state: Tensor) -> tuple[Tensor, Tensor]:
        """Signals [B, 34] of one frame of conditions [B, ...], and the next state."""
        sizes = [SMOOTHED, SMOOTHED, 1, 1, _HELD, DANCE_BITS, DANCE_BITS, DANCE_BITS, 2, 2, 2]
        parts = state.split(sizes, dim=-1)
        first, second, phase, before, held, bits, glide, glided, off, on, feet = parts
        first = self.keep * first + (1 - self.keep) * given.noise[..., :SMOOTHED]
        second = self.keep * second + (1 - self.keep) * first
        # Style 0 keeps characters from breathing in step.
        rate = 0.25 + 0.07 * given.emotion[..., AROUSAL, None] + 0.03 * _tanh(second, "breath_rate")
        phase = phase + rate / FPS
        phase = phase - torch.floor(phase)
        angle = 2 * math.pi * (phase + given.style[..., :1])
        held = _hold(held, second, given.gesture)
        position = given.beat[..., :1]
        redraw = ((position < before) | (bits[..., :1].abs() < 0.5)).to(second.dtype)
        wishes = 2.0 * (given.noise[..., SMOOTHED:] > 0).to(second.dtype) - 1.0
        bits = bits + redraw * (wishes - bits)
        glide = self.keep_bit * glide + (1 - self.keep_bit) * bits
        glided = self.keep_bit * glided + (1 - self.keep_bit) * glide
        off = self.keep_foot * off + (1 - self.keep_foot) * held[..., 2:]
        on = self.keep_foot * on + (1 - self.keep_foot) * off
        moved = (1 - self.keep_foot) * (on - feet)
        lifts = (_LIFT_S * STEP_M * FPS * moved.abs()).clamp_max(_HIGHEST_STEP_M)
        parts = [second, torch.sin(angle), torch.cos(angle), held, glided, lifts]
        after = [first, second, phase, position, held, bits, glide, glided, off, on, feet + moved]
        return torch.cat(parts, dim=-1), torch.cat(after, dim=-1)

    def forward(self, given: PoseConditions, state: Tensor) -> tuple[Tensor, Tensor]:
        """The same for conditions [B, T, ...]."""
        signals = []
        for frame in range(given.noise.shape[1]):
            signal, state = self.step(given.select((slice(None), frame)), state)
            signals.append(signal)
        return torch.stack(signals, dim=1), state


def _hold(held: Tensor, second: Tensor, gesture: Tensor) -> Tensor:
    """The next held values [B, 4] from smoothed noise [B, 22] and gestures [B, 20]."""
    kept, feet = held.split([2, 2], dim=-1)
    wishes = torch.cat([_of(second, "hand"), _tanh(second, "gesture_a")], dim=-1)
    idle = (gesture.chunk(2, dim=-1)[0].amax(dim=-1, keepdim=True) < 0.01).to(held.dtype)
    kept = kept + idle * (wishes - kept)
    sign = torch.tensor([1.0, -1.0], dtype=held.dtype, device=held.device)
    wish = sign * _tanh(second, "twist")
    carries = sign * torch.tanh(1.8 * _of(second, "weight"))
    moves = ((carries < -_OTHER_CARRIES) & ((wish - feet).abs() > 0.35)).to(held.dtype)
    return torch.cat([kept, feet + moves * (wish - feet)], dim=-1)


def _of(second: Tensor, name: str) -> Tensor:
    at = NOISE_NAMES.index(name)
    return second[..., at : at + 1]


def _tanh(second: Tensor, name: str) -> Tensor:
    return torch.tanh(_of(second, name))


def move_weights(bits: Tensor) -> Tensor:
    """Weights [..., 8] of the dance moves from signals' bits [..., 4]; they sum to 1."""
    signs = torch.tensor(_SIGNS, dtype=bits.dtype, device=bits.device)
    shares = 0.5 + 0.5 * (bits[..., : DANCE_BITS - 1] @ signs)
    first, second, third = shares.chunk(DANCE_BITS - 1, dim=-1)
    return first * second * third


_MOVES: Final = 2 ** (DANCE_BITS - 1)
_SIGNS: Final = [
    [
        (1.0 if move >> bit & 1 else -1.0) * (bit == row)
        for bit in range(DANCE_BITS - 1)
        for move in range(_MOVES)
    ]
    for row in range(DANCE_BITS - 1)
]
"""[3, 24]: what each bit is to be for each of the eight moves, one bit after the other."""
