"""Frechet distance of made bodies to captured ones, between its floors and its controls.

Features are principal components of windows of a second, as for the face (FID's formula, Heusel
et al. 2017), fitted on captures only: eleven minutes are too few to train an autoencoder whose
distances would mean more. Joints are taken relative to the hips and to where the hips face. Two
kinds: `posture` has positions and velocities, and asks for bodies that look like the captured ones
at what they do; `movement` has velocities below 6 Hz over the mean speed of the second around, and
their changes, and asks how they move, whatever their posture and pace.

The captured people climb, box and walk; who idles moves less. So distances are also taken on
subsets that match in speed, made windows and captured ones in equal numbers from each bin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from training.evaluation.frechet import (
    RealFeatures,
    each_and_others,
    frechet_distance,
    interleaved,
    thinned,
)
from training.evaluation.measures import mean_known
from training.pose.evaluation.smoothness import (
    EDGES_M_S,
    TELLING,
    TELLING_AT,
    low_passed,
    root_relative,
)

Array = NDArray[Any]

KINDS: Final = ("posture", "movement")
STILL: Final = "a still body (captured mean)"
SHUFFLED: Final = "captured frames in random order"
NOISE: Final = "white noise of captured spread"
_LEAST_M_S: Final = 0.002
"""Below it a body counts as still, and its rounding as no movement."""
_BLOCK: Final = 10 * FPS
_LEFT, _RIGHT = (POSE_BONES.index(f"{side}UpperLeg") for side in ("left", "right"))
_CHANNELS: Final = [f"{bone}.{axis}" for bone in TELLING for axis in "xyz"]


def facing_forward(joints: Array) -> Array:
    """[T, 30]: `TELLING` of joints [T, 22, 3], relative to the hips, the front towards +Z."""
    joints = root_relative(np.asarray(joints, np.float64))
    across = joints[:, _LEFT] - joints[:, _RIGHT]
    length = np.maximum(np.hypot(across[:, 0], across[:, 2]), 1e-6)
    cosine, sine = (across[:, 0] / length)[:, None], (across[:, 2] / length)[:, None]
    x, y, z = np.moveaxis(joints[:, TELLING_AT], -1, 0)
    turned = np.stack([cosine * x + sine * z, y, cosine * z - sine * x], axis=-1)
    return turned.reshape(len(joints), -1)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Windows as features and as mean joint speeds."""

    features: Array
    """[N, D]"""
    speed_m_s: Array
    """[N]"""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One kind of features, with the captured halves that give the floor."""

    kind: str
    features: RealFeatures
    halves: tuple[Cut, Cut]

    @classmethod
    def of(cls, kind: str, captured: Sequence[Array]) -> "Space":
        """From captured takes [T, 22, 3]."""
        takes = [_signal(kind, take) for take in captured]
        family = f"body-fd-2/{kind}"
        features = RealFeatures.fit(takes, _CHANNELS, family=family, window=FPS)
        first, second = interleaved(list(captured), _BLOCK)
        return cls(kind, features, (_cut(features, kind, first), _cut(features, kind, second)))

    def distances(self, takes: Sequence[Array]) -> dict[str, float]:
        """Of takes [T, 22, 3]: to all captured windows, and on subsets of equal speed."""
        return self._distances(_cut(self.features, self.kind, takes))

    def floor(self) -> dict[str, float]:
        """One half of the captures to the other."""
        a, b = self.halves
        return {"to_all": _mean_distance(a.features, b.features), "matched": _matched(a, b)[0]}

    def _distances(self, made: Cut) -> dict[str, float]:
        all_, matched, floors, counts = [], [], [], []
        for mine, other in (self.halves, self.halves[::-1]):
            all_.append(_mean_distance(made.features, mine.features))
            distance, count = _matched(made, mine)
            matched.append(distance)
            counts.append(count)
            floors.append(_matched(other, mine, like=made)[0])
        return {
            "to_all": float(np.mean(all_)),
            "matched": float(np.mean(matched)),
            "matched_floor": float(np.mean(floors)),
            "matched_windows": int(np.mean(counts)),
        }


@dataclass(frozen=True, slots=True, eq=False)
class BodyReference:
    """Captured bodies to hold others against."""

    people: Mapping[str, Sequence[Array]]
    """Subject -> takes [T, 22, 3]."""
    spaces: tuple[Space, ...]

    @classmethod
    def of(cls, people: Mapping[str, Sequence[Array]]) -> "BodyReference":
        captured = [take for takes in people.values() for take in takes]
        return cls(people, tuple(Space.of(kind, captured) for kind in KINDS))

    def report(self, made: Mapping[str, Sequence[Array]]) -> dict[str, Any]:
        """Per kind: distances of each set of takes, the floors and controls no body would pass."""
        controls = self._controls()
        found: dict[str, Any] = {}
        for space in self.spaces:
            found[space.kind] = {
                "protocol": space.features.protocol,
                "captured_windows": sum(len(half.features) for half in space.halves),
                "made": {name: space.distances(takes) for name, takes in made.items()},
                "floor_half_to_half": space.floor(),
                "floor_one_subject_to_the_others": self._between_people(space),
                "controls": {name: space.distances(takes) for name, takes in controls.items()},
            }
        return found

    def _between_people(self, space: Space) -> dict[str, float]:
        """Mean over the subjects: what another person at other tasks costs."""
        to_all, matched = [], []
        for _, *both in each_and_others(self.people):
            mine, others = (_cut(space.features, space.kind, each) for each in both)
            to_all.append(_mean_distance(mine.features, others.features))
            matched.append(_matched(mine, others)[0])
        return {"to_all": mean_known(to_all), "matched": mean_known(matched)}

    def _controls(self) -> dict[str, list[Array]]:
        every = np.concatenate([root_relative(t) for takes in self.people.values() for t in takes])
        rng = np.random.default_rng(5)
        mean, spread = every.mean(axis=0), every.std(axis=0)
        return {
            STILL: [np.tile(mean, (len(every), 1, 1))],
            SHUFFLED: [every[rng.permutation(len(every))]],
            NOISE: [mean + spread * rng.standard_normal(every.shape)],
        }


def _signal(kind: str, take: Array) -> Array:
    if kind == "posture":
        return facing_forward(take)
    velocity = np.diff(facing_forward(low_passed(take)), axis=0) * FPS
    speed = np.linalg.norm(velocity.reshape(len(velocity), -1, 3), axis=-1).mean(axis=1)
    around = uniform_filter1d(speed, FPS, mode="nearest")
    signal: Array = velocity / np.maximum(around, _LEAST_M_S)[:, None]
    return signal


def _cut(features: RealFeatures, kind: str, takes: Sequence[Array]) -> Cut:
    rows, speeds = [np.zeros((0, features.basis.shape[1]))], [np.zeros(0)]
    for take in takes:
        found = features.of([_signal(kind, take)])
        moved = np.diff(facing_forward(take), axis=0).reshape(len(take) - 1, -1, 3)
        speed = np.linalg.norm(moved, axis=-1).mean(axis=1) * FPS
        means = np.convolve(speed, np.ones(features.window) / features.window, mode="valid")
        rows.append(found)
        speeds.append(means[:: features.stride][: len(found)])
    return Cut(np.concatenate(rows), np.concatenate(speeds))


def _mean_distance(a: Array, b: Array) -> float:
    """Of samples brought to one size, since distances fall with it."""
    size = min(len(a), len(b))
    rng = np.random.default_rng(0)
    return frechet_distance(thinned(a, size, rng), thinned(b, size, rng))


def _matched(a: Cut, b: Cut, *, like: Cut | None = None) -> tuple[float, int]:
    """Distance of as many windows from each bin of speed as both sides (and `like`) have."""
    rng = np.random.default_rng(0)
    mine: list[Array] = []
    theirs: list[Array] = []
    sides = [a, b] if like is None else [a, b, like]
    bins = [np.digitize(each.speed_m_s, EDGES_M_S) for each in sides]
    for index in range(1, len(EDGES_M_S)):
        count = min(int((each == index).sum()) for each in bins)
        for side, inside, kept in ((a, bins[0], mine), (b, bins[1], theirs)):
            kept.append(thinned(side.features[inside == index], count, rng))
    first, second = np.concatenate(mine), np.concatenate(theirs)
    return frechet_distance(first, second), len(first)
