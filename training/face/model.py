"""The face generator: two causal streaming networks, one state.

Lips: a short convolution and an LSTM over sound and phonemes, deterministic: no noise reaches them.
Upper face, eyes and head: the same kind of network over sound, phonemes and noise. The state is
what both remember, flattened: [B, S]. Exported frame by frame it needs nothing but products, sums,
sigmoids and tangents, so that engines with small operator sets can run it.
While it trains, the lips' network also names the phoneme it hears (an auxiliary task): what tells
phonemes apart is what tells mouths apart, and there is far more speech than captured mouths.
"""

from typing import Final, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import (
    ARKIT_BLENDSHAPES,
    EMOTIONS,
    FACE_ACTIVITIES,
    FACE_CHANNELS,
    LOOK_RANGE_DEG,
)
from training.face.phonemes import CLASSES, INPUT_COLUMNS
from training.face.upper import NOISE
from training.lstm import lstm_cell

STYLE_SIZE: Final = 16
EXPRESSION: Final = (
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthDimpleLeft", "mouthDimpleRight",
)  # fmt: skip
"""Mouth channels that carry mood: made with the upper face."""
LIPS: Final = tuple(
    name
    for name in ARKIT_BLENDSHAPES
    if name.startswith(("jaw", "mouth", "tongue")) and name not in EXPRESSION
)
UPPER: Final = tuple(
    name for name in FACE_CHANNELS if name not in LIPS and not name.startswith("eyeLook")
)
MADE: Final = LIPS + UPPER
"""What the networks make (51): lips, other weights, then 7 angles; eyeLook* follow from angles."""
ANGLES: Final = 7


class FaceModelConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lips_width: int = 128
    lips_dropout: float = 0.1
    upper_width: int = 160


class FaceConditions(NamedTuple):
    """Inputs of T frames. `audio` and `phonemes` run `lookahead_frames` ahead of the output."""

    audio: Tensor
    """[B, T, 160]"""
    phonemes: Tensor
    """[B, T, P]"""
    activity: Tensor
    """[B, T, 4]"""
    emotion: Tensor
    """[B, T, 8]"""
    style: Tensor
    """[B, T, 16]"""
    noise: Tensor
    """[B, T, N]"""


