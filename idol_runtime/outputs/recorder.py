"""Writes what a character performs into files: sound, face, body and events."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ, AudioChunk, FaceFrame, PoseFrame
from idol_runtime.outputs.bvh import write_bvh
from idol_runtime.outputs.event_line import event_line
from idol_runtime.outputs.face_csv import write_face_csv
from idol_runtime.outputs.resample import resample_face, resample_pose
from idol_runtime.outputs.vrma import write_vrma
from idol_runtime.timeline import Cue, Frame


class Recorder:
    """An output that keeps the whole timeline."""

    def __init__(self) -> None:
        self.audio: list[AudioChunk] = []
        self.face: list[FaceFrame] = []
        self.pose: list[PoseFrame] = []
        self.cues: list[Cue] = []

    def on_frame(self, frame: Frame) -> None:
        match frame:
            case AudioChunk():
                self.audio.append(frame)
            case FaceFrame():
                self.face.append(frame)
            case PoseFrame():
                self.pose.append(frame)
            case _:
                self.cues.append(frame)

    def write(self, folder: Path, *, start_us: int, duration_us: int, fps: int) -> None:
        """Writes `speech.wav`, `face.csv`, `pose.bvh`, `pose.vrma` and `events.jsonl`.

        All begin at `start_us` on the media clock and last `duration_us`; the tables have
        one row a frame at `fps`, the first at 0 s.
        """
        folder.mkdir(parents=True, exist_ok=True)
        rows = np.arange(-(-duration_us * fps // 1_000_000), dtype=np.float64)
        times_us: NDArray[np.float64] = start_us + rows * (1_000_000 / fps)
        write_face_csv(folder / "face.csv", resample_face(self.face, times_us), fps=fps)
        poses = resample_pose(self.pose, times_us)
        write_bvh(folder / "pose.bvh", poses, fps=fps)
        if poses:
            write_vrma(folder / "pose.vrma", poses, fps=fps)
        self._write_wav(folder / "speech.wav", start_us, duration_us)
        cues = sorted(self.cues, key=lambda cue: cue.pts_us)
        (folder / "events.jsonl").write_bytes(b"".join(event_line(cue, start_us) for cue in cues))

    def _write_wav(self, path: Path, start_us: int, duration_us: int) -> None:
        sound = np.zeros(round(duration_us * AUDIO_RATE_HZ / 1_000_000), np.int16)
        for chunk in self.audio:
            at = round((chunk.pts_us - start_us) * AUDIO_RATE_HZ / 1_000_000)
            sound[at : at + len(chunk.samples)] = chunk.samples[: max(0, len(sound) - at)]
        soundfile.write(path, sound, AUDIO_RATE_HZ, subtype="PCM_16")
