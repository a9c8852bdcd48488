"""Offline labellers: networks that hear a whole recording and give the mouth that said it.

Members are linear or recurrent, read Whisper's features (Radford et al. 2022), log-mel features or
both, past and coming, and are fitted to captured mouths. Averaged, they label speech that nobody
captured (ensembles as teachers: Hinton et al. 2015, arXiv:1503.02531). Frames are at 30 fps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.face.augment import vary_voice
from training.face.whisper import WIDTH

MOUTH: Final = tuple(n for n in ARKIT_BLENDSHAPES if n.startswith(("jaw", "mouth", "tongue")))
"""What is labelled; columns of every `mouth` array here."""
COLUMNS: Final = [FACE_CHANNELS.index(name) for name in MOUTH]
ROUNDING: Final = ("mouthFunnel", "mouthPucker")
"""Captures share rounded vowels between these two in their own ways: the sum is surer."""
MOVES: Final = 0.01
"""Standard deviation from which a channel counts as moving."""

Array = NDArray[np.float32]


class Linear(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="linear"):
    """Ridge regression on the principal components of what is heard around a frame."""

    speech_components: int = 300
    sound_components: int = 40
    """0 does not listen to it."""
    ridge: float = 1e5

    @property
    def name(self) -> str:
        return f"linear_{self.speech_components}_{self.sound_components}"


class Recurrent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="recurrent"):
    """A network over all of a recording, fitted to windows of `frames`."""

    hears: Literal["speech", "sound"] = "speech"
    """Whisper's features or log-mel features."""
    seed: int = 0
    width: int = 96
    dropout: float = 0.4
    steps: int = 300
    rows: int = 12
    frames: int = 160
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    velocity_weight: float = 2.0
    rounding_weight: float = 0.5

    @property
    def name(self) -> str:
        return f"recurrent_{self.hears}_{self.seed}"


MemberConfig = Linear | Recurrent


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A recording as the networks hear it."""

    sound: Array
    """[T, 160], `training.features.log_mel`."""
    speech: Array
    """[T, 512], Whisper's, at the same frames."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledExample:
    """A captured recording."""

    name: str
    heard: Heard
    mouth: Array
    """[T, M] in [0, 1], columns as in `MOUTH`; unknown is 0."""
    known: NDArray[np.bool_]
    """[M]"""

    @property
    def moving(self) -> NDArray[np.bool_]:
        """[M], known channels that move here."""
        return self.known & (self.mouth.std(axis=0) > MOVES)


class Labeller(nn.Module):
    """What every member holds: the scale of its inputs and of the channels it was fitted to."""

    mouth_mean: Tensor
    mouth_std: Tensor
    moves: Tensor
    """[M], 0 for channels that hardly moved: they get their mean."""

    def __init__(self) -> None:
        super().__init__()
        for name, size in (("sound", LOG_MEL.size), ("speech", WIDTH), ("mouth", len(MOUTH))):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))
        self.register_buffer("moves", torch.ones(len(MOUTH)))

    def forward(self, sound: Tensor, speech: Tensor) -> Tensor:
        """Standardised channels [B, T, M] of standardised sound [B, T, 160], speech [B, T, 512]."""
        raise NotImplementedError

    def standardised(self, name: str, values: Tensor) -> Tensor:
        return (values - getattr(self, f"{name}_mean")) / getattr(self, f"{name}_std")

    @torch.no_grad()
    def label(self, heard: Heard) -> Array:
        """Channels [T, M], not clipped."""
        self.eval()
        sound = self.standardised("sound", torch.from_numpy(heard.sound))
        speech = self.standardised("speech", torch.from_numpy(heard.speech))
        made = self(sound[None], speech[None])[0] * self.moves
        return (made * self.mouth_std + self.mouth_mean).numpy()


class LinearLabeller(Labeller):
    OFFSETS: Final = (-6, -4, -2, -1, 0, 1, 2, 4)
    """Frames around the present that are read, in 1/30 s."""
    speech_basis: Tensor
    sound_basis: Tensor
    weights: Tensor

    def __init__(self, config: Linear) -> None:
        super().__init__()
        speech, sound = config.speech_components, config.sound_components
        self.register_buffer("speech_basis", torch.zeros(WIDTH, speech))
        self.register_buffer("sound_basis", torch.zeros(LOG_MEL.size, sound))
        self.register_buffer(
            "weights", torch.zeros((speech + sound) * len(self.OFFSETS), len(MOUTH))
        )

    def forward(self, sound: Tensor, speech: Tensor) -> Tensor:
        return self.around(sound, speech) @ self.weights

    def around(self, sound: Tensor, speech: Tensor) -> Tensor:
        """Components [B, T, D] of the frames at `OFFSETS`; ends are held."""
        parts = torch.cat([speech @ self.speech_basis, sound @ self.sound_basis], dim=2)
        frames = torch.arange(parts.shape[1])
        last = parts.shape[1] - 1
        return torch.cat([parts[:, (frames + o).clamp(0, last)] for o in self.OFFSETS], dim=2)


class RecurrentLabeller(Labeller):
    """Projection, convolution, a GRU in both directions of time."""

    def __init__(self, config: Recurrent) -> None:
        super().__init__()
        self.hears, width = config.hears, config.width
        self.enter = nn.Linear(WIDTH if config.hears == "speech" else LOG_MEL.size, width)
        self.drop_input, self.drop = nn.Dropout(0.2), nn.Dropout(config.dropout)
        self.near = nn.Conv1d(width, width, 5, padding=2)
        self.far = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.leave = nn.Linear(2 * width, len(MOUTH))

    def forward(self, sound: Tensor, speech: Tensor) -> Tensor:
        heard = speech if self.hears == "speech" else sound
        x = self.drop(F.gelu(self.enter(self.drop_input(heard))))
        x = self.drop(F.gelu(self.near(x.transpose(1, 2)).transpose(1, 2)))
        return self.leave(self.drop(self.far(x)[0]))


