"""Sound of any file as 16 kHz mono, and the part of it that belongs to given frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from training.ingest.needed import needed
from training.ingest.recording import CAPTURE_RATE_HZ, RecordingError
from training.ingest.resample import resample_sound

RECORDINGS: Final = (".wav", ".flac", ".ogg", ".opus", ".mp3")
COMPANIONS: Final = (*RECORDINGS, ".mov", ".mp4", ".m4a")
"""Where the sound of a capture is looked for: in its folder, under its stem."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    samples: NDArray[np.int16]
    """[n] at 16 kHz."""
    start_s: float
    """When sample 0 sounds on the clock that the frames are timed by."""

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / CAPTURE_RATE_HZ

    def between(self, start_s: float, seconds: float) -> NDArray[np.int16]:
        """Exactly this stretch, silent where there is no sound."""
        count = round(seconds * CAPTURE_RATE_HZ)
        first = round((start_s - self.start_s) * CAPTURE_RATE_HZ)
        stretch = np.zeros(count, np.int16)
        low, high = max(first, 0), min(first + count, len(self.samples))
        if low < high:
            stretch[low - first : high - first] = self.samples[low:high]
        return stretch


def sound_beside(path: Path) -> Sound | None:
    """The sound of a capture: a file of the same stem; None where there is none."""
    for suffix in COMPANIONS:
        for candidate in (path.with_suffix(suffix), path.with_suffix(suffix.upper())):
            if candidate.exists():
                return read_sound(candidate)
    return None


def read_sound(path: Path) -> Sound:
    """A recording, or the first sound track of anything else that FFmpeg opens.

    FFmpeg is asked too for recordings that libsndfile refuses, such as those that are cut off.

    Raises:
        RecordingError: the file is damaged or holds no sound.
    """
    if path.suffix.lower() not in RECORDINGS:
        sound = decode_sound(path)
        if sound is None:
            raise RecordingError(f"{path}: expected sound, found none.")
        return sound
    try:
        samples, rate_hz = soundfile.read(path, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        try:
            sound = decode_sound(path)
        except RecordingError:
            sound = None
        if sound is None:
            raise RecordingError(
                f"{path}: expected a recording, but libsndfile says: {error.error_string}"
            ) from None
        return sound
    if not samples.size:
        raise RecordingError(f"{path}: expected sound, found an empty file.")
    mono = np.nan_to_num(samples).mean(axis=1)
    return Sound(resample_sound(mono, rate_hz, CAPTURE_RATE_HZ), 0.0)


def decode_sound(path: Path) -> Sound | None:
    """The first sound track of a film, timed as the container times it; None without one.

    A track that is damaged or cut off is read as far as it goes.
    """
    av = needed("av", "decode films")
    pieces: list[NDArray[np.int16]] = []
    start_s = 0.0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                return None
            resampler = av.AudioResampler(format="s16", layout="mono", rate=CAPTURE_RATE_HZ)
            for frame in container.decode(audio=0):
                if not pieces and frame.time is not None:
                    start_s = float(frame.time)
                pieces.extend(_samples(each) for each in resampler.resample(frame))
            pieces.extend(_samples(each) for each in resampler.resample(None))
    except (av.FFmpegError, ValueError) as error:
        if not pieces:
            raise RecordingError(f"{path}: expected a film with sound, but {error}.") from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    return Sound(samples, start_s) if samples.size else None


def _samples(frame: Any) -> NDArray[np.int16]:
    return np.ascontiguousarray(frame.to_ndarray()).ravel().astype(np.int16)
