"""The randomness of motion: a `NoiseLaw` drawn frame by frame, one row a character.

Random numbers come from a counter-based generator (the SplitMix64 finaliser, Steele et al. 2014),
so a row's stream depends on its seed and frame count alone, not on who shares its batch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_protocol.noise import NoiseLaw


@dataclass(frozen=True, slots=True, eq=False)
class NoiseState:
    """Everything the next frame depends on. Rows: B characters, N channels, G hold groups."""

    seeds: NDArray[np.uint64]
    """[B]"""
    ticks: NDArray[np.uint64]
    """[B], frames drawn so far."""
    values: NDArray[np.float32]
    """[B, N], the noise of the frame drawn last."""
    remaining_s: NDArray[np.float32]
    """[B, G], time until each group takes a fresh value."""


class Noise:
    def __init__(self, law: NoiseLaw, fps: float) -> None:
        self.law = law
        self._ou = len(law.ou_seconds)
        self._keep = np.exp(-1 / (fps * np.array(law.ou_seconds, np.float64))).astype(np.float32)
        self._fresh = np.sqrt(1 - self._keep**2)
        self._frame_s = np.float32(1 / fps)
        self._group = np.repeat(np.arange(len(law.hold)), [group.channels for group in law.hold])
        self._log_median = np.log([group.median_s for group in law.hold]).astype(np.float32)
        self._sigma = np.array([group.sigma for group in law.hold], np.float32)

    def initial_state(self, seeds: NDArray[np.integer]) -> NoiseState:
        """A state per seed [B], drawn from the stationary distribution."""
        rows: NDArray[np.uint64] = seeds.astype(np.uint64)
        ticks = np.zeros(len(rows), np.uint64)
        draws = self._normals(rows, ticks)
        values, holds = draws[:, : self.law.size], draws[:, self.law.size :]
        remaining = np.exp(self._log_median + self._sigma * holds).astype(np.float32)
        return NoiseState(rows, ticks + np.uint64(1), values, remaining)

    def step(self, state: NoiseState) -> tuple[NDArray[np.float32], NoiseState]:
        """The noise of the next frame, [B, N], and the next state."""
        draws = self._normals(state.seeds, state.ticks)
        fresh, holds = draws[:, : self.law.size], draws[:, self.law.size :]
        wandering = self._keep * state.values[:, : self._ou] + self._fresh * fresh[:, : self._ou]
        left = state.remaining_s - self._frame_s
        expired = left <= 0
        held = np.where(expired[:, self._group], fresh[:, self._ou :], state.values[:, self._ou :])
        left = np.where(expired, np.exp(self._log_median + self._sigma * holds), left)
        values = np.concatenate([wandering, held], axis=1).astype(np.float32)
        return values, NoiseState(
            state.seeds, state.ticks + np.uint64(1), values, left.astype(np.float32)
        )

    def _normals(self, seeds: NDArray[np.uint64], ticks: NDArray[np.uint64]) -> NDArray[np.float32]:
        """Standard normals [B, N + G] for these frames, by Box and Muller."""
        count = self.law.size + len(self.law.hold)
        lanes = np.arange(2 * count, dtype=np.uint64)
        with np.errstate(over="ignore"):
            row = _mix(_mix(seeds) + ticks)
            bits = _mix(row[:, None] + lanes * np.uint64(0x9E3779B97F4A7C15))
        uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
        radius = np.sqrt(-2 * np.log(uniform[:, :count]))
        normals: NDArray[np.float64] = radius * np.cos(2 * np.pi * uniform[:, count:])
        return normals.astype(np.float32)


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The SplitMix64 output function: a bijection that scatters neighbouring integers."""
    with np.errstate(over="ignore"):
        bits = bits + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return bits ^ (bits >> np.uint64(31))
