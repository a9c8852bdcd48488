"""Captured faces on disk: one folder a data set, `card.toml` and one `.npz` a recording."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.ingest.card import CARD_FILE as CARD_FILE
from training.ingest.card import DatasetCard as DatasetCard
from training.ingest.card import Kind as Kind
from training.ingest.card import RecordingError as RecordingError
from training.ingest.card import read_card as read_card
from training.ingest.card import write_card as write_card
from training.ingest.files import CAPTURE_RATE_HZ as CAPTURE_RATE_HZ
from training.ingest.files import (
    Arrays,
    naming_problems,
    read_all,
    read_arrays,
    sound_problems,
    write_arrays,
)
from training.ingest.resample import resample_curves

WEIGHTS: Final = len(ARKIT_BLENDSHAPES)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One take of one speaker; frame i covers [i / fps, (i + 1) / fps) seconds.

    Raises:
        RecordingError: shapes, ranges or types do not fit.
    """

    name: str
    """Unique in its data set; also the file's name."""
    speaker: str
    fps: float
    face: NDArray[np.float32]
    """[frames, 59] in `FACE_CHANNELS` order: 52 weights in [0, 1], then degrees; unknown is 0."""
    known: NDArray[np.bool_]
    """[59], which channels were captured."""
    audio: NDArray[np.int16] | None = None
    """[n] at `audio_rate_hz`, sample 0 at the start of frame 0; None where there is no sound."""
    audio_rate_hz: int = CAPTURE_RATE_HZ

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise RecordingError(f"Recording {self.name!r}: {problem}.")

    @property
    def seconds(self) -> float:
        return len(self.face) / self.fps


@dataclass(frozen=True, slots=True)
class Dataset:
    card: DatasetCard
    recordings: tuple[Recording, ...]


def write_recording(folder: Path, card: DatasetCard, recording: Recording) -> Path:
    """Writes `NAME.npz` whole or not at all."""
    sound = {} if recording.audio is None else {"audio": recording.audio}
    arrays = {
        "speaker": np.array(recording.speaker),
        "fps": np.array(recording.fps),
        "face": recording.face,
        "known": recording.known,
        "audio_rate_hz": np.array(recording.audio_rate_hz),
    }
    return write_arrays(folder, card, recording.name, arrays | sound)


def read_recording(path: Path, card: DatasetCard) -> Recording:
    """One `.npz`, checked against the card of its folder.

    Raises:
        RecordingError: the file is damaged, holds something else, or came under another licence
            than the card says.
    """

    def face(held: Arrays) -> Recording:
        return Recording(
            name=path.stem,
            speaker=str(held["speaker"]),
            fps=float(held["fps"]),
            face=held["face"],
            known=held["known"],
            audio=held.get("audio"),
            audio_rate_hz=int(held["audio_rate_hz"]),
        )

    return read_arrays(path, card, "face", face)


def read_dataset(folder: Path) -> Dataset:
    """All recordings of a data set of faces, by name.

    Raises:
        SystemExit: no card, no recordings, or a damaged one.
    """
    return Dataset(*read_all(folder, read_recording))


def write_dataset(folder: Path, card: DatasetCard, recordings: Iterable[Recording]) -> None:
    """Writes the card, then every recording; files of the same name are replaced."""
    write_card(folder, card)
    for recording in recordings:
        write_recording(folder, card, recording)


def resampled(recording: Recording, fps: float) -> Recording:
    """The same take at another frame rate; the sound stays as it is.

    Down: what the new rate cannot carry is filtered out first. Up: monotone cubic interpolation,
    which never leaves the range of the frames around it.
    """
    if fps == recording.fps:
        return recording
    face = resample_curves(recording.face, recording.fps, fps)
    face[:, :WEIGHTS] = face[:, :WEIGHTS].clip(0, 1)
    return Recording(
        recording.name, recording.speaker, fps, face, recording.known,
        recording.audio, recording.audio_rate_hz,
    )  # fmt: skip


def _problems(recording: Recording) -> Iterable[str]:
    """What is wrong, worst first."""
    name, face, known, audio = recording.name, recording.face, recording.known, recording.audio
    yield from naming_problems(name, recording.speaker, recording.fps)
    if face.ndim != 2 or face.shape[1] != len(FACE_CHANNELS) or face.dtype != np.float32:
        yield (
            f"expected float32 curves [frames, {len(FACE_CHANNELS)}], "
            f"got {face.dtype} {list(face.shape)}"
        )
        return
    if not len(face):
        yield "expected at least one frame, got 0"
    if known.shape != (len(FACE_CHANNELS),) or known.dtype != np.bool_:
        yield (
            f"expected known channels as bool [{len(FACE_CHANNELS)}], "
            f"got {known.dtype} {list(known.shape)}"
        )
        return
    if not np.isfinite(face).all():
        yield "expected finite numbers, got some that are not"
    weights = face[:, :WEIGHTS]
    if weights.size and (weights.min() < 0 or weights.max() > 1):
        yield f"expected weights in [0, 1], got {weights.min():.3f} to {weights.max():.3f}"
    if face[:, ~known].any():
        yield "expected zeros in channels that are not known"
    yield from sound_problems(audio, recording.audio_rate_hz)
