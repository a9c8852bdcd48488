"""What a character is about to say and has just said, on its media clock in samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.timeline import Phoneme


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch of sound at its place on the clock."""

    start: int
    samples: NDArray[np.float32]
    """Shape (n,), in [-1, 1]."""

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class PlacedPhoneme:
    symbol: str
    start_s: float
    """Media time in seconds."""
    end_s: float


class SpeechTrack:
    """Sound and phonemes around the present; the past is forgotten as frames are made."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.phonemes: list[PlacedPhoneme] = []

    @property
    def end(self) -> int:
        """The sample after the last one spoken, 0 when nothing is left."""
        return self.pieces[-1].end if self.pieces else 0

    def append(self, samples: NDArray[np.int16], not_before: int) -> int:
        """Adds sound right after what is there, or at `not_before` if that is later.

        Returns:
            The position of its first sample.
        """
        start = max(self.end, not_before)
        self.pieces.append(Piece(start, samples.astype(np.float32) / 32768.0))
        return start

    def append_phonemes(self, phonemes: tuple[Phoneme, ...], start: int) -> None:
        """Adds phonemes whose times count from the sample position `start`."""
        offset_s = start / AUDIO_RATE_HZ
        self.phonemes += [
            PlacedPhoneme(phoneme.symbol, offset_s + phoneme.start_s, offset_s + phoneme.end_s)
            for phoneme in phonemes
        ]

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Sound in [start, start + count), silence where nothing is said."""
        window = np.zeros(count, np.float32)
        for piece in self.pieces:
            first, last = max(start, piece.start), min(start + count, piece.end)
            if first < last:
                window[first - start : last - start] = piece.samples[
                    first - piece.start : last - piece.start
                ]
        return window

    def is_speaking(self, start: int, count: int) -> bool:
        return any(piece.start < start + count and start < piece.end for piece in self.pieces)

    def phonemes_between(self, start_s: float, end_s: float) -> list[PlacedPhoneme]:
        return [each for each in self.phonemes if each.start_s < end_s and start_s < each.end_s]

    def forget_before(self, sample: int) -> None:
        self.pieces = [piece for piece in self.pieces if piece.end > sample]
        seconds = sample / AUDIO_RATE_HZ
        self.phonemes = [each for each in self.phonemes if each.end_s > seconds]

    def cut(self, sample: int) -> None:
        """Drops everything from `sample` on: an interruption."""
        kept = [piece for piece in self.pieces if piece.start < sample]
        self.pieces = [Piece(piece.start, piece.samples[: sample - piece.start]) for piece in kept]
        seconds = sample / AUDIO_RATE_HZ
        self.phonemes = [each for each in self.phonemes if each.start_s < seconds]
