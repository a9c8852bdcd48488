"""Fits the style prior to what the style encoder of a face run found in its recordings.

    python -m training.train_style_prior --run runs/face

Reads `style_codes.npz`, which face training leaves in its run (`write_codes`); writes
`style_prior.safetensors` and `style_prior.json`: how likely codes of recordings that took no part
are, beside a Gaussian, and how often a style that was asked for by tag has the tag.
"""

import argparse
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from safetensors.torch import save_file
from torch import Tensor, nn

from training.checkpoint import command_line
from training.face.model import STYLE_SIZE
from training.face.style_flow import CARD, TAG_NAMES, WEIGHTS, StylePrior, asked, tags_of

CODES: Final = "style_codes.npz"
LEAST_RECORDINGS: Final = 20
_CHECK_EVERY: Final = 25

Codes = NDArray[np.float32]
Groups = NDArray[np.int64]


class Questions:
    """Pairs of tags asked for and a code that has them.

    First a set of up to three tags is drawn, then a code among those that have all of them. So
    the prior given these tags is that of the codes that have them, whatever else they have; the
    empty set gives all codes, and rare tags are learnt as well as common ones.
    """

    SHARES: Final = (0.3, 0.4, 0.2, 0.1)
    """How often none, one, two and three tags are asked for."""
    LEAST_CODES: Final = 20
    """Fewer codes than this do not say what a set of tags looks like."""

    def __init__(self, tags: NDArray[np.bool_]) -> None:
        asked_for: list[NDArray[np.bool_]] = []
        answers: list[NDArray[np.int64]] = []
        chances: list[float] = []
        for size, share in enumerate(self.SHARES):
            found = []
            for names in itertools.combinations(range(tags.shape[1]), size):
                rows = np.flatnonzero(tags[:, list(names)].all(axis=1))
                if len(rows) >= self.LEAST_CODES or not names:
                    found.append((np.isin(np.arange(tags.shape[1]), names), rows))
            asked_for.extend(told for told, _ in found)
            answers.extend(rows for _, rows in found)
            chances.extend([share / len(found)] * len(found) if found else [])
        self._told = torch.from_numpy(np.stack(asked_for)).float()
        self._counts = np.array([len(rows) for rows in answers])
        self._starts = np.cumsum(self._counts) - self._counts
        self._answers = np.concatenate(answers)
        self._chances = np.array(chances) / np.sum(chances)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Tensor]:
        """Rows [count] of the codes and the tags asked for [count, K]."""
        which = rng.choice(len(self._chances), count, p=self._chances)
        rows = self._answers[self._starts[which] + rng.integers(self._counts[which])]
        return rows, self._told[which]


def fit_prior(
    codes: Codes,
    tags: NDArray[np.bool_],
    *,
    groups: Groups | None = None,
    steps: int = 2000,
    batch: int = 256,
    learning_rate: float = 4e-3,
    patience: int = 16,
    seed: int = 0,
) -> StylePrior:
    """Maximum likelihood, stopped when held-out codes no longer gain.

    Args:
        codes: [N, 16], N in the thousands: each recording may give many.
        tags: [N, K], usually `tags_of(codes)`.
        groups: [N], the recording of each code; a tenth of them is held out as a whole. Each code
            is its own by default.
        steps: At most.
        batch: Codes of a step.
        learning_rate: Falls to 5 % along a cosine.
        patience: Checks, one every 25 steps, without a gain before it stops.
        seed: Decides everything: the same codes give the same prior.

    Raises:
        SystemExit: there are too few recordings to hold some out, or a value is not finite.
    """
    groups = np.arange(len(codes)) if groups is None else groups
    _check(codes, groups)
    rng = np.random.default_rng(seed)
    held = _a_tenth(groups, rng)
    torch.manual_seed(seed)
    prior = StylePrior(tags.shape[1], seed=seed)
    values = torch.from_numpy(codes)
    prior.center.copy_(values[~held].mean(dim=0))
    prior.spread.copy_(values[~held].std(dim=0).clamp_min(1e-3))
    rows, held_told = Questions(tags[held]).draw(2000, rng)
    held_codes, train_codes, questions = values[held][rows], values[~held], Questions(tags[~held])

    def batch_of() -> tuple[Tensor, Tensor]:
        rows, told = questions.draw(batch, rng)
        return train_codes[rows], told

    _maximise(prior, batch_of, (held_codes, held_told), steps, learning_rate, patience)
    return prior.eval()


