"""BEAT-style captures: `NAME.json` (`names`, `frames` of `weights` at a `time`) with `NAME.wav`.

Format of the BEAT data set (Liu et al. 2022): ARKit weights by name, 60 frames a second. The data
itself is for non-commercial use. Head rotation is left away: no convention of it is documented.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np

from training.ingest.channels import channel_of, face_of
from training.ingest.recording import Kind, Recording, RecordingError
from training.ingest.sound import sound_beside
from training.ingest.takes import FaceTake, Reading, recordings_of


class BeatFrame(msgspec.Struct, frozen=True):
    weights: list[float]
    time: float
    """Seconds since the recording began."""
    rotation: list[float] | None = None


class BeatFile(msgspec.Struct, frozen=True):
    names: list[str]
    frames: list[BeatFrame]


def read_beat(path: Path) -> tuple[FaceTake, list[str]]:
    """Curves, the sound of the same name, and what was left away.

    Raises:
        RecordingError: the file is no such JSON, or damaged.
    """
    try:
        held = msgspec.json.decode(path.read_bytes(), type=BeatFile)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(
            f"{path}: expected BEAT-style JSON with names and frames, but {error}."
        ) from None
    if not held.frames:
        raise RecordingError(f"{path}: expected frames, found none.")
    channels = [channel_of(name) for name in held.names]
    if None in channels or len(set(channels)) != len(channels):
        odd = next(
            (name for name, channel in zip(held.names, channels, strict=True) if channel is None),
            "one name twice",
        )
        raise RecordingError(f"{path}: expected ARKit names, each once, found {odd[:40]!r}.")
    for number, frame in enumerate(held.frames):
        if len(frame.weights) != len(held.names):
            raise RecordingError(
                f"{path}: expected {len(held.names)} weights in every frame, found "
                f"{len(frame.weights)} in frame {number}."
            )
    table = np.array([frame.weights for frame in held.frames], np.float64)
    columns = {name: table[:, index] for index, name in enumerate(channels) if name is not None}
    face, known = face_of(columns, len(table), str(path))
    times_s = np.array([frame.time for frame in held.frames], np.float64)
    notes = []
    if any(frame.rotation for frame in held.frames):
        notes.append("head rotation was left away, its convention is not documented")
    return FaceTake(times_s, face, known, sound_beside(path)), notes


@dataclass(frozen=True, slots=True)
class Beat:
    """The adapter."""

    fps: float | None = None
    kind: ClassVar[Kind] = "beat"
    patterns: ClassVar[tuple[str, ...]] = (".json",)

    def read(self, path: Path, name: str, speaker: str) -> Reading[Recording]:
        take, notes = read_beat(path)
        reading = recordings_of(name, speaker, take, self.fps)
        return Reading(reading.recordings, [f"{name}: {note}" for note in notes] + reading.notes)