def new_member(config: MemberConfig) -> Labeller:
    """A member before it is fitted, to load weights into."""
    return LinearLabeller(config) if isinstance(config, Linear) else RecurrentLabeller(config)


def fit_member(
    config: MemberConfig,
    examples: Sequence[LabelledExample],
    progress: Callable[[], None] = lambda: None,
) -> Labeller:
    """Fits one member; `progress` is called after every step of a recurrent one.

    Raises:
        SystemExit: every example is shorter than a training window.
    """
    if isinstance(config, Linear):
        return _fit_linear(config, examples)
    return _fit_recurrent(config, examples, progress)


def _fit_linear(config: Linear, examples: Sequence[LabelledExample]) -> Labeller:
    member = LinearLabeller(config)
    _standardise(member, examples)
    heard = [
        tuple(
            member.standardised(name, torch.from_numpy(getattr(each.heard, name)))
            for name in ("sound", "speech")
        )
        for each in examples
    ]
    for name, values in zip(("sound", "speech"), zip(*heard, strict=True), strict=True):
        basis = getattr(member, f"{name}_basis")
        rows = torch.cat(values).double()
        _, axes = torch.linalg.eigh(rows.T @ rows)
        basis.copy_(axes.flip(1)[:, : basis.shape[1]])
    inputs = [member.around(sound[None], speech[None])[0] for sound, speech in heard]
    known = np.stack([each.known for each in examples])
    for pattern in np.unique(known.T[known.any(axis=0)], axis=0):
        channels = np.flatnonzero((pattern == known.T).all(axis=1))
        rows = torch.cat([given for given, has in zip(inputs, pattern, strict=True) if has])
        mouths = [each.mouth for each, has in zip(examples, pattern, strict=True) if has]
        target = member.standardised("mouth", torch.from_numpy(np.concatenate(mouths)))
        # The ridge is meant for one copy of 6 minutes; it grows with the rows it stands against.
        ridge = config.ridge * len(rows) / 11_000
        gram = rows.T @ rows + ridge * torch.eye(rows.shape[1])
        member.weights[:, channels] = torch.linalg.solve(gram, rows.T @ target[:, channels])
    return member.eval()


def _fit_recurrent(
    config: Recurrent, examples: Sequence[LabelledExample], progress: Callable[[], None]
) -> Labeller:
    usable = [each for each in examples if len(each.mouth) > config.frames]
    if not usable:
        raise SystemExit(
            f"Expected a capture of more than {config.frames} frames at 30 fps to learn from, "
            f"found {len(examples)} shorter ones; give longer captures."
        )
    rng = np.random.default_rng((config.seed, 1))
    torch.manual_seed(config.seed)
    member = RecurrentLabeller(config)
    _standardise(member, usable)
    optimiser = torch.optim.AdamW(
        member.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, config.steps)
    for _ in range(config.steps):
        sound, speech, mouth, known = _draw(usable, config, rng)
        made = member(member.standardised("sound", sound), member.standardised("speech", speech))
        target = member.standardised("mouth", mouth)
        loss = _loss(made, target, known * member.moves, member.mouth_std, config)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(member.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        progress()
    return member.eval()


def _standardise(member: Labeller, examples: Sequence[LabelledExample]) -> None:
    for name in ("sound", "speech"):
        values = np.concatenate([getattr(each.heard, name) for each in examples])
        getattr(member, f"{name}_mean").copy_(torch.from_numpy(values.mean(axis=0)))
        getattr(member, f"{name}_std").copy_(torch.from_numpy(values.std(axis=0) + 1e-3))
    for channel in range(len(MOUTH)):
        columns = [each.mouth[:, channel] for each in examples if each.known[channel]]
        values = np.concatenate(columns) if columns else np.zeros(1, np.float32)
        member.mouth_mean[channel] = float(values.mean())
        member.mouth_std[channel] = max(float(values.std()), MOVES)
        member.moves[channel] = float(values.std() > MOVES)


def _draw(
    examples: Sequence[LabelledExample], config: Recurrent, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Random windows: sound [B, T, 160], varied; speech [B, T, 512]; mouth [B, T, M]; known."""
    lengths = np.array([len(each.mouth) for each in examples], float)
    chosen = rng.choice(len(examples), config.rows, p=lengths / lengths.sum())
    windows = []
    for each in (examples[index] for index in chosen):
        start = int(rng.integers(len(each.mouth) - config.frames))
        now = slice(start, start + config.frames)
        windows.append((each.heard.sound[now], each.heard.speech[now], each.mouth[now], each.known))
    sound, speech, mouth, known = (np.stack(each) for each in zip(*windows, strict=True))
    return (
        torch.from_numpy(vary_voice(sound, rng)),
        torch.from_numpy(speech),
        torch.from_numpy(mouth),
        torch.from_numpy(known.astype(np.float32)),
    )


def _loss(made: Tensor, target: Tensor, known: Tensor, std: Tensor, config: Recurrent) -> Tensor:
    """Squared errors of standardised channels, of their velocities, and of the rounding's sum."""
    error = (made - target) * known[:, None]
    count = known.sum().clamp_min(1) * made.shape[1]
    speed = error[:, 1:] - error[:, :-1]
    rounded = [MOUTH.index(name) for name in ROUNDING]
    both = (error[..., rounded] * std[rounded]).sum(dim=2) / std[rounded].norm()
    return (
        error.square().sum() / count
        + config.velocity_weight * speed.square().sum() / count
        + config.rounding_weight * (both * known[:, rounded].prod(dim=1)[:, None]).square().mean()
    )