class RecurrentNet(nn.Module):
    """Inputs -> a convolution over three frames -> an LSTM -> features, with one flat state.

    A face's next move depends on more past than a second. A cell keeps it in a state of a few
    hundred numbers, which cost less to move about than the past of a deep stack of convolutions.
    """

    def __init__(self, inputs: int, width: int, condition: int, dropout: float) -> None:
        super().__init__()
        self.width, self.taken = width, 3 * width // 4
        self.enter = nn.Sequential(nn.Linear(inputs, self.taken), nn.SiLU(), nn.Dropout(dropout))
        self.taps = nn.Sequential(nn.Linear(3 * self.taken, width), nn.SiLU(), nn.Dropout(dropout))
        self.memory = nn.LSTM(width + condition, width, batch_first=True)
        self.leave = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * width + condition, width), nn.SiLU(),
            nn.Dropout(dropout),
        )  # fmt: skip
        self.sizes = [2 * self.taken, width, width]

    def forward(self, x: Tensor, condition: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """From x [B, T, inputs] and state [B, sum(sizes)] to [B, T, width], next state."""
        past, hidden, cell = state.split(self.sizes, dim=1)
        x = self.enter(x)
        line = torch.cat([past.unflatten(1, (2, self.taken)), x], dim=1)
        frames = x.shape[1]
        x = self.taps(torch.cat([line[:, :frames], line[:, 1 : frames + 1], x], dim=2))
        given = torch.cat([x, condition], dim=2)
        recalled, hidden, cell = self._remember(given, hidden, cell)
        after = torch.cat([line[:, frames:].flatten(1), hidden, cell], dim=1)
        return self.leave(torch.cat([given, recalled], dim=2)), after

    def _remember(
        self, given: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the cell says in every frame [B, T, width], and its next hidden and cell values."""
        if given.shape[1] == 1:
            hidden, cell = lstm_cell(self.memory, 0, given[:, 0], hidden, cell)
            return hidden[:, None], hidden, cell
        recalled, (later, kept) = self.memory(given, (hidden[None], cell[None]))
        return recalled, later[0], kept[0]


class FaceGenerator(nn.Module):
    def __init__(self, config: FaceModelConfig) -> None:
        super().__init__()
        condition = len(FACE_ACTIVITIES) + len(EMOTIONS) + STYLE_SIZE
        heard = LOG_MEL.size + len(INPUT_COLUMNS)
        self.lips = RecurrentNet(heard, config.lips_width, condition, config.lips_dropout)
        self.lips_out = nn.Linear(config.lips_width, len(LIPS))
        self.phonemes_out = nn.Linear(config.lips_width, len(CLASSES))
        """The auxiliary task's; not exported."""
        self.upper = RecurrentNet(heard + NOISE.size, config.upper_width, condition, 0.0)
        self.upper_out = nn.Linear(config.upper_width, len(UPPER))
        self.register_buffer("lips_mean", torch.zeros(len(LIPS)))
        self.register_buffer("lips_spread", torch.full((len(LIPS),), 0.1))
        self.lips_mean: Tensor
        """[22], set from the training data as `lips_spread` is: the lips' outputs are in its unit,
        and clipped to [0, 1] only by `to_face`, so that a channel at rest still learns."""
        self.lips_spread: Tensor
        with torch.no_grad():
            self.upper_out.bias[:-ANGLES].fill_(-2.5)
            self.upper_out.bias[-ANGLES:].zero_()

    @property
    def state_size(self) -> int:
        return sum(self.lips.sizes) + sum(self.upper.sizes)

    def initial_states(self, batch: int) -> tuple[Tensor, Tensor]:
        """States of lips and upper face that have heard nothing yet, [B, ...] each."""
        zeros = self.lips_out.weight.new_zeros
        return zeros(batch, sum(self.lips.sizes)), zeros(batch, sum(self.upper.sizes))

    def forward(self, given: FaceConditions, state: Tensor) -> tuple[Tensor, Tensor]:
        """Made channels [B, T, 51] in `MADE` order (weights, degrees) and the next state [B, S]."""
        lips_state, upper_state = state.split([sum(self.lips.sizes), sum(self.upper.sizes)], dim=1)
        lips, _, lips_state = self.move_lips(given, lips_state)
        upper, upper_state = self.move_upper(given, upper_state)
        return torch.cat([lips, upper], dim=2), torch.cat([lips_state, upper_state], dim=1)

    def move_lips(self, given: FaceConditions, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lips [B, T, 22], logits of the class heard [B, T, 20] and the lips' next state."""
        features, state = self.lips(_heard(given), _situation(given), state)
        lips = self.lips_mean + self.lips_spread * self.lips_out(features)
        return lips, self.phonemes_out(features), state

    def move_upper(self, given: FaceConditions, state: Tensor) -> tuple[Tensor, Tensor]:
        """Upper face, eyes and head [B, T, 29] and their next state."""
        told = torch.cat([_heard(given), given.noise], dim=2)
        features, state = self.upper(told, _situation(given), state)
        made = self.upper_out(features)
        weights, angles = torch.sigmoid(made[..., :-ANGLES]), 10 * made[..., -ANGLES:]
        return torch.cat([weights, angles], dim=2), state


def _heard(given: FaceConditions) -> Tensor:
    """Sound and phonemes; the features of speech have a mean near 1 and a spread near 0.6."""
    return torch.cat([(given.audio - 1) / 0.6, given.phonemes], dim=2)


def _situation(given: FaceConditions) -> Tensor:
    return torch.cat([given.activity, given.emotion, given.style], dim=2)


def to_face(made: Tensor) -> Tensor:
    """[..., 51] in `MADE` order -> [..., 59] in `FACE_CHANNELS` order; adds the eyeLook weights."""
    taken, gain, low, high = (each.to(made.device) for each in _FACE)
    face = made.index_select(-1, taken) * gain
    return torch.minimum(torch.maximum(face, low), high)


def _sources() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every face channel: the made one it comes from, its gain, and its range."""
    taken, gain = [], []
    for name in FACE_CHANNELS:
        source, factor = name, 1.0
        if name.startswith("eyeLook"):
            side = "left" if name.endswith("Left") else "right"
            axis = "Pitch" if "Up" in name or "Down" in name else "Yaw"
            source = f"{side}Eye{axis}"
            outward = 1.0 if side == "left" else -1.0
            signs = {"Out": outward, "In": -outward, "Down": 1.0, "Up": -1.0}
            factor = signs[name.removeprefix("eyeLook").removesuffix(side.title())] / LOOK_RANGE_DEG
        taken.append(MADE.index(source))
        gain.append(factor)
    weights = torch.arange(len(FACE_CHANNELS)) < len(ARKIT_BLENDSHAPES)
    low = torch.where(weights, 0.0, -torch.inf)
    return torch.tensor(taken), torch.tensor(gain), low, torch.where(weights, 1.0, torch.inf)


_FACE: Final = _sources()
