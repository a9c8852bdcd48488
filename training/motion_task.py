"""What the trainings of face and body have in common: a generator, a style encoder and critics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from training.checkpoint import checkpoint_of, load_network
from training.device import MixedPrecision
from training.gan import Contest, Critics
from training.settings import MotionSettings
from training.style import StyleEncoder, axis_loss, kl
from training.trainer import AVERAGED, GENERATOR, Metrics, learning_rate_share

B = TypeVar("B")


class MotionTask(Generic[B]):
    """The half of a `Task` that does not depend on what moves."""

    max_norm: float | None = 1.0

    def __init__(
        self,
        settings: MotionSettings,
        precision: MixedPrecision,
        generator: nn.Module,
        encoder: StyleEncoder,
        critics: Critics[B],
        learning: Sequence[nn.Module],
    ) -> None:
        """Optimises what is `learning`, parts of generator and encoder, against the critics."""
        self.settings, self.precision, self.encoder = settings, precision, encoder
        self.networks: Mapping[str, nn.Module] = {
            GENERATOR: generator,
            "style_encoder": encoder,
            "critics": critics,
        }
        self.contest = Contest(critics, settings, precision)
        optimiser = torch.optim.AdamW(
            [weight for part in learning for weight in part.parameters()],
            settings.learning_rate,
            (0.9, 0.98),
            weight_decay=settings.weight_decay,
        )
        self.optimisers = {GENERATOR: optimiser, "critics": self.contest.optimiser}
        self.carried: dict[str, Tensor] = {}

    def start_from(self, base: Path) -> None:
        """Takes over another run's averaged generator and, where it has them, the networks beside
        it; what comes from a bundle has none (`export.restore`).
        """
        checkpoint = checkpoint_of(base)
        load_network(checkpoint, AVERAGED, self.networks[GENERATOR])
        for name, network in self.networks.items():
            if (checkpoint / f"{name}.safetensors").exists():
                if name != GENERATOR:
                    load_network(checkpoint, name, network)
            else:
                print(f"{checkpoint} has no {name}.safetensors: {name} begins anew")

    def learning_rate(self, step: int) -> float:
        return self.settings.learning_rate * learning_rate_share(step, self.settings.steps)

    def style_loss(
        self, mean: Tensor, log_variance: Tensor, known: Tensor, first: int = 0
    ) -> tuple[Tensor, Metrics]:
        """What the encoder is trained on, beside what the generator makes of its codes.

        Args:
            mean: [B, 16].
            log_variance: [B, 16].
            known: The axes [B, 8], NaN where nobody knows them.
            first: Where in the code they begin.
        """
        axes = axis_loss(mean, known, log_variance, first)
        divergence = kl(mean, log_variance, free_nats=0.02).mean()
        loss = self.settings.axis_weight * axes + self.settings.kl_weight * divergence
        return loss, {"style/axes": axes.item(), "style/kl": divergence.item()}