def _maximise(
    prior: StylePrior,
    batch_of: Callable[[], tuple[Tensor, Tensor]],
    held_out: tuple[Tensor, Tensor],
    steps: int,
    learning_rate: float,
    patience: int,
) -> None:
    """Leaves the prior with the weights that were best on the held-out codes."""
    optimiser = torch.optim.AdamW(prior.parameters(), learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, 0.05 * learning_rate)
    best, kept, waited = _nats(prior, *held_out), _weights(prior), 0
    for step in track(range(1, steps + 1), "style prior"):
        loss = -prior.log_prob(*batch_of()).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(prior.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % _CHECK_EVERY and step < steps:
            continue
        likelihood = _nats(prior, *held_out)
        if likelihood > best + 1e-3:
            best, kept, waited = likelihood, _weights(prior), 0
        elif (waited := waited + 1) >= patience:
            break
    prior.load_state_dict(kept)


def _weights(prior: StylePrior) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in prior.state_dict().items()}


@torch.no_grad()
def _nats(prior: StylePrior, codes: Tensor, told: Tensor) -> float:
    return prior.log_prob(codes, told).mean().item()


def _a_tenth(groups: Groups, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[N], true for the codes of every tenth recording."""
    names = np.unique(groups)
    return np.isin(groups, rng.permutation(names)[: max(2, len(names) // 10)])


def _check(codes: Codes, groups: Groups) -> None:
    recordings = len(np.unique(groups))
    if codes.ndim != 2 or codes.shape[1] != STYLE_SIZE or recordings < LEAST_RECORDINGS:
        raise SystemExit(
            f"expected style codes [N, {STYLE_SIZE}] of at least {LEAST_RECORDINGS} recordings, "
            f"found {list(codes.shape)} of {recordings}; encode more recordings."
        )
    if not np.isfinite(codes).all():
        raise SystemExit(
            "expected finite style codes, found others; the face run has diverged: "
            "train it again with a lower learning rate."
        )


def write_codes(run: Path, codes: Codes, groups: Groups) -> None:
    """Leaves codes [N, 16] and their recordings [N], as `style.posterior_codes` gives them."""
    np.savez_compressed(run / CODES, codes=codes, groups=groups)


def read_codes(run: Path) -> tuple[Codes, Groups]:
    """What `write_codes` left.

    Raises:
        SystemExit: there is nothing, or it is something else.
    """
    try:
        with np.load(run / CODES) as file:
            return file["codes"].astype(np.float32), file["groups"].astype(np.int64)
    except FileNotFoundError:
        found = "none"
    except (OSError, ValueError, KeyError) as error:
        found = f"something else ({error})"
    raise SystemExit(
        f"{run / CODES}: expected the style codes of a face run, found {found}; "
        "train the face with `python -m training.train_face`."
    )


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
        "nats": _nats(prior, values, untagged[:1].expand(len(values), -1)),
        "control_gaussian_nats": gaussian.log_prob(values).mean().item(),
        "has_the_tag": {
            name: {"asked": round(float(with_tag), 3), "not_asked": round(float(without), 3)}
            for name, with_tag, without in zip(TAG_NAMES, tagged, free, strict=True)
        },
    }


def fit_run(run: Path, *, steps: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Fits and writes the prior of a face run; returns what `style_prior.json` says."""
    codes, groups = read_codes(run)
    _check(codes, groups)
    test = _a_tenth(groups, np.random.default_rng((seed, 1)))
    seen, tested = codes[~test], codes[test]
    prior = fit_prior(seen, tags_of(seen), groups=groups[~test], steps=steps, seed=seed)
    card = {
        "tags": TAG_NAMES,
        "command": command_line(),
        "seed": seed,
        "codes": len(codes),
        "recordings": len(np.unique(groups)),
        "test": measure(prior, tested, seen),
    }
    save_file(_weights(prior), run / f"{WEIGHTS}.safetensors")
    (run / CARD).write_text(json.dumps(card, indent=2) + "\n")
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description="Fits the style prior of a face run.")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2000, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(json.dumps(fit_run(args.run, steps=args.steps, seed=args.seed)["test"], indent=1))


if __name__ == "__main__":
    main()
