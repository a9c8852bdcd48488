"""Timed frames and their sound as recordings of one constant frame rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.ingest.recording import Recording, RecordingError, resampled
from training.ingest.resample import curves_at
from training.ingest.sound import Sound

MAX_GAP_S: Final = 0.3
"""Frames missing for longer than this are not made up: the take is cut in two."""
MIN_PIECE_S: Final = 1.0
R = TypeVar("R", covariant=True)
_LONGEST_S: Final = 2 * 86_400.0
_RATES: Final = (23.976, 24.0, 25.0, 29.97, 30.0, 48.0, 50.0, 59.94, 60.0, 90.0, 100.0, 120.0)


@dataclass(frozen=True, slots=True, eq=False)
class FaceTake:
    """What an adapter read: frames at their own times, with the sound on the same clock."""

    times_s: NDArray[np.float64]
    """[T], increasing; frames that were lost are simply not there."""
    face: NDArray[np.float32]
    """[T, 59]."""
    known: NDArray[np.bool_]
    """[59]."""
    sound: Sound | None


@dataclass(frozen=True, slots=True, eq=False)
class TakePiece:
    """A stretch of a take without long gaps, on a constant frame rate."""

    name: str
    fps: float
    rows: NDArray[np.intp]
    """Which of the take's frames are in it."""
    audio: NDArray[np.int16] | None
    times_s: NDArray[np.float64]
    """[rows], since the piece began."""

    def on_grid(self, curves: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values of the whole take [T, C] at this piece's even times [frames, C]."""
        grid_s = np.arange(max(1, round(_seconds(self.times_s, self.fps) * self.fps))) / self.fps
        frames = len(grid_s)
        inside = curves[self.rows]
        if frames <= len(inside) and np.abs(self.times_s[:frames] - grid_s).max() < 0.02 / self.fps:
            return inside[:frames]
        return curves_at(self.times_s, inside, grid_s)


@dataclass(frozen=True, slots=True)
class Reading(Generic[R]):
    recordings: Sequence[R]
    notes: list[str]
    """What a reader of the card should know."""


def frame_rate(times_s: NDArray[np.float64]) -> float:
    """Frames a second of times [T] with gaps and jitter, snapped to a usual rate within 0.04 %."""
    steps = np.diff(times_s)
    # Gaps are whole frames: dividing by them makes every step an estimate of one frame.
    frames = np.maximum(np.round(steps / np.median(steps)), 1)
    rate = float(frames.sum() / steps.sum())
    nearest = min(_RATES, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest - rate) / nearest < 4e-4 else rate


def recordings_of(
    name: str, speaker: str, take: FaceTake, fps: float | None = None
) -> Reading[Recording]:
    """Cuts a take where frames are missing too long, and puts the rest on a constant rate.

    Args:
        name: of the recordings; pieces of a cut take are called NAME_1, NAME_2, ...
        speaker: who is captured.
        take: what was read.
        fps: wanted frame rate; the take's own when absent.

    Raises:
        RecordingError: nothing that lasts a second is left.
    """
    pieces, notes = pieces_of(name, take.times_s, take.sound, "face")
    recordings = []
    for piece in pieces:
        face = piece.on_grid(take.face)
        whole = Recording(piece.name, speaker, piece.fps, face, take.known, piece.audio)
        recordings.append(whole if fps is None else resampled(whole, fps))
    return Reading(recordings, notes)


def pieces_of(
    name: str, times_s: NDArray[np.float64], sound: Sound | None, shown: str
) -> tuple[list[TakePiece], list[str]]:
    """The stretches of at least a second without long gaps, and what was lost between them.

    Args:
        name: of the take.
        times_s: [T], when its frames are.
        sound: on the same clock; frames without sound are left away.
        shown: what the frames show, for the error.

    Raises:
        RecordingError: nothing that lasts a second is left.
    """
    _check_times(name, times_s)
    rate = frame_rate(times_s)
    if not 1 <= rate <= 1000:
        raise RecordingError(f"{name}: expected 1 to 1000 frames a second, found {rate:g}.")
    sounding, notes = _with_sound(name, times_s, sound, rate)
    stretches, lost = _continuous(times_s[sounding], rate)
    if lost:
        notes.append(f"{name}: {lost} lost frames were interpolated")
    kept: list[NDArray[np.intp]] = []
    for rows in (sounding[stretch] for stretch in stretches):
        start_s, seconds = float(times_s[rows[0]]), _seconds(times_s[rows], rate)
        if seconds >= MIN_PIECE_S:
            kept.append(rows)
        else:
            notes.append(f"{name}: {seconds:.2f} s from {start_s:.2f} s on were too short to keep")
    if not kept:
        raise RecordingError(
            f"{name}: expected at least {MIN_PIECE_S:g} s of {shown} in a row, found none."
        )
    pieces = []
    for number, rows in enumerate(kept, start=1):
        own = name if len(kept) == 1 else f"{name}_{number}"
        start_s, seconds = float(times_s[rows[0]]), _seconds(times_s[rows], rate)
        if len(kept) > 1:
            notes.append(f"{own}: {seconds:.2f} s from {start_s:.2f} s on, cut at missing frames")
        frames = max(1, round(seconds * rate))
        audio = None if sound is None else sound.between(start_s, frames / rate)
        pieces.append(TakePiece(own, rate, rows, audio, times_s[rows] - start_s))
    return pieces, notes


def _check_times(name: str, times_s: NDArray[np.float64]) -> None:
    if len(times_s) < 2:
        raise RecordingError(f"{name}: expected at least two frames, found {len(times_s)}.")
    if not np.isfinite(times_s).all() or np.abs(times_s).max() > _LONGEST_S:
        raise RecordingError(f"{name}: expected times in seconds, within two days.")
    if (np.diff(times_s) <= 0).any():
        raise RecordingError(f"{name}: expected times that increase, found some that do not.")


def _with_sound(
    name: str, times_s: NDArray[np.float64], sound: Sound | None, rate: float
) -> tuple[NDArray[np.intp], list[str]]:
    """Rows that have sound, all of them where the take has none; and what was cut."""
    rows = np.arange(len(times_s))
    if sound is None:
        return rows, []
    rows = rows[(times_s > sound.start_s - 1 / rate) & (times_s < sound.end_s)]
    cut_s = (len(times_s) - len(rows)) / rate
    if not len(rows):
        raise RecordingError(f"{name}: expected sound and frames at one time, found none.")
    return rows, [f"{name}: {cut_s:.2f} s without sound were cut"] if cut_s > 0.1 else []


def _continuous(times_s: NDArray[np.float64], rate: float) -> tuple[list[NDArray[np.intp]], int]:
    """Rows between long gaps, and how many frames are missing in short ones."""
    missing = np.round(np.diff(times_s) * rate - 1).clip(0).astype(int)
    long = missing / rate >= MAX_GAP_S
    pieces = np.split(np.arange(len(times_s)), np.flatnonzero(long) + 1)
    return pieces, int(missing[~long].sum())


def _seconds(times_s: NDArray[np.float64], rate: float) -> float:
    return float(times_s[-1] - times_s[0]) + 1 / rate
