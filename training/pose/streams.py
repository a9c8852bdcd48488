"""Clips as rows that walk through them, window by window."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.pose.conditions import PoseConditions
from training.pose.data import PoseClips

MANNER_FRAMES = 90


@dataclass(frozen=True, slots=True, eq=False)
class ClipBatch:
    """B windows of T frames."""

    given: PoseConditions
    motion: Tensor
    """[B, T, 95], the targets."""
    known: Tensor
    """[B, 95], 1 where a channel is taught or was captured."""
    captured: Tensor
    """[B], 1 for rows of captures."""
    begins: Tensor
    """[B, 1], 1 for rows that begin a clip: their state is to be empty."""
    manner: Tensor
    """[B, 90, 95], another window of the same clip, from which its style is read."""

    def to(self, device: torch.device) -> "ClipBatch":
        given = PoseConditions(*(each.to(device) for each in self.given))
        rest = (self.motion, self.known, self.captured, self.begins, self.manner)
        return ClipBatch(given, *(each.to(device) for each in rest))


class PoseStreams:
    """Every row of a batch walks through a clip window by window, then begins another.

    The first rows walk through captures when there are any. What is drawn depends on the seed and
    the step alone, so a run that resumes goes on with the same clips.
    """

    def __init__(
        self,
        taught: PoseClips,
        captured: PoseClips | None,
        *,
        rows: int,
        frames: int,
        captured_share: float,
        seed: int,
    ) -> None:
        self.taught, self.captured = taught, captured
        self.rows, self.frames, self.seed = rows, frames, seed
        self.captured_rows = round(captured_share * rows) if captured else 0

    def at(self, step: int) -> ClipBatch:
        parts = [self._part(self.taught, self.captured_rows, self.rows, step, 0.0)]
        if self.captured and self.captured_rows:
            parts.insert(0, self._part(self.captured, 0, self.captured_rows, step, 1.0))
        if len(parts) == 1:
            return parts[0]
        first, second = parts
        given = PoseConditions(*map(_joined, first.given, second.given))
        rest = ("motion", "known", "captured", "begins", "manner")
        return ClipBatch(given, *(_joined(getattr(first, n), getattr(second, n)) for n in rest))

    def _part(
        self, clips: PoseClips, first: int, last: int, step: int, captured: float
    ) -> ClipBatch:
        """Rows [first, last), staggered, so that some row is in each part of its clip."""
        windows = clips.motion.shape[1] // self.frames
        rows = np.arange(first, last)
        turn = step + rows * windows // self.rows
        rounds, window = turn // windows, turn % windows
        drawn = [self._draw(clips, int(r), int(each)) for r, each in zip(rows, rounds, strict=True)]
        clip = torch.tensor(drawn)[:, None]
        frames = torch.from_numpy(window * self.frames)[:, None] + torch.arange(self.frames)
        begins = torch.from_numpy((window == 0).astype(np.float32))[:, None]
        return ClipBatch(
            clips.given.select((clip, frames)),
            clips.motion[clip, frames],
            clips.known[clip[:, 0]],
            torch.full((len(rows),), captured),
            begins,
            clips.motion[clip, self._manner(clips, rows, step)],
        )

    def _draw(self, clips: PoseClips, row: int, turn: int) -> int:
        return int(np.random.default_rng((self.seed, row, turn)).integers(len(clips)))

    def _manner(self, clips: PoseClips, rows: NDArray[np.intp], step: int) -> Tensor:
        rng = np.random.default_rng((self.seed, step))
        length = min(MANNER_FRAMES, clips.motion.shape[1])
        starts = rng.integers(clips.motion.shape[1] - length + 1, size=(len(rows), 1))
        return torch.from_numpy(starts) + torch.arange(length)


def _joined(first: Tensor, second: Tensor) -> Tensor:
    return torch.cat([first, second])
