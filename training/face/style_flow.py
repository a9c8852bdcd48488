"""The prior over style codes: a small flow that can be asked for styles by tag.

RealNVP (Dinh et al. 2017): affine couplings between fixed permutations, so the density is exact
and sampling is one pass. It is fitted to the codes the encoder gives for recordings (its
aggregated posterior), told which tags are asked for; see `training.train_style_prior`. A tag is a
statement about the named axes of the code, so a code is labelled by what it does and never by a
name somebody gave it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.checkpoint import checkpoint_of, load_weights, read_json
from training.face.model import STYLE_SIZE
from training.face.upper import STYLE_AXES

FOLDER: Final = "style_prior"
CARD: Final = "style_prior.json"
LOG_SCALE_LIMIT: Final = 2.0
"""Bound of a coupling's log scale: keeps the inverse exact in float32."""


@dataclass(frozen=True, slots=True)
class Tag:
    """What a name means: where `high` axes are high and `low` axes are low, see `tags_of`."""

    name: str
    high: tuple[str, ...] = ()
    low: tuple[str, ...] = ()


TAGS: Final = (
    Tag("lively", high=("head", "brows", "gaze")),
    Tag("calm", low=("head", "brows", "gaze")),
    Tag("cheerful", high=("smile",)),
    Tag("stern", low=("smile", "brows")),
    Tag("shy", high=("gaze",), low=("jaw",)),
    Tag("bold", high=("jaw",), low=("gaze",)),
    Tag("articulate", high=("jaw", "lips")),
    Tag("mumbling", low=("jaw", "lips")),
    Tag("expressive brows", high=("brows",)),
    Tag("wide-eyed", low=("blinks",)),
)
TAG_NAMES: Final = tuple(tag.name for tag in TAGS)


def tags_of(codes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which of `TAGS` hold for each code: [N, 16] -> [N, K].

    A tag holds where the sum of its high axes less the sum of its low axes, divided by the root of
    their number, is at least 1: one standard deviation out, 16 % of standard normal codes.
    """
    scores = []
    for tag in TAGS:
        signs = np.zeros(codes.shape[1])
        signs[[STYLE_AXES.index(name) for name in tag.high]] = 1
        signs[[STYLE_AXES.index(name) for name in tag.low]] = -1
        scores.append(codes @ signs / np.linalg.norm(signs))
    return np.stack(scores, axis=1) >= 1


def asked(names: Sequence[str]) -> Tensor:
    """The tags as the prior reads them: [K], 1 where asked for.

    Raises:
        SystemExit: a name is not among `TAGS`.
    """
    if unknown := [name for name in names if name not in TAG_NAMES]:
        raise SystemExit(
            f"expected tags among {', '.join(TAG_NAMES)}, found {', '.join(unknown)}; "
            "leave them out or spell them so."
        )
    return torch.tensor([float(name in names) for name in TAG_NAMES])


class Coupling(nn.Module):
    """Reorders, keeps the first half, stretches and moves the second as first half and tags say."""

    order: Tensor
    undo: Tensor

    def __init__(self, order: Tensor, tags: int, width: int) -> None:
        super().__init__()
        self.register_buffer("order", order)
        self.register_buffer("undo", order.argsort())
        self.kept = len(order) // 2
        last = nn.Linear(width, 2 * (len(order) - self.kept))
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(
            nn.Linear(self.kept + tags, width),
            nn.Tanh(),
            nn.Linear(width, width),
            nn.Tanh(),
            last,
        )

    def to_latent(self, code: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        code = code[:, self.order]
        kept, moved = code[:, : self.kept], code[:, self.kept :]
        log_scale, shift = self._terms(kept, tags)
        return torch.cat([kept, (moved - shift) * (-log_scale).exp()], dim=1), -log_scale.sum(1)

    def to_code(self, latent: Tensor, tags: Tensor) -> Tensor:
        kept, moved = latent[:, : self.kept], latent[:, self.kept :]
        log_scale, shift = self._terms(kept, tags)
        return torch.cat([kept, moved * log_scale.exp() + shift], dim=1)[:, self.undo]

    def _terms(self, kept: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.net(torch.cat([kept, tags], dim=1)).chunk(2, dim=1)
        return LOG_SCALE_LIMIT * torch.tanh(raw / LOG_SCALE_LIMIT), shift


class StylePrior(nn.Module):
    """p(code | tags asked for); tags that are not asked for may hold or not. 0.04 M parameters."""

    center: Tensor
    spread: Tensor

    def __init__(
        self, tags: int = len(TAGS), *, couplings: int = 6, width: int = 64, seed: int = 0
    ) -> None:
        """A flow with random weights.

        Args:
            tags: K.
            couplings: Affine couplings, each after a permutation of its own.
            width: Hidden units of each coupling's network.
            seed: Draws the permutations, which are kept with the weights.
        """
        super().__init__()
        rng = np.random.default_rng(seed)
        self.register_buffer("center", torch.zeros(STYLE_SIZE))
        self.register_buffer("spread", torch.ones(STYLE_SIZE))
        self.couplings = nn.ModuleList(
            Coupling(torch.from_numpy(rng.permutation(STYLE_SIZE)), tags, width)
            for _ in range(couplings)
        )
        self.tags = tags

    @property
    def chain(self) -> list[Coupling]:
        return cast("list[Coupling]", list(self.couplings))

    def to_latent(self, code: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        """Codes [B, 16] and tags [B, K] -> latents [B, 16], log |d latent / d code| [B]."""
        latent = (code - self.center) / self.spread
        log_volume = -self.spread.log().sum().expand(len(code))
        for coupling in self.chain:
            latent, change = coupling.to_latent(latent, tags)
            log_volume = log_volume + change
        return latent, log_volume

    def to_code(self, latent: Tensor, tags: Tensor) -> Tensor:
        """Latents [B, 16], standard normal, and tags [B, K] -> codes [B, 16]."""
        for coupling in reversed(self.chain):
            latent = coupling.to_code(latent, tags)
        return latent * self.spread + self.center

    def log_prob(self, code: Tensor, tags: Tensor) -> Tensor:
        """Exact log density of codes [B, 16] given tags [B, K], in nats: [B]."""
        latent, log_volume = self.to_latent(code, tags)
        return log_volume - 0.5 * (latent.square() + math.log(2 * math.pi)).sum(dim=1)

    @torch.no_grad()
    def sample(self, tags: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A code for each row of tags [B, K]: [B, 16]."""
        return self.to_code(torch.randn(len(tags), STYLE_SIZE, generator=generator), tags)


def prior_folder(run: Path) -> Path:
    """Where the prior of a face run lies: in the checkpoint whose codes it was fitted to."""
    return checkpoint_of(run) / FOLDER


def load_prior(run: Path) -> StylePrior:
    """The prior of a run, as `training.train_style_prior` wrote it.

    Raises:
        SystemExit: the run has none, or it was fitted to other tags than these.
    """
    folder = prior_folder(run)
    if not (folder / CARD).exists():
        raise SystemExit(
            f"{run}: expected a style prior, found none; "
            f"fit it with `python -m training.train_style_prior --run {run}`."
        )
    theirs = tuple(read_json(folder / CARD)["tags"])
    if theirs != TAG_NAMES:
        raise SystemExit(
            f"{run}: expected a style prior for {', '.join(TAG_NAMES)}, found one for "
            f"{', '.join(theirs)}; fit it again with `python -m training.train_style_prior`."
        )
    prior = StylePrior()
    load_weights(folder, "generator", prior)
    return prior.eval()
