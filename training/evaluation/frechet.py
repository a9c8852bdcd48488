"""Frechet distance on features of real motion (FID's formula, Heusel et al. 2017).

A feature is a window of motion [x, dx], every channel divided by its real spread, projected on the
leading principal components of real windows. The projection is fitted on real takes only and named
by a protocol id: distances under different ids, or from papers, cannot be compared. The distance
of two finite samples of one law is not 0 and falls with their size: it is read with its floor,
and samples of one size are compared.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RealFeatures:
    """A frozen projection of motion windows."""

    family: str
    """Of protocols; changes with the kind of motion and with what is made of it."""
    channels: tuple[str, ...]
    window: int
    stride: int
    spread: Array
    """[2 C], of x and dx over the real takes."""
    centre: Array
    basis: Array
    """[window * 2 C, D], columns orthogonal and so long that real features have total variance 1:
    a distance of 1 is as far as the real windows are spread."""

    @classmethod
    def fit(
        cls,
        takes: Sequence[Array],
        channels: Sequence[str],
        *,
        family: str,
        window: int = 32,
        stride: int = 8,
        components: int = 16,
    ) -> Self:
        """From real takes [frames, C], at `window` + 1 frames or more each.

        Raises:
            ValueError: fewer windows than twice the components.
        """
        signals = [_with_velocity(take) for take in takes]
        spread = np.maximum(np.concatenate(signals).std(axis=0), 1e-4)
        rows = np.concatenate([_cut(signal / spread, window, stride) for signal in signals])
        if len(rows) < 2 * components:
            raise ValueError(
                f"expected at least {2 * components} windows of real motion, got {len(rows)}"
            )
        centre = rows.mean(axis=0)
        _, sizes, axes = np.linalg.svd(rows - centre, full_matrices=False)
        variance = np.square(sizes[:components]).sum() / (len(rows) - 1)
        basis = axes[:components].T / np.sqrt(variance)
        return cls(family, tuple(channels), window, stride, spread, centre, basis)

    @property
    def protocol(self) -> str:
        """Names the features: equal ids mean comparable distances."""
        # Signs of principal axes are arbitrary; rounding keeps the id equal across BLAS builds.
        made_of = np.round(np.abs(self.basis[:64, :4] / np.abs(self.basis).max()), 2) + 0.0
        digest = hashlib.sha256(made_of.tobytes() + ",".join(self.channels).encode())
        return (
            f"{self.family}/w{self.window}/s{self.stride}/c{len(self.channels)}"
            f"/pca{self.basis.shape[1]}/{digest.hexdigest()[:8]}"
        )

    def of(self, takes: Sequence[Array]) -> Array:
        """Features [N, D] of motion takes [frames, C]; takes shorter than a window give none."""
        rows = [
            _cut(_with_velocity(take) / self.spread, self.window, self.stride)
            for take in takes
            if len(take) >= self.window + 1
        ]
        if not rows:
            return np.zeros((0, self.basis.shape[1]))
        features: Array = (np.concatenate(rows) - self.centre) @ self.basis
        return features


def frechet_distance(a: Array, b: Array) -> float:
    """Between the Gaussians fitted to two samples [N, D]; nan for samples no larger than D."""
    if min(len(a), len(b)) <= a.shape[1]:
        return float("nan")
    return gaussian_distance(
        a.mean(axis=0), np.cov(a, rowvar=False), b.mean(axis=0), np.cov(b, rowvar=False)
    )


def gaussian_distance(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> float:
    """Squared 2-Wasserstein: |ma - mb|^2 + tr(Ca + Cb - 2 (Ca^1/2 Cb Ca^1/2)^1/2)."""
    values, vectors = np.linalg.eigh(np.atleast_2d(cov_a))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    between = np.linalg.eigvalsh(root @ np.atleast_2d(cov_b) @ root)
    shared = np.sqrt(np.maximum(between, 0)).sum()
    gap = np.square(mean_a - mean_b).sum()
    return float(max(gap + np.trace(np.atleast_2d(cov_a)) + np.trace(np.atleast_2d(cov_b))
                     - 2 * shared, 0.0))  # fmt: skip


def each_and_others(
    people: Mapping[str, Sequence[T]],
) -> Iterator[tuple[str, list[T], list[T]]]:
    """Everybody's takes with those of all others; nobody when there is only one."""
    for name, mine in people.items():
        if others := [take for other, ts in people.items() if other != name for take in ts]:
            yield name, list(mine), others


def interleaved(takes: Sequence[Array], block: int) -> tuple[list[Array], list[Array]]:
    """Two halves of the same takes, in blocks of so many frames by turns."""
    halves: tuple[list[Array], list[Array]] = ([], [])
    turn = 0
    for take in takes:
        for start in range(0, len(take), block):
            halves[turn].append(take[start : start + block])
            turn = 1 - turn
    return halves


def thinned(features: Array, count: int, rng: np.random.Generator) -> Array:
    """At most `count` rows, drawn without replacement."""
    if len(features) <= count:
        return features
    chosen: Array = features[rng.choice(len(features), count, replace=False)]
    return chosen


def _with_velocity(take: Array) -> Array:
    """[frames, C] -> [frames - 1, 2 C]."""
    return np.concatenate([take[1:], np.diff(take, axis=0)], axis=1).astype(np.float64)


def _cut(signal: Array, window: int, stride: int) -> Array:
    if len(signal) < window:
        return np.zeros((0, window * signal.shape[1]))
    views = np.lib.stride_tricks.sliding_window_view(signal, window, axis=0)[::stride]
    return views.reshape(len(views), -1)
