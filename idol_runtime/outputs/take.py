"""A character's doings as files that grow: `face.csv`, `speech.wav`, `events.jsonl`."""

import csv
import wave
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AudioChunk, FaceFrame, PoseFrame
from idol_runtime.outputs.event_line import event_line
from idol_runtime.outputs.face_csv import HEADER, face_row
from idol_runtime.timeline import Cue, Frame, PlaybackCut


class Take:
    """Files in a folder, valid after each frame; blocks as the disk does."""

    def __init__(self, folder: Path, *, sample_rate_hz: int, fps: int) -> None:
        """Makes the files.

        Raises:
            OSError: they cannot be written.
        """
        self._rate_hz = sample_rate_hz
        self._frame_us = 1_000_000 / fps
        self._start_us: int | None = None
        """Media time of the first face; nothing is written before."""
        self._end_us = 0.0
        self._cues: list[Cue] = []
        self._sound: deque[AudioChunk] = deque()
        """Of times that have not come: an interruption may take it back."""
        self._samples = 0
        with ExitStack() as files:
            self._events = files.enter_context((folder / "events.jsonl").open("wb"))
            path = folder / "face.csv"
            self._face = files.enter_context(path.open("w", newline="", encoding="utf-8"))
            self._sound_file = files.enter_context((folder / "speech.wav").open("wb"))
            self._wave = files.enter_context(wave.open(self._sound_file, "wb"))
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(sample_rate_hz)
            self._wave.writeframes(b"")
            self._rows = csv.writer(self._face, lineterminator="\n")
            self._rows.writerow(HEADER)
            self._flush()
            self._files = files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._files.close()

    def add(self, frame: Frame) -> None:
        """Writes what is certain by now.

        Raises:
            OSError: the disk failed.
        """
        match frame:
            case AudioChunk():
                self._sound.append(frame)
            case FaceFrame():
                if self._start_us is None:
                    self._start_us = frame.pts_us
                self._rows.writerow(face_row((frame.pts_us - self._start_us) / 1e6, frame))
                self._play_until(frame.pts_us)
                self._end_us = frame.pts_us + self._frame_us
            case PoseFrame():
                pass
            case _:
                self._cues.append(frame)
                if isinstance(frame, PlaybackCut):
                    self._cut(frame.pts_us)
        if self._start_us is not None:
            for cue in self._cues:
                self._events.write(event_line(cue, self._start_us))
            self._cues.clear()
        self._flush()

    def finish(self) -> None:
        """Writes the sound of the last face.

        Raises:
            OSError: the disk failed.
        """
        if self._start_us is not None:
            self._play_until(self._end_us)
        self._flush()

    def _flush(self) -> None:
        for file in (self._events, self._face, self._sound_file):
            file.flush()

    def _play_until(self, pts_us: float) -> None:
        """Writes the sound of times up to this one."""
        end = self._sample(pts_us)
        played = np.zeros(max(0, end - self._samples), np.int16)
        while self._sound and self._sample(self._sound[0].pts_us) < end:
            chunk = self._sound.popleft()
            at = self._sample(chunk.pts_us)
            if at + len(chunk.samples) > end:
                rest = chunk.samples[end - at :]
                self._sound.appendleft(AudioChunk(round(pts_us), rest))
            _lay(played, chunk.samples[: end - at], at - self._samples)
        self._wave.writeframes(played.astype("<i2").tobytes())
        self._samples += len(played)

    def _cut(self, pts_us: int) -> None:
        kept = [chunk for chunk in self._sound if chunk.pts_us < pts_us]
        self._sound = deque(
            AudioChunk(
                chunk.pts_us,
                chunk.samples[: self._sample(pts_us) - self._sample(chunk.pts_us)],
            )
            for chunk in kept
        )

    def _sample(self, pts_us: float) -> int:
        return round((pts_us - (self._start_us or 0)) * self._rate_hz / 1_000_000)


def _lay(onto: NDArray[np.int16], samples: NDArray[np.int16], at: int) -> None:
    """Puts samples at a place that may begin before the array."""
    skipped = max(0, -at)
    part = samples[skipped:]
    onto[at + skipped : at + skipped + len(part)] = part
