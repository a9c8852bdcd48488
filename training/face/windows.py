"""Batches: windows of streams, with the window from which each row's style is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.face.augment import vary_voice
from training.face.data import Stream
from training.face.model import FaceConditions


@dataclass(frozen=True, slots=True)
class FaceBatch:
    """B rows of T frames; captured rows come first."""

    given: FaceConditions
    target: Tensor
    """[B, T, 51]"""
    mask: Tensor
    """[B, 51]"""
    closed: Tensor
    """[B, T]"""
    spoken: Tensor
    """[B, T, 20], the phoneme classes at the look-ahead; zeros when unknown."""
    captured: Tensor
    """[B], 1 for rows of captures."""
    manner: Tensor
    """[B, T, 51], other frames of the same streams: what the style is read from."""

    def to(self, device: torch.device) -> "FaceBatch":
        given = FaceConditions(*(value.to(device) for value in self.given))
        rest = (self.target, self.mask, self.closed, self.spoken, self.captured, self.manner)
        return FaceBatch(given, *(value.to(device) for value in rest))


class FaceWindows:
    """Random windows of streams; sound and phonemes run ahead by the look-ahead."""

    def __init__(
        self,
        streams: Sequence[Stream],
        *,
        rows: int,
        frames: int,
        lookahead_frames: int,
        captured_share: float,
    ) -> None:
        self._frames, self._ahead, self._rows = frames, lookahead_frames, rows
        usable = [each for each in streams if len(each.audio) > frames + lookahead_frames]
        self._kinds = [[each for each in usable if each.captured is kind] for kind in (True, False)]
        if not all(self._kinds):
            captured_share = 1.0 if self._kinds[0] else 0.0
        self._captured_rows = round(captured_share * rows)

    def draw(self, rng: np.random.Generator) -> FaceBatch:
        """A batch in which every voice is varied."""
        captured, taught = self._kinds
        chosen = [
            self._pick(captured if row < self._captured_rows else taught, rng)
            for row in range(self._rows)
        ]
        streams = [stream for stream, _ in chosen]
        now = [slice(start, start + self._frames) for _, start in chosen]
        ahead = [slice(s.start + self._ahead, s.stop + self._ahead) for s in now]
        elsewhere = [self._elsewhere(stream, rng) for stream in streams]

        def rows(name: str, spans: list[slice]) -> NDArray[np.float32]:
            return np.stack(
                [getattr(s, name)[span] for s, span in zip(streams, spans, strict=True)]
            )

        def tensor(name: str, spans: list[slice]) -> Tensor:
            return torch.from_numpy(rows(name, spans))

        return FaceBatch(
            FaceConditions(
                torch.from_numpy(vary_voice(rows("audio", ahead), rng)),
                tensor("phonemes", ahead),
                *(tensor(name, now) for name in ("activity", "emotion", "style", "noise")),
            ),
            target=tensor("target", now),
            mask=torch.from_numpy(np.stack([stream.mask for stream in streams])),
            closed=tensor("closed", now),
            spoken=tensor("spoken", ahead),
            captured=torch.tensor([float(stream.captured) for stream in streams]),
            manner=tensor("target", elsewhere),
        )

    def _pick(self, streams: Sequence[Stream], rng: np.random.Generator) -> tuple[Stream, int]:
        lengths = np.array([len(stream.audio) for stream in streams], float)
        stream = streams[rng.choice(len(streams), p=lengths / lengths.sum())]
        return stream, int(rng.integers(len(stream.audio) - self._frames - self._ahead))

    def _elsewhere(self, stream: Stream, rng: np.random.Generator) -> slice:
        start = int(rng.integers(len(stream.audio) - self._frames))
        return slice(start, start + self._frames)
