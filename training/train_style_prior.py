"""Fits the style prior to what the style encoder of a face run found in its recordings.

    python -m training.train_style_prior --run runs/face

Reads the codes in the run's checkpoint and writes `style_prior/` beside them: a run of its own, and
`style_prior.json`, which says how likely codes of recordings that took no part are, beside a
Gaussian, and how often a style that was asked for by tag has the tag. Run it again to go on.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.checkpoint import load_weights, write_json
from training.device import MixedPrecision, pick_device, seed_everything
from training.face.style_codes import Codes, Groups, Questions, a_tenth, check_codes, read_codes
from training.face.style_flow import (
    CARD,
    TAG_NAMES,
    StylePrior,
    asked,
    prior_folder,
    tags_of,
)
from training.origin import command_line, start_run
from training.settings import RunSettings
from training.tracking import OBJECTIVE
from training.trainer import GENERATOR, Metrics, Trainer


class PriorSettings(RunSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    steps: int = 2000
    """At most."""
    batch: int = 256
    """Codes of a step."""
    learning_rate: float = 4e-3
    """Falls to 5 % along a cosine."""
    save_every: int = 25
    patience: int = 16
    least_gain: float = 1e-3


class PriorTask:
    """Maximum likelihood of codes [N, 16] with their tags [N, K]; a tenth of the recordings, whose
    numbers are `groups` [N], is held out to validate on.
    """

    max_norm: float | None = 5.0

    def __init__(
        self, settings: PriorSettings, codes: Codes, tags: NDArray[np.bool_], groups: Groups
    ) -> None:
        check_codes(codes, groups)
        rng = np.random.default_rng(settings.seed)
        held = a_tenth(groups, rng)
        seed_everything(settings.seed)
        self.settings = settings
        self.precision = MixedPrecision(pick_device(settings.device), settings.precision)
        self.prior = StylePrior(tags.shape[1], seed=settings.seed)
        values = torch.from_numpy(codes)
        self.prior.center.copy_(values[~held].mean(dim=0))
        self.prior.spread.copy_(values[~held].std(dim=0).clamp_min(1e-3))
        self.prior.to(self.precision.device)
        rows, wanted = Questions(tags[held]).draw(2000, rng)
        self.held_out = (values[held][rows], wanted)
        self.codes, self.questions = values[~held], Questions(tags[~held])
        self.networks: Mapping[str, nn.Module] = {GENERATOR: self.prior}
        optimiser = torch.optim.AdamW(
            self.prior.parameters(), settings.learning_rate, weight_decay=0.05
        )
        self.optimisers = {GENERATOR: optimiser}
        self.carried: dict[str, Tensor] = {}

    def learning_rate(self, step: int) -> float:
        falling = 0.5 * (1 + math.cos(math.pi * step / self.settings.steps))
        return self.settings.learning_rate * (0.05 + 0.95 * falling)

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        rows, wanted = self.questions.draw(self.settings.batch, rng)
        return -log_likelihood(self.prior, self.codes[rows], wanted), {}

    @torch.no_grad()
    def validate(self, generator: nn.Module) -> Metrics:
        return {OBJECTIVE: -log_likelihood(self.prior, *self.held_out).item()}

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """The weights are all there is."""


def log_likelihood(prior: StylePrior, codes: Tensor, tags: Tensor) -> Tensor:
    """The mean over codes [B, 16] given tags [B, K], in nats."""
    device = prior.center.device
    return prior.log_prob(codes.to(device), tags.to(device)).mean()


def fit_prior(
    folder: Path,
    codes: Codes,
    tags: NDArray[np.bool_],
    *,
    groups: Groups | None = None,
    settings: PriorSettings | None = None,
) -> StylePrior:
    """Fits until held-out codes no longer gain, or goes on with what was begun.

    Args:
        folder: A run folder for the prior.
        codes: [N, 16], N in the thousands: each recording may give many.
        tags: [N, K], usually `tags_of(codes)`.
        groups: [N], the recording of each code; each is its own by default.
        settings: The same ones and the same codes give the same prior.

    Raises:
        SystemExit: there are too few recordings to hold some out, a value is not finite, or the
            folder was begun with something else.
    """
    settings = settings or PriorSettings()
    groups = np.arange(len(codes)) if groups is None else groups
    task = PriorTask(settings, codes, tags, groups)
    digest = hashlib.sha256(codes.tobytes() + tags.tobytes() + groups.tobytes())
    start_run(folder, settings, told={"codes": digest.hexdigest()})
    Trainer(task, settings, folder).fit()
    load_weights(folder, GENERATOR, task.prior)
    return task.prior.eval().cpu()


@torch.no_grad()
def measure(prior: StylePrior, codes: Codes, fitted: Codes) -> dict[str, Any]:
    """The prior on codes it was not fitted to, beside a Gaussian of the codes it was fitted to."""
    values, like = torch.from_numpy(codes), torch.from_numpy(fitted)
    gaussian = torch.distributions.MultivariateNormal(like.mean(dim=0), torch.cov(like.T))
    untagged = torch.zeros(4000, len(TAG_NAMES))
    drawn = torch.Generator().manual_seed(0)
    free = tags_of(prior.sample(untagged, drawn).numpy()).mean(axis=0)
    tagged = [
        tags_of(prior.sample(asked([name]) + untagged, drawn).numpy())[:, index].mean()
        for index, name in enumerate(TAG_NAMES)
    ]
    return {
        "nats": log_likelihood(prior, values, untagged[:1].expand(len(values), -1)).item(),
        "control_gaussian_nats": gaussian.log_prob(values).mean().item(),
        "has_the_tag": {
            name: {"asked": round(float(with_tag), 3), "not_asked": round(float(without), 3)}
            for name, with_tag, without in zip(TAG_NAMES, tagged, free, strict=True)
        },
    }


def fit_run(run: Path, settings: PriorSettings | None = None) -> dict[str, Any]:
    """Fits and writes the prior of a face run; returns what `style_prior.json` says."""
    settings = settings or PriorSettings()
    codes, groups = read_codes(run)
    check_codes(codes, groups)
    test = a_tenth(groups, np.random.default_rng((settings.seed, 1)))
    seen, tested, folder = codes[~test], codes[test], prior_folder(run)
    (folder / CARD).unlink(missing_ok=True)
    prior = fit_prior(folder, seen, tags_of(seen), groups=groups[~test], settings=settings)
    card = {
        "tags": TAG_NAMES,
        "command": command_line(),
        "seed": settings.seed,
        "codes": len(codes),
        "recordings": len(np.unique(groups)),
        "test": measure(prior, tested, seen),
    }
    write_json(folder / CARD, card)
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description="Fits the style prior of a face run.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    card = fit_run(args.run, PriorSettings(steps=args.steps, seed=args.seed))
    print(json.dumps(card["test"], indent=1))


if __name__ == "__main__":
    main()
