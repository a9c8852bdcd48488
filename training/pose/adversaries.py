"""The body's two adversaries: motion against its conditions, and motion against capture."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.adversarial import Critic, discriminator_loss, generator_loss
from training.gan import Critics, Discriminator
from training.pose.conditions import PoseConditions, sizes
from training.pose.drivers import NOISE
from training.pose.mocap import PRIOR_CHANNELS, about_mean, pace, slow
from training.pose.model import MOTION
from training.pose.settings import PoseSettings
from training.pose.streams import ClipBatch

_TOLD = ("activity", "emotion", "gesture", "beat", "noise")
_BANDS = 40
"""Of the sound, the last of a frame's four hops is shown."""
_NEAR = 0.25
"""How far the logarithms of two speeds may be apart."""


class PoseCritics(Critics[ClipBatch]):
    """`fitting` knows the conditions and judges whether this motion answers them; `moving` sees
    motion alone and judges it by motion capture.

    What people were captured doing is not what a character does, and fast motion looks unlike slow
    motion in every way. So each generated window is set against a captured one of like speed, both
    below 6 Hz and relative to their own mean posture.
    """

    def __init__(self, settings: PoseSettings, scale: Tensor, capture: Tensor) -> None:
        """Two critics with random weights.

        Args:
            settings: Family, weights and widths.
            scale: [95], the spread of each channel.
            capture: Windows [W, T, P] of `PRIOR_CHANNELS`; W may be 0.
        """
        super().__init__()
        self.settings = settings
        spread, slowed = scale[list(PRIOR_CHANNELS)], about_mean(slow(capture.to(scale)))
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("spread", spread, persistent=False)
        self.register_buffer("capture", slowed / spread, persistent=False)
        self.register_buffer("pace", pace(slowed / spread), persistent=False)
        self.scale: Tensor
        self.spread: Tensor
        self.capture: Tensor
        self.pace: Tensor
        told = _BANDS + sum(sizes(NOISE.size)[name] for name in _TOLD)
        width = settings.critic_width
        self.fitting = Discriminator(MOTION, condition_channels=told, width=width)
        self.moving = Discriminator(len(PRIOR_CHANNELS), width=width, strides=(1, 3))

    def trial(self, batch: ClipBatch, made: Tensor, rng: np.random.Generator) -> "PoseTrial":
        """What the critics are shown beside `made` [B, T, 95]."""
        captured = None
        if len(self.capture) and self.settings.prior_weight:
            mine = about_mean(slow(made[..., list(PRIOR_CHANNELS)])) / self.spread
            alike, near = self._alike(mine.detach(), rng)
            if near.any():
                captured = _Pair(alike[near], mine[near])
        fits = _Pair(batch.motion / self.scale, made / self.scale)
        return PoseTrial(_condition(batch.given), fits, captured)

    def judge(self, trial: "PoseTrial", *, penalty: float) -> tuple[Tensor, dict[str, float]]:
        total, metrics = self.scale.new_zeros(()), dict[str, float]()
        for name, critic, pair, _ in self._rounds(trial):
            loss, more = discriminator_loss(
                critic, pair.real, pair.made, penalty=penalty, family=self.settings.adversarial
            )
            total = total + loss
            metrics |= {f"{name}/{key}": value for key, value in more.items()}
        return total, metrics

    def fool(self, trial: "PoseTrial") -> Tensor:
        family, total = self.settings.adversarial, self.scale.new_zeros(())
        for _, critic, pair, weight in self._rounds(trial):
            total = total + weight * generator_loss(critic, pair.real, pair.made, family=family)
        return total

    def _rounds(self, trial: "PoseTrial") -> "list[tuple[str, Critic, _Pair, float]]":
        def fitting(motion: Tensor) -> Tensor:
            scores: Tensor = self.fitting(motion, trial.condition)
            return scores

        def moving(motion: Tensor) -> Tensor:
            scores: Tensor = self.moving(motion)
            return scores

        settings = self.settings
        rounds: list[tuple[str, Critic, _Pair, float]] = [
            ("fitting", fitting, trial.fits, settings.adversarial_weight)
        ]
        if trial.captured:
            rounds.append(("moving", moving, trial.captured, settings.prior_weight))
        return rounds

    def _alike(self, made: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """For each window a captured one of like speed, drawn at random; and [B], whether there is
        any: nobody was captured standing still.
        """
        off = (self.pace.log()[None] - pace(made).log()[:, None]).abs()
        drawn = torch.from_numpy(rng.random(off.shape, np.float32)).to(off)
        chance, chosen = (drawn * (off < _NEAR)).max(dim=1)
        return self.capture[chosen], chance > 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """Motion [B, T, C] in units of its spread."""

    real: Tensor
    made: Tensor


@dataclass(frozen=True, slots=True)
class PoseTrial:
    """What the critics are shown in one step."""

    condition: Tensor
    """[B, T, 108]"""
    fits: _Pair
    captured: _Pair | None
    """None where nothing captured is as fast as anything made."""


def _condition(given: PoseConditions) -> Tensor:
    told = [getattr(given, name) for name in _TOLD]
    return torch.cat([given.audio[..., -_BANDS:], *told], dim=-1)
