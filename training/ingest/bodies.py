"""Captured bodies on disk: the data sets of `training.ingest.card`, with motion in place of a face.

A data set holds faces or bodies, never both. Joint rotations are kept in six numbers (Zhou et al.
2019), which is what the generator learns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, POSE_BONES
from training.humanoid.clip import Clip
from training.humanoid.skeleton import matrix_from_rot6d, rot6d_from_matrix
from training.ingest.card import DatasetCard, RecordingError, write_card
from training.ingest.files import (
    CAPTURE_RATE_HZ,
    Arrays,
    naming_problems,
    read_all,
    read_arrays,
    sound_problems,
    write_arrays,
)

BONES: Final = len(POSE_BONES)
REST_6D: Final = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_TOLERANCE: Final = 1e-3
_FARTHEST_M: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class BodyRecording:
    """One take of one performer; frame i covers [i / fps, (i + 1) / fps) seconds.

    Raises:
        RecordingError: shapes, ranges or types do not fit.
    """

    name: str
    """Unique in its data set; also the file's name."""
    speaker: str
    """Who performs."""
    fps: float
    local_6d: NDArray[np.float32]
    """[frames, 22, 6], first and second column of each local rotation in `POSE_BONES` order."""
    hips_m: NDArray[np.float32]
    """[frames, 3], translation of the hips from rest; the floor is y = 0."""
    known: NDArray[np.bool_]
    """[22], which bones were captured; the others hold the identity."""
    audio: NDArray[np.int16] | None = None
    """[n] mono at `audio_rate_hz`, sample 0 at the start of frame 0; None where there is none."""
    audio_rate_hz: int = CAPTURE_RATE_HZ
    activity: str = ""
    """Which of `ACTIVITIES` the performer is at throughout; empty where nobody says."""

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise RecordingError(f"Recording {self.name!r}: {problem}.")

    @property
    def seconds(self) -> float:
        return len(self.local_6d) / self.fps


@dataclass(frozen=True, slots=True)
class BodyDataset:
    card: DatasetCard
    recordings: tuple[BodyRecording, ...]


def recording_of(
    clip: Clip,
    speaker: str,
    audio: NDArray[np.int16] | None = None,
    *,
    name: str | None = None,
    activity: str = "",
) -> BodyRecording:
    """A clip as a recording; the sound is 16 kHz mono and begins with the clip."""
    six = rot6d_from_matrix(torch.from_numpy(clip.local)).numpy()
    return BodyRecording(
        name=clip.name if name is None else name,
        speaker=speaker,
        fps=clip.fps,
        local_6d=six.astype(np.float32),
        hips_m=clip.hips_m.astype(np.float32),
        known=clip.known,
        audio=audio,
        activity=activity,
    )


def clip_of(recording: BodyRecording) -> Clip:
    """The motion of a recording as rotation matrices."""
    six = torch.from_numpy(recording.local_6d.astype(np.float64))
    return Clip(
        recording.name,
        recording.fps,
        matrix_from_rot6d(six).numpy(),
        recording.hips_m.astype(np.float64),
        recording.known,
    )


def write_body(folder: Path, card: DatasetCard, recording: BodyRecording) -> Path:
    """Writes `NAME.npz` whole or not at all."""
    sound = {} if recording.audio is None else {"audio": recording.audio}
    arrays = {
        "speaker": np.array(recording.speaker),
        "fps": np.array(recording.fps),
        "local_6d": recording.local_6d,
        "hips_m": recording.hips_m,
        "known": recording.known,
        "audio_rate_hz": np.array(recording.audio_rate_hz),
        "activity": np.array(recording.activity),
    }
    return write_arrays(folder, card, recording.name, arrays | sound)


def write_body_dataset(
    folder: Path, card: DatasetCard, recordings: Iterable[BodyRecording]
) -> None:
    """Writes the card, then every recording; files of the same name are replaced."""
    write_card(folder, card)
    for recording in recordings:
        write_body(folder, card, recording)


def read_body(path: Path, card: DatasetCard) -> BodyRecording:
    """One `.npz`, checked against the card of its folder.

    Raises:
        RecordingError: the file is damaged, holds a face, or came under another licence than the
            card says.
    """

    def body(held: Arrays) -> BodyRecording:
        return BodyRecording(
            name=path.stem,
            speaker=str(held["speaker"]),
            fps=float(held["fps"]),
            local_6d=held["local_6d"],
            hips_m=held["hips_m"],
            known=held["known"],
            audio=held.get("audio"),
            audio_rate_hz=int(held["audio_rate_hz"]),
            activity=str(held["activity"]),
        )

    return read_arrays(path, card, "body", body)


def read_body_dataset(folder: Path) -> BodyDataset:
    """All recordings of a data set of bodies, by name.

    Raises:
        SystemExit: no card, no recordings, or a damaged one.
    """
    return BodyDataset(*read_all(folder, read_body))


def read_body_datasets(root: Path, names: Sequence[str]) -> list[BodyRecording]:
    """All recordings of the data sets `root/NAME`, in the order of the names.

    Their cards, which decide whether the weights may be shipped, are `read_card(root / NAME)`.

    Raises:
        SystemExit: one of them is not there, damaged, or holds faces.
    """
    datasets = [read_body_dataset(root / name) for name in names]
    return [recording for dataset in datasets for recording in dataset.recordings]


def _problems(recording: BodyRecording) -> Iterable[str]:
    """What is wrong, worst first."""
    six, hips_m, known = recording.local_6d, recording.hips_m, recording.known
    yield from naming_problems(recording.name, recording.speaker, recording.fps)
    if six.shape != (len(six), BONES, 6) or six.dtype != np.float32:
        yield f"expected float32 rotations [frames, {BONES}, 6], got {six.dtype} {list(six.shape)}"
        return
    if not len(six):
        yield "expected at least one frame, got 0"
    if hips_m.shape != (len(six), 3) or hips_m.dtype != np.float32:
        yield f"expected float32 hips [{len(six)}, 3], got {hips_m.dtype} {list(hips_m.shape)}"
        return
    if known.shape != (BONES,) or known.dtype != np.bool_:
        yield f"expected known bones as bool [{BONES}], got {known.dtype} {list(known.shape)}"
        return
    if not np.isfinite(six).all() or not np.isfinite(hips_m).all():
        yield "expected finite numbers, got some that are not"
        return
    if np.abs(hips_m).max(initial=0) > _FARTHEST_M:
        yield f"expected hips within {_FARTHEST_M:g} m, got {np.abs(hips_m).max():g}"
    columns = six.reshape(*six.shape[:2], 2, 3)
    if np.abs(columns @ columns.swapaxes(-1, -2) - np.eye(2)).max(initial=0) > _TOLERANCE:
        yield "expected two columns of a rotation matrix for every bone, got others"
    if (six[:, ~known] != np.array(REST_6D, np.float32)).any():
        yield "expected the identity in bones that are not known"
    if recording.activity and recording.activity not in ACTIVITIES:
        yield f"expected an activity of {', '.join(ACTIVITIES)}, got {recording.activity!r}"
    yield from sound_problems(recording.audio, recording.audio_rate_hz)
