"""Frechet distance of made upper faces to real takes, between its floor and its controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import FPS
from training.evaluation.frechet import (
    RealFeatures,
    each_and_others,
    frechet_distance,
    interleaved,
    thinned,
)
from training.evaluation.measures import mean_known
from training.face.evaluation.sets import Captures
from training.face.model import MADE

Array = NDArray[Any]

FROZEN: Final = "a still face (real mean)"
SHUFFLED: Final = "real frames in random order"
_BLOCK = 10 * FPS
_JUDGED = ("brow", "eyeBlink", "eyeSquint", "eyeWide", "cheekSquint", "noseSneer")
"""Not the eyes' direction and puffed cheeks: people who show their range of motion roll the one
and blow the other as no talking face does."""


@dataclass(frozen=True, slots=True)
class UpperFaceReference:
    """Real takes, the features fitted on them, and the halves that give the floor."""

    features: RealFeatures
    columns: Array
    people: dict[str, list[Array]]
    """Speaker -> the takes of that person."""
    halves: tuple[Array, Array]
    calm_halves: tuple[Array, Array]
    """The calmer half of the windows of each half: takes grimace, people who talk hardly do."""

    @classmethod
    def of(cls, captures: Captures) -> "UpperFaceReference | None":
        """None without takes that show the upper face."""
        takes = [take for take in captures.takes if take.known[MADE.index("eyeBlinkLeft")]]
        if not takes:
            return None
        known = np.logical_and.reduce([take.known for take in takes])
        columns = np.array([i for i, name in enumerate(MADE) if name.startswith(_JUDGED)])
        columns = columns[known[columns]]
        real = [take.motion[:, columns] for take in takes]
        people: dict[str, list[Array]] = {}
        for take, motion in zip(takes, real, strict=True):
            people.setdefault(take.speaker, []).append(motion)
        names = [MADE[i] for i in columns]
        features = RealFeatures.fit(real, names, family="upper-face-fd-1")
        first, second = interleaved(real, _BLOCK)
        level = np.array([not MADE[i].startswith("eyeBlink") for i in columns])
        return cls(
            features,
            columns,
            people,
            (features.of(first), features.of(second)),
            (_calm(features, first, level), _calm(features, second, level)),
        )

    def distances(self, motions: Sequence[Array]) -> dict[str, float]:
        """Of motions [frames, 51], to all real windows and to the calm ones."""
        made = self.features.of([motion[:, self.columns] for motion in motions])
        return self._distances(made)

    def _distances(self, made: Array) -> dict[str, float]:
        rng = np.random.default_rng(0)
        return {
            name: float(
                np.mean([frechet_distance(thinned(made, len(half), rng), half) for half in halves])
            )
            for name, halves in (("to_all", self.halves), ("to_calm", self.calm_halves))
        }

    def report(self, motions: Mapping[str, Sequence[Array]]) -> dict[str, Any]:
        """Distances of every motion, the floor, and controls that no real face would pass."""
        rng = np.random.default_rng(5)
        every = np.concatenate([take for takes in self.people.values() for take in takes])
        frozen = np.tile(every.mean(axis=0), (len(every), 1))
        shuffled = every[rng.permutation(len(every))]
        return {
            "protocol": self.features.protocol,
            "channels": list(self.features.channels),
            "real_windows": len(self.halves[0]) + len(self.halves[1]),
            "made": {name: self.distances(parts) for name, parts in motions.items()},
            "floor_real_to_real": {
                "to_all": frechet_distance(*self.halves),
                "to_calm": frechet_distance(*self.calm_halves),
            },
            "floor_one_person_to_the_others": {"to_all": self._person_to_others()},
            "controls": {
                FROZEN: self._distances(self.features.of([frozen])),
                SHUFFLED: self._distances(self.features.of([shuffled])),
            },
        }

    def _person_to_others(self) -> float:
        """Mean distance of one person to the others: what another face costs."""
        rng = np.random.default_rng(0)
        found = []
        for _, mine, others in each_and_others(self.people):
            one, rest = self.features.of(mine), self.features.of(others)
            found.append(frechet_distance(one, thinned(rest, len(one), rng)))
        return mean_known(found)


def _calm(features: RealFeatures, blocks: Sequence[Array], level: Array) -> Array:
    """Features of the windows whose brows, squints and cheeks are least, half of them."""
    rows, levels = [], []
    for block in blocks:
        found = features.of([block])
        rows.append(found)
        starts = 1 + features.stride * np.arange(len(found))
        levels.append([block[s : s + features.window, level].mean() for s in starts])
    stacked, height = np.concatenate(rows), np.concatenate(levels)
    calm: Array = stacked[height <= np.median(height)]
    return calm
