"""Files of motion with sound of the same name: BVH, Acclaim (also in archives), VRMA.

`NAME.wav` is the sound of `NAME.bvh` and begins with it. An archive holds many performances: they
are called NAME_1, NAME_2, ... and the card's notes say which is which.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from idol_protocol.frames import FPS
from training.humanoid.clip import Clip
from training.ingest.bodies import BodyRecording, recording_of
from training.ingest.card import Kind, RecordingError
from training.ingest.sound import Sound, sound_beside
from training.ingest.takes import MIN_PIECE_S, Reading
from training.motion_files import MotionFileError, read_motion

ARCHIVES: Final = (".tar.xz", ".tar.gz", ".tar")


def body_with_sound(
    name: str, speaker: str, clip: Clip, sound: Sound | None, activity: str
) -> tuple[BodyRecording, list[str]]:
    """As long as there are both frames and sound; what was cut and what the file had wrong.

    Raises:
        RecordingError: less than a second is left.
    """
    frames, notes = len(clip.local), [f"{name}: {note}" for note in clip.notes]
    if sound is not None:
        frames = min(frames, int(sound.end_s * clip.fps + 1e-6))
        cut_s = (len(clip.local) - frames) / clip.fps
        if cut_s > 0.1:
            notes.append(f"{name}: {cut_s:.2f} s without sound were cut")
    if frames < MIN_PIECE_S * clip.fps:
        raise RecordingError(
            f"{name}: expected at least {MIN_PIECE_S:g} s of motion, found {frames / clip.fps:.2f}."
        )
    kept = Clip(name, clip.fps, clip.local[:frames], clip.hips_m[:frames], clip.known)
    audio = None if sound is None else sound.between(0.0, frames / clip.fps)
    return recording_of(kept, speaker, audio, activity=activity), notes


def read_clips(path: Path, fps: float) -> list[Clip]:
    """Every performance in a file.

    Raises:
        RecordingError: the file is damaged, or holds no motion.
    """
    try:
        clips = read_motion(path, fps=round(fps))
    except MotionFileError as error:
        raise RecordingError(str(error)) from None
    if not clips:
        raise RecordingError(f"{path}: expected motion, found none.")
    return clips


@dataclass(frozen=True, slots=True)
class Motions:
    """The adapter for any motion file."""

    fps: float | None = None
    activity: str = ""
    kind: ClassVar[Kind] = "motion"
    patterns: ClassVar[tuple[str, ...]] = (".bvh", ".amc", ".vrma", *ARCHIVES)

    def read(self, path: Path, name: str, speaker: str) -> Reading[BodyRecording]:
        clips = read_clips(path, self.fps or FPS)
        sound = sound_beside(path) if len(clips) == 1 else None
        recordings: list[BodyRecording] = []
        notes: list[str] = []
        for clip in clips:
            own = name if len(clips) == 1 else f"{name}_{len(recordings) + 1}"
            try:
                recording, cut = body_with_sound(own, speaker, clip, sound, self.activity)
            except RecordingError as error:
                notes.append(f"left away: {error}")
                continue
            recordings.append(recording)
            notes += cut if own == name else [f"{own}: is {clip.name}", *cut]
        if not recordings:
            raise RecordingError(f"{path}: expected performances of {MIN_PIECE_S:g} s, found none.")
        return Reading(recordings, notes)


@dataclass(frozen=True, slots=True)
class BeatBodies:
    """BEAT-style bodies (Liu et al. 2022): `NAME.bvh` with `NAME.wav`; other files are not read.

    The data itself is for non-commercial use.
    """

    fps: float | None = None
    activity: str = "speak"
    kind: ClassVar[Kind] = "beat-body"
    patterns: ClassVar[tuple[str, ...]] = (".bvh",)

    def read(self, path: Path, name: str, speaker: str) -> Reading[BodyRecording]:
        sound = sound_beside(path)
        if sound is None:
            raise RecordingError(f"{path}: expected a recording of the same name, found none.")
        clip, *more = read_clips(path, self.fps or FPS)
        if more:
            raise RecordingError(f"{path}: expected one performance, found {1 + len(more)}.")
        recording, notes = body_with_sound(name, speaker, clip, sound, self.activity)
        return Reading([recording], notes)
