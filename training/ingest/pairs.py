"""The project's own captures: `NAME.csv` (`time_s` and face channels) with `NAME.wav`.

The CSV is what `idol animate` writes, or any part of it: columns that are absent are unknown.
A recording (WAV, FLAC, OGG or MP3) without a CSV is speech without labels.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from idol_protocol.channels import FACE_CHANNELS
from training.ingest.channels import channel_of, face_of
from training.ingest.recording import CAPTURE_RATE_HZ, Kind, Recording, RecordingError
from training.ingest.sound import RECORDINGS, read_sound, sound_beside
from training.ingest.takes import MIN_PIECE_S, FaceTake, Reading, recordings_of

UNLABELLED_FPS: Final = 30.0


def read_pair(path: Path) -> FaceTake:
    """A CSV of curves and the sound of the same name.

    Raises:
        RecordingError: the table is damaged, or names a column that is no face channel.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path}: expected a CSV of face curves, but {error}.") from None
    if not lines or lines[0][0].strip() != "time_s" or len(lines[0]) < 2:
        raise RecordingError(
            f"{path}: expected a header `time_s` and face channels, found "
            f"{','.join(lines[0])[:40] if lines else 'an empty file'!r}."
        )
    channels = [_channel(path, column) for column in lines[0][1:]]
    if len(set(channels)) != len(channels):
        raise RecordingError(f"{path}: expected each channel once, found one twice.")
    try:
        table = np.array(lines[1:], np.float64).reshape(len(lines) - 1, len(lines[0]))
    except ValueError as error:
        raise RecordingError(
            f"{path}: expected {len(lines[0])} numbers in every row, but {error}."
        ) from None
    columns = {name: table[:, index] for index, name in enumerate(channels, start=1)}
    face, known = face_of(columns, len(table), str(path))
    return FaceTake(table[:, 0], face, known, sound_beside(path))


def read_unlabelled(path: Path, name: str, speaker: str, fps: float) -> Reading[Recording]:
    """Sound alone: nothing about the face is known."""
    sound = read_sound(path)
    frames = int(len(sound.samples) * fps / CAPTURE_RATE_HZ)
    if frames < MIN_PIECE_S * fps:
        raise RecordingError(f"{path}: expected at least {MIN_PIECE_S:g} s of sound, found less.")
    face = np.zeros((frames, len(FACE_CHANNELS)), np.float32)
    known = np.zeros(len(FACE_CHANNELS), np.bool_)
    audio = sound.between(0.0, frames / fps)
    return Reading([Recording(name, speaker, fps, face, known, audio)], [])


def _channel(path: Path, column: str) -> str:
    name = channel_of(column)
    if name is None:
        raise RecordingError(
            f"{path}: expected columns named as in `face.csv` (jawOpen, headYaw, ...), "
            f"found {column[:40]!r}."
        )
    return name


@dataclass(frozen=True, slots=True)
class Pairs:
    """The adapter."""

    fps: float | None = None
    kind: ClassVar[Kind] = "pairs"
    patterns: ClassVar[tuple[str, ...]] = (".csv", *RECORDINGS)

    def read(self, path: Path, name: str, speaker: str) -> Reading[Recording]:
        if path.suffix.lower() in RECORDINGS:
            return read_unlabelled(path, name, speaker, self.fps or UNLABELLED_FPS)
        return recordings_of(name, speaker, read_pair(path), self.fps)
