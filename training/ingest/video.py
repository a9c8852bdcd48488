"""Films of a talking face to ARKit weights, head pose and sound, through MediaPipe.

What the landmarker cannot see is left unknown: the tongue and puffed cheeks. It sees lip closure,
press and roll poorly: learn those from elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from training.ingest.channels import face_of
from training.ingest.film import SUFFIXES, follow
from training.ingest.landmarker import SEEN, Landmarker
from training.ingest.recording import Kind, Recording, RecordingError
from training.ingest.sound import decode_sound
from training.ingest.takes import FaceTake, Reading, recordings_of

HEAD = ("headYaw", "headPitch", "headRoll")


def head_angles(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw, pitch, roll [T, 3] in degrees of head rotations [T, 3, 3] or poses [T, 4, 4].

    The matrix is turn(Y, yaw) turn(X, pitch) turn(Z, roll): positive yaw turns to the head's own
    left, positive pitch looks down, positive roll tilts to its right.
    """
    return np.degrees(
        np.stack(
            [
                np.arctan2(poses[:, 0, 2], poses[:, 2, 2]),
                np.arcsin(np.clip(-poses[:, 1, 2], -1, 1)),
                np.arctan2(poses[:, 1, 0], poses[:, 1, 1]),
            ],
            axis=1,
        )
    )


def centred(poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations [T, 3, 3] relative to the middle one of poses [T, 4, 4].

    Where the camera stood is not how the head was held: the middle rotation becomes zero.
    """
    rotations = poses[:, :3, :3]
    left, _, right = np.linalg.svd(np.median(rotations, axis=0))
    flip = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
    middle = left @ flip @ right
    return middle.T @ rotations


def read_film(
    path: Path, task: Path, *, absolute_head: bool, progress: Callable[[float], None]
) -> tuple[FaceTake, list[str]]:
    """Every frame with a face, at its own time, with the sound; and what was lost.

    Args:
        path: any film that FFmpeg opens.
        task: MediaPipe's `face_landmarker.task`.
        absolute_head: keep head angles relative to the camera.
        progress: called with the share of the film that is done.

    Raises:
        RecordingError: the film is damaged, or shows no face.
    """
    with Landmarker(task) as landmarker:
        seen = follow(path, landmarker.find, progress)
    faces = seen.found
    if len(faces) < 2:
        raise RecordingError(f"{path}: expected a face, found one in {len(faces)} frames.")
    notes = [f"{seen.blind} of {seen.frames} frames show no face"] if seen.blind else []
    poses = np.stack([face.pose for face in faces])
    angles = head_angles(poses if absolute_head else centred(poses))
    weights = np.stack([face.weights for face in faces])
    columns = dict(zip(SEEN, weights.T, strict=True)) | dict(zip(HEAD, angles.T, strict=True))
    curves, known = face_of(columns, len(faces), str(path))
    sound = decode_sound(path)
    if sound is None:
        notes.append("the film has no sound")
    return FaceTake(np.array(seen.times_s), curves, known, sound), notes


@dataclass(frozen=True, slots=True)
class Films:
    """The adapter."""

    task: Path
    fps: float | None = None
    absolute_head: bool = False
    progress: Callable[[float], None] = lambda share: None
    kind: ClassVar[Kind] = "video"
    patterns: ClassVar[tuple[str, ...]] = SUFFIXES

    def read(self, path: Path, name: str, speaker: str) -> Reading[Recording]:
        take, notes = read_film(
            path, self.task, absolute_head=self.absolute_head, progress=self.progress
        )
        reading = recordings_of(name, speaker, take, self.fps)
        return Reading(reading.recordings, [f"{name}: {note}" for note in notes] + reading.notes)
