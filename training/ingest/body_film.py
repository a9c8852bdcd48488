"""Films of a whole person to motion on our skeleton, through MediaPipe's pose landmarker.

A part of the body (an arm, a hand, the legs, ...) is known when it is seen in most frames; frames
in which a known part is not seen are lost, as frames without a person are. Points are smoothed
before they are solved, by a Savitzky-Golay filter over 0.3 s: unlike a One Euro filter, which a
stream would need, it has no lag, and it keeps the height of a gesture's stroke. It passes what is
slower than about 5 Hz. Nobody leaves the floor, and the floor is level: the camera must be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from idol_protocol.frames import FPS
from training.ingest.bodies import BodyRecording, recording_of
from training.ingest.body_points import PARTS, POINTS, Array
from training.ingest.body_solver import solve
from training.ingest.card import Kind, RecordingError
from training.ingest.film import SUFFIXES, follow
from training.ingest.landmarker import BODY_POINTS, BodyLandmarker
from training.ingest.resample import resample_curves
from training.ingest.sound import Sound, decode_sound
from training.ingest.takes import Reading, pieces_of

SEEN: Final = 0.5
"""Least visibility of a point that counts as seen."""
MOSTLY: Final = 0.7
"""Share of the frames in which a part must be seen to be known."""
SMOOTHED_S: Final = 0.3
_TOGETHER: Final = (("left leg", "right leg"), ("left foot", "right foot"))
"""Known together or not at all: one leg alone does not say where the floor is."""
_HANGS_ON: Final = {"hand": "arm", "foot": "leg"}


@dataclass(frozen=True, slots=True, eq=False)
class BodyTake:
    """The frames of a film in which every known part is seen."""

    times_s: Array
    """[T], increasing."""
    points_m: Array
    """[T, 33, 3]"""
    parts: set[str]
    sound: Sound | None


def read_body_film(
    path: Path, task: Path, progress: Callable[[float], None]
) -> tuple[BodyTake, list[str]]:
    """Every frame with a body, at its own time, with the sound; and what was lost.

    Args:
        path: any film that FFmpeg opens.
        task: MediaPipe's `pose_landmarker_full.task`.
        progress: called with the share of the film that is done.

    Raises:
        RecordingError: the film is damaged, or shows no torso.
    """
    with BodyLandmarker(task) as landmarker:
        sightings = follow(path, landmarker.find, progress)
    bodies = sightings.found
    if len(bodies) < 2:
        raise RecordingError(f"{path}: expected a person, found one in {len(bodies)} frames.")
    blind = sightings.blind
    notes = [f"{blind} of {sightings.frames} frames show nobody"] if blind else []
    seen = parts_seen(np.stack([body.visible for body in bodies]))
    parts = known_parts(seen)
    if "torso" not in parts:
        raise RecordingError(
            f"{path}: expected shoulders and hips, found both in {seen['torso'].mean():.0%} of the "
            "frames; film from head to feet."
        )
    if missing := sorted(set(PARTS) - parts):
        notes.append(f"not seen, and left unknown: {', '.join(missing)}")
    whole = np.all([seen[part] for part in parts], axis=0)
    if hidden := int((~whole).sum()):
        notes.append(f"{hidden} frames hide a part that is otherwise seen")
    sound = decode_sound(path)
    if sound is None:
        notes.append("the film has no sound")
    times_s, points = np.array(sightings.times_s), np.stack([body.points_m for body in bodies])
    return BodyTake(times_s[whole], points[whole], parts, sound), notes


def parts_seen(visible: Array) -> dict[str, NDArray[np.bool_]]:
    """[T] for every part, from the visibility of the points [T, 33]."""
    clear = visible > SEEN
    seen: dict[str, NDArray[np.bool_]] = {
        part: np.all(clear[:, [POINTS.index(name) for name in names]], axis=1)
        for part, names in PARTS.items()
    }
    for left, right in _TOGETHER:
        seen[left] = seen[right] = np.logical_and(seen[left], seen[right])
    return seen


def known_parts(seen: dict[str, NDArray[np.bool_]]) -> set[str]:
    """Those that are seen most of the time, and hang on others that are."""
    often = {part for part, frames in seen.items() if frames.mean() >= MOSTLY}
    return {part for part in often if _bearer(part) in often}


def _bearer(part: str) -> str:
    side, _, limb = part.partition(" ")
    return f"{side} {_HANGS_ON[limb]}" if limb in _HANGS_ON else part


def smoothed(points_m: NDArray[np.float32], fps: float) -> Array:
    """Points [T, C] without jitter and without lag; see the module."""
    window = 2 * round(SMOOTHED_S * fps / 2) + 1
    if window <= 3:
        return points_m.astype(np.float64)
    window = min(window, len(points_m) - (len(points_m) + 1) % 2)
    calm: Array = savgol_filter(points_m.astype(np.float64), window, 2, axis=0, mode="interp")
    return calm


def body_recordings(
    name: str, speaker: str, take: BodyTake, fps: float, activity: str = ""
) -> Reading[BodyRecording]:
    """Cuts a take where frames are missing too long, and solves the rest.

    Raises:
        RecordingError: nothing that lasts a second is left.
    """
    pieces, notes = pieces_of(name, take.times_s, take.sound, "a whole body")
    recordings = []
    for piece in pieces:
        flat = take.points_m.reshape(-1, BODY_POINTS * 3).astype(np.float32)
        curves = resample_curves(piece.on_grid(flat), piece.fps, fps)
        points_m = smoothed(curves, fps).reshape(-1, BODY_POINTS, 3)
        clip = solve(piece.name, points_m, fps, take.parts)
        recordings.append(recording_of(clip, speaker, piece.audio, activity=activity))
    return Reading(recordings, notes)


@dataclass(frozen=True, slots=True)
class BodyFilms:
    """The adapter."""

    task: Path
    fps: float | None = None
    activity: str = ""
    progress: Callable[[float], None] = lambda share: None
    kind: ClassVar[Kind] = "film-body"
    patterns: ClassVar[tuple[str, ...]] = SUFFIXES

    def read(self, path: Path, name: str, speaker: str) -> Reading[BodyRecording]:
        take, notes = read_body_film(path, self.task, self.progress)
        reading = body_recordings(name, speaker, take, self.fps or FPS, self.activity)
        every = [*(f"{name}: {note}" for note in notes), *reading.notes]
        return Reading(reading.recordings, every)
