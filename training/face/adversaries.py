"""The face's two adversaries: lips against sound, and realism with masked channels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from idol_protocol.audio import LOG_MEL
from training.adversarial import Critic, discriminator_loss, generator_loss
from training.face.model import LIPS, MADE
from training.face.settings import FaceSettings
from training.face.windows import FaceBatch
from training.gan import Critics, Discriminator


class FaceCritics(Critics[FaceBatch]):
    """`sync` hears the sound and judges whether these lips make it; `realism` sees motion alone.

    Real for `sync` is the target; lips of the same clip shifted in time are shown to it as false,
    so that it has to listen. Real for `realism` are unpaired takes and captured mouths, each with
    the mask of what it shows.
    """

    def __init__(
        self,
        settings: FaceSettings,
        scale: Tensor,
        takes: Sequence[NDArray[np.float32]],
        take_mask: NDArray[np.float32],
    ) -> None:
        super().__init__()
        self.settings, self.takes = settings, takes
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("take_mask", torch.from_numpy(take_mask), persistent=False)
        self.scale: Tensor
        self.take_mask: Tensor
        width = settings.critic_width
        self.sync = Discriminator(len(LIPS), condition_channels=LOG_MEL.size, width=width)
        self.realism = Discriminator(len(MADE), width=width)

    def trial(self, batch: FaceBatch, made: Tensor, rng: np.random.Generator) -> "FaceTrial":
        """Draws what is shown as real beside `made` [B, T, C], the first C channels of `MADE`."""
        lips = slice(0, len(LIPS))
        real = batch.target[..., lips] / self.scale[lips]
        shift = int(rng.integers(8, real.shape[1] - 8))
        whole = None
        if made.shape[2] == len(MADE):
            seen_real, seen = self._real(batch, rng)
            whole = _Whole(seen_real, made / self.scale, seen)
        return FaceTrial(
            audio=batch.given.audio,
            lips_mask=batch.mask[:, lips],
            lips=real,
            lips_apart=torch.roll(real, shift, dims=1),
            made_lips=made[..., lips] / self.scale[lips],
            whole=whole,
        )

    def judge(self, trial: "FaceTrial", *, penalty: float) -> tuple[Tensor, dict[str, float]]:
        family = self.settings.adversarial
        sync = self._listening(trial)
        loss, metrics = discriminator_loss(
            sync, trial.lips, trial.made_lips, penalty=penalty, family=family
        )
        apart, more = discriminator_loss(
            sync, trial.lips, trial.lips_apart, penalty=0.0, family=family
        )
        loss = loss + 0.5 * apart
        metrics["shifted_margin"] = more["d_margin"]
        named = {f"sync/{name}": value for name, value in metrics.items()}
        if trial.whole:
            seen, real, made = trial.whole.seen, trial.whole.real, trial.whole.made
            realism, more = discriminator_loss(
                self._looking(seen), real, made, penalty=penalty, family=family
            )
            loss = loss + realism
            named |= {f"realism/{name}": value for name, value in more.items()}
        return loss, named

    def fool(self, trial: "FaceTrial") -> Tensor:
        family = self.settings.adversarial
        loss = generator_loss(self._listening(trial), trial.lips, trial.made_lips, family=family)
        if trial.whole:
            seen, real, made = trial.whole.seen, trial.whole.real, trial.whole.made
            loss = loss + generator_loss(self._looking(seen), real, made, family=family)
        return self.settings.adversarial_weight * loss

    def _listening(self, trial: "FaceTrial") -> Critic:
        def sync(motion: Tensor) -> Tensor:
            scores: Tensor = self.sync(motion, trial.audio, trial.lips_mask)
            return scores

        return sync

    def _looking(self, seen: Tensor) -> Critic:
        def realism(motion: Tensor) -> Tensor:
            scores: Tensor = self.realism(motion, mask=seen)
            return scores

        return realism

    def _real(self, batch: FaceBatch, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Real motion [B, T, 51] and its mask: a take for every taught row when there are takes."""
        real, mask = batch.target.clone(), batch.mask.clone()
        frames = real.shape[1]
        for row in range(len(real)):
            if self.takes and not batch.captured[row]:
                window = torch.from_numpy(_calm_window(self.takes, frames, rng))
                real[row], mask[row] = window.to(real.device), self.take_mask
        return real / self.scale, mask


@dataclass(frozen=True, slots=True)
class _Whole:
    """Whole faces [B, T, 51] and the mask [B, 51] of what is seen of them."""

    real: Tensor
    made: Tensor
    seen: Tensor


@dataclass(frozen=True, slots=True)
class FaceTrial:
    """What the critics are shown in one step; motion is in units of its spread."""

    audio: Tensor
    lips_mask: Tensor
    lips: Tensor
    """[B, T, 22], the real lips of this sound."""
    lips_apart: Tensor
    """The same lips at another time."""
    made_lips: Tensor
    whole: _Whole | None
    """None when only lips were made."""


def _calm_window(
    takes: Sequence[NDArray[np.float32]], frames: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A window without a grimace: of several, the one whose brows and squints are least."""
    drawn = []
    for _ in range(4):
        take = takes[int(rng.integers(len(takes)))]
        start = int(rng.integers(len(take) - frames))
        drawn.append(take[start : start + frames])
    return min(drawn, key=lambda window: float(window.mean()))
