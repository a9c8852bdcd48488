"""What the trainer is given to tune a dialogue model."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import checkpoint_of, load_network, write_json
from training.device import MixedPrecision, pick_device, seed_everything
from training.dialogue.adapter import TunedModel
from training.dialogue.base import Base
from training.dialogue.forest import ForestTensors
from training.dialogue.material import DialogueMaterial, DrawnStep
from training.dialogue.preference import preference_loss, reply_sums
from training.dialogue.settings import DialogueSettings
from training.tracking import OBJECTIVE
from training.trainer import GENERATOR, Metrics, evaluating, learning_rate_share

ADAPTER_INFO_FILE: Final = "adapter.json"


class DialogueTask:
    """The half of a training that knows what a conversation is."""

    max_norm: float | None = 1.0

    def __init__(self, settings: DialogueSettings, base: Base, material: DialogueMaterial) -> None:
        seed_everything(settings.seed)
        device = pick_device(settings.device)
        self.settings, self.base, self.material = settings, base, material
        self.precision = MixedPrecision(device, settings.precision)
        self.model = TunedModel(
            base.model.to(device),
            settings.lora,
            gradient_checkpointing=settings.gradient_checkpointing,
        )
        self.networks: Mapping[str, nn.Module] = {GENERATOR: self.model.weights}
        optimiser = torch.optim.AdamW(
            self.model.weights.parameters(),
            settings.learning_rate,
            (0.9, 0.99),
            weight_decay=settings.weight_decay,
        )
        self.optimisers: Mapping[str, torch.optim.Optimizer] = {GENERATOR: optimiser}
        self.carried: dict[str, Tensor] = {}

    def start_from(self, base: Path) -> None:
        """Takes over another run's adapter, as preference tuning does."""
        load_network(checkpoint_of(base), GENERATOR, self.model.weights)

    def learning_rate(self, step: int) -> float:
        settings = self.settings
        share = learning_rate_share(step, settings.steps, warm_up=settings.warm_up_steps)
        return settings.learning_rate * share

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        settings = self.settings
        batch = self.material.draw(int(rng.integers(2**62)))
        total = torch.zeros((), device=self.precision.device)
        metrics: Metrics = {"tokens/read": float(batch.talks.tokens + batch.pairs.tokens)}
        if batch.talks.tokens:
            found = self._log_likelihoods(self._moved(batch.talks.tensors()))
            reply = -found.mean()
            metrics |= {"loss/reply": reply.item(), "tokens/learnt": float(len(found))}
            total = total + settings.reply_weight * reply
        if batch.pairs.tokens:
            preferred, told = self._preference(batch)
            metrics |= told
            total = total + settings.preference_weight * preferred
        return total, metrics

    def _preference(self, batch: DrawnStep) -> tuple[Tensor, Metrics]:
        read = self._moved(batch.pairs.tensors())
        count = len(batch.pairs.replies)
        with self.model.without_adapter():
            reference = reply_sums(self._log_likelihoods(read), read.owner, count)
        tuned = reply_sums(self._log_likelihoods(read), read.owner, count)
        found = preference_loss(
            tuned, reference, *batch.preferred, beta=self.settings.preference_beta
        )
        told = {
            "loss/preference": found.loss.item(),
            "preference/right": found.right.item(),
            "preference/margin": found.margin.item(),
        }
        return found.loss, told

    def _log_likelihoods(self, read: ForestTensors) -> Tensor:
        with self.precision.autocast():
            return self.model.log_likelihoods(read)

    def _moved(self, read: ForestTensors) -> ForestTensors:
        return ForestTensors(*(each.to(self.precision.device) for each in read))

    @torch.no_grad()
    def validate(self, generator: nn.Module) -> Metrics:
        """Nats a token of held-out replies, and how many likeliest words that leaves."""
        total, count = 0.0, 0
        with evaluating(self.model.module):
            for forest in self.material.held_out():
                found = self._log_likelihoods(self._moved(forest.tensors()))
                total, count = total - found.sum().item(), count + len(found)
        nats = total / count if count else math.nan
        return {OBJECTIVE: nats, "validation/perplexity": math.exp(min(nats, 50.0))}

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """What an export needs to know of the weights beside them."""
        lora: dict[str, Any] = msgspec.to_builtins(self.settings.lora)
        write_json(checkpoint / ADAPTER_INFO_FILE, {"base": self.base.name, **lora})
