"""The style codes that the encoder of a face run reads in its recordings: what the prior learns."""

import itertools
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.checkpoint import checkpoint_of
from training.face.model import STYLE_SIZE

CODES_FILE: Final = "style_codes.npz"
LEAST_RECORDINGS: Final = 20

Codes = NDArray[np.float32]
Groups = NDArray[np.int64]


def write_codes(checkpoint: Path, codes: Codes, groups: Groups) -> None:
    """Leaves codes [N, 16] and their recordings [N], as `style.posterior_codes` gives them."""
    np.savez_compressed(checkpoint / CODES_FILE, codes=codes, groups=groups)


def read_codes(run: Path) -> tuple[Codes, Groups]:
    """What `write_codes` left in the checkpoint of a run that is to be used.

    Raises:
        SystemExit: there is nothing, or it is something else.
    """
    path = checkpoint_of(run) / CODES_FILE
    try:
        with np.load(path) as file:
            return file["codes"].astype(np.float32), file["groups"].astype(np.int64)
    except FileNotFoundError:
        found = "none"
    except (OSError, ValueError, KeyError) as error:
        found = f"something else ({error})"
    raise SystemExit(
        f"{path}: expected the style codes of a face run, found {found}; "
        "train the face with `python -m training.train_face`."
    )


def check_codes(codes: Codes, groups: Groups) -> None:
    """Refuses codes that no prior can be fitted to.

    Raises:
        SystemExit: there are too few recordings to hold some out, or a value is not finite.
    """
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


def a_tenth(groups: Groups, rng: np.random.Generator) -> NDArray[np.bool_]:
    """[N], true for the codes of every tenth recording."""
    names = np.unique(groups)
    return np.isin(groups, rng.permutation(names)[: max(2, len(names) // 10)])


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
            asked_for.extend(asked for asked, _ in found)
            answers.extend(rows for _, rows in found)
            chances.extend([share / len(found)] * len(found) if found else [])
        self._asked = torch.from_numpy(np.stack(asked_for)).float()
        self._counts = np.array([len(rows) for rows in answers])
        self._starts = np.cumsum(self._counts) - self._counts
        self._answers = np.concatenate(answers)
        self._chances = np.array(chances) / np.sum(chances)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Tensor]:
        """Rows [count] of the codes and the tags asked for [count, K]."""
        which = rng.choice(len(self._chances), count, p=self._chances)
        rows = self._answers[self._starts[which] + rng.integers(self._counts[which])]
        return rows, self._asked[which]
