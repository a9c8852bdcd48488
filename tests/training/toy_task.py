"""A training of a few numbers, for what the trainer does with any task."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import write_json
from training.device import MixedPrecision, seed_everything
from training.origin import start_run
from training.settings import RunSettings
from training.tracking import OBJECTIVE, Tracking
from training.trainer import Metrics, Trainer


def settings(**changes: Any) -> RunSettings:
    """Four steps, a save after every second one."""
    plain = {"steps": 4, "learning_rate": 0.1, "ema": 0.9, "save_every": 2}
    return RunSettings(**{**plain, "tracking": Tracking(tensorboard=False), **changes})


class ToyTask:
    """A line is fitted; every kind of chance and what is carried has a part in each step."""

    max_norm: float | None = 1.0

    def __init__(self, settings: RunSettings, scores: Mapping[int, float] | None = None) -> None:
        """`scores` are what validation says, by the number of the validation."""
        seed_everything(settings.seed)
        self.settings, self.scores, self.validations = settings, scores, 0
        self.precision = MixedPrecision(torch.device("cpu"), settings.precision)
        self.line = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
        self.networks: Mapping[str, nn.Module] = {"generator": self.line}
        self.optimisers = {"generator": torch.optim.AdamW(self.line.parameters())}
        self.carried: dict[str, Tensor] = {"momentum": torch.zeros(1)}

    def learning_rate(self, step: int) -> float:
        return self.settings.learning_rate * (1 - step / self.settings.steps / 2)

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        inputs = torch.from_numpy(rng.standard_normal((8, 3)).astype(np.float32))
        self.carried["momentum"] = 0.5 * self.carried["momentum"] + inputs.mean()
        made = self.line(inputs) + float(np.random.standard_normal()) * 0.01
        return (
            made - inputs.sum(dim=1, keepdim=True) - self.carried["momentum"]
        ).square().mean(), {}

    @torch.no_grad()
    def validate(self, generator: nn.Module) -> Metrics:
        self.validations += 1
        if self.scores is not None:
            return {OBJECTIVE: self.scores[self.validations]}
        return {OBJECTIVE: (generator(torch.eye(3)) - 1).square().mean().item()}

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        weights = [value.sum().item() for value in self.line.parameters()]
        write_json(checkpoint / "sums.json", {"sums": weights})


def fit(run: Path, chosen: RunSettings | None = None, task: ToyTask | None = None) -> Trainer:
    """Trains into a run folder, from its last checkpoint when there is one."""
    chosen = chosen or settings()
    task = task or ToyTask(chosen)
    start_run(run, chosen)
    trainer = Trainer(task, chosen, run)
    trainer.fit()
    return trainer
