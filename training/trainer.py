"""The loop that every training runs in; what is trained comes in as a `Task`."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.checkpoint import (
    latest,
    load_network,
    new_step,
    sweep,
    write_json,
    write_networks,
)
from training.device import MixedPrecision, random_state, restore_random_state
from training.early_stopping import EarlyStopping
from training.origin import refuse_change
from training.settings import RunSettings
from training.tracking import OBJECTIVE, RunLog

STATE_FILE: Final = "training.pt"
VALIDATION_FILE: Final = "validation.json"
"""The best validation number so far and its step, for whoever watches a run."""
GENERATOR: Final = "generator"
AVERAGED: Final = "generator_ema"
LOG_EVERY: Final = 25
WARM_UP_STEPS: Final = 50

Metrics = dict[str, float]
Weights = tuple[Tensor, ...] | list[Tensor]


class Task(Protocol):
    """What is learnt, from what, and how it is judged.

    A step may depend on the weights, on `carried`, on its number and on chance, and on nothing
    else: that is what a checkpoint holds.
    """

    @property
    def precision(self) -> MixedPrecision: ...

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """What a checkpoint keeps, by name; the one called `generator` is averaged."""

    @property
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """`generator`, which the trainer moves, and those that the task moves itself."""

    carried: dict[str, Tensor]
    """What passes from one step to the next beside the weights."""
    max_norm: float | None
    """The largest norm of the generator's gradients."""

    def learning_rate(self, step: int) -> float:
        """Of the generator."""

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        """What the generator minimises in this step, and numbers to log.

        Args:
            step: From 0 on.
            rng: Drawn from the seed and the step.
        """

    def validate(self, generator: nn.Module) -> Metrics:
        """How good the averaged generator is, `OBJECTIVE` among it; it draws nothing from the
        global generators of chance.
        """

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """Adds to a checkpoint what else is to be kept with these weights."""


class Trainer:
    """Trains into a run folder, from its newest checkpoint when there is one."""

    def __init__(self, task: Task, settings: RunSettings, run: Path) -> None:
        self.task, self.settings, self.run = task, settings, run
        trained = task.networks[GENERATOR]
        self.averaged = averaged_model(trained, settings.ema) if settings.ema else None
        self.stopping = EarlyStopping(settings.patience, settings.least_gain)

    @property
    def generator(self) -> nn.Module:
        """What is validated and exported."""
        if self.averaged is None:
            return self.task.networks[GENERATOR]
        module: nn.Module = self.averaged.module
        return module

    @property
    def networks(self) -> dict[str, nn.Module]:
        averaged = {} if self.averaged is None else {AVERAGED: self.generator}
        return {**self.task.networks, **averaged}

    def fit(self) -> None:
        """Trains to the end, or until validation has not improved for `patience` saves.

        Raises:
            SystemExit: the newest checkpoint was made with another precision, or cannot be gone on
                from.
        """
        steps, tracking = self.settings.steps, self.settings.tracking
        first = self.resume()
        if self.settings.patience and latest(self.run) is None:
            # A training that makes nothing better keeps what it began with.
            self.stopping.observe(0, self.task.validate(self.generator)[OBJECTIVE])
            self.save(0)
        with RunLog(self.run, steps=steps, first_step=first, tracking=tracking) as log:
            for step in range(first, steps):
                if self.stopping.should_stop:
                    break
                metrics = self.step(step)
                log.advance(step + 1)
                if step % LOG_EVERY == 0:
                    log.scalars(step, metrics, f"loss {metrics['loss/total']:.3f}")
                if (step + 1) % self.settings.save_every == 0 or step + 1 == steps:
                    self.validate(step, log)
                    self.save(step + 1)
        if self.stopping.best_step is not None:
            best = {"objective": self.stopping.best, "step": self.stopping.best_step}
            write_json(self.run / VALIDATION_FILE, best)

    def step(self, step: int) -> Metrics:
        """Changes the weights; returns what is to be logged."""
        task, optimiser = self.task, self.task.optimisers[GENERATOR]
        for group in optimiser.param_groups:
            group["lr"] = task.learning_rate(step)
        loss, metrics = task.loss(step, np.random.default_rng((self.settings.seed, step)))
        task.precision.step(loss, optimiser, max_norm=task.max_norm)
        if self.averaged is not None:
            self.averaged.update_parameters(task.networks[GENERATOR])
        return {"loss/total": loss.item(), **metrics}

    def validate(self, step: int, log: RunLog) -> None:
        found = self.task.validate(self.generator)
        if OBJECTIVE in found:
            self.stopping.observe(step + 1, found[OBJECTIVE])
            log.scalars(step, found, f"validation {found[OBJECTIVE]:.3f}")

    def save(self, step: int) -> None:
        used = self.stopping.best_step if self.settings.patience else None
        with new_step(self.run, step, used=used) as folder:
            write_networks(folder, self.networks)
            torch.save(self.state(), folder / STATE_FILE)
            self.task.write(folder, self.generator)

    def state(self) -> dict[str, Any]:
        """All that decides how training goes on, beside the networks and the step."""
        averages = 0 if self.averaged is None else int(self.averaged.n_averaged)
        return {
            "optimisers": {name: each.state_dict() for name, each in self.task.optimisers.items()},
            "averages": averages,
            "precision": self.task.precision.name,
            "scaler": self.task.precision.state_dict(),
            "stopping": self.stopping.state_dict(),
            "carried": self.task.carried,
            "random": random_state(),
        }

    def resume(self) -> int:
        """Goes back to the newest checkpoint and returns its step; 0 when there is none."""
        sweep(self.run)
        folder = latest(self.run)
        if folder is None:
            return 0
        if not (folder / STATE_FILE).exists():
            raise SystemExit(
                f"{folder}: expected {STATE_FILE} to go on from, found none: it holds weights "
                "only; begin another run with --base."
            )
        state = torch.load(folder / STATE_FILE, weights_only=True, map_location="cpu")
        precision = self.task.precision
        refuse_change(self.run, {"precision": state["precision"]}, {"precision": precision.name})
        for name, network in self.networks.items():
            load_network(folder, name, network)
        for name, optimiser in self.task.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        if self.averaged is not None:
            self.averaged.n_averaged.fill_(state["averages"])
        precision.load_state_dict(state["scaler"])
        self.stopping.load_state_dict(state["stopping"])
        device = precision.device
        self.task.carried.update({key: each.to(device) for key, each in state["carried"].items()})
        restore_random_state(state["random"])
        return int(folder.name.removeprefix("step_"))


def averaged_model(module: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a module's weights, which begins with the first update.

    The decay rises from 2 in 11 on, so that the first steps are soon forgotten.
    """

    def average(means: Weights, values: Weights, count: Tensor | int) -> None:
        done = int(count)
        get_ema_multi_avg_fn(min(decay, (1 + done) / (10 + done)))(means, values, done)

    averaged = AveragedModel(module, multi_avg_fn=average)
    averaged.requires_grad_(False).eval()
    return averaged


def learning_rate_share(step: int, steps: int, *, warm_up: int = WARM_UP_STEPS) -> float:
    """The share of the highest rate, in (0, 1]: a linear warm-up, then a cosine to 3 %."""
    falling = 0.5 * (1 + math.cos(math.pi * min(step / steps, 1)))
    return min(1.0, (step + 1) / warm_up) * (0.03 + 0.97 * falling)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Without dropout inside, and with it again after."""
    network.eval()
    try:
        yield
    finally:
        network.train()
