"""The pictures of a film, and what a landmarker sees in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.ingest.card import RecordingError
from training.ingest.needed import needed

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class Sightings(Generic[Seen]):
    """What was seen in a film, and when."""

    times_s: list[float]
    """Increasing."""
    found: list[Seen]
    frames: int
    """All frames of the film, also those that show nothing."""

    @property
    def blind(self) -> int:
        """How many frames show nothing."""
        return self.frames - len(self.found)


def follow(
    path: Path,
    find: Callable[[NDArray[np.uint8], float], Seen | None],
    progress: Callable[[float], None],
) -> Sightings[Seen]:
    """Looks at every picture of a film.

    Args:
        path: any film that FFmpeg opens.
        find: what to look with; takes a picture [height, width, 3] and its time in seconds.
        progress: called with the share of the film that is done.

    Raises:
        RecordingError: the film is damaged.
    """
    times_s: list[float] = []
    found: list[Seen] = []
    frames = 0
    for picture, time_s, share in pictures(path):
        frames += 1
        if (seen := find(picture, time_s)) is not None:
            times_s.append(time_s)
            found.append(seen)
        progress(share)
    return Sightings(times_s, found, frames)


def pictures(path: Path) -> Iterator[tuple[NDArray[np.uint8], float, float]]:
    """Upright RGB pictures [height, width, 3], their times and the share of the film so far."""
    av = needed("av", "decode films")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise RecordingError(f"{path}: expected a film, found no pictures in it.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            length_s = (container.duration or 0) / av.time_base
            last_s = -np.inf
            for frame in container.decode(stream):
                # A frame without a time, or one that goes back, has no place on the clock.
                if frame.time is None or frame.time <= last_s:
                    continue
                last_s = float(frame.time)
                yield _upright(frame), last_s, min(last_s / length_s, 1.0) if length_s else 0.0
    except (av.FFmpegError, ValueError) as error:
        raise RecordingError(f"{path}: expected a film, but {error}.") from None


def _upright(frame: Any) -> NDArray[np.uint8]:
    """Phones film sideways and write down how to turn the picture."""
    picture: NDArray[np.uint8] = frame.to_ndarray(format="rgb24")
    return np.rot90(picture, round(frame.rotation / 90) % 4)
