"""Draws faces and bodies on an avatar: a sheet of moments side by side, or a film.

    python -m training.pictures --out faces.png captured=a.csv generated=b.csv
    python -m training.pictures --out mouths.png --part mouth --times 1.2 1.5 captured=a.csv
    python -m training.pictures --out dance.mp4 dance=pose.bvh

A motion is a `face.csv` as `idol animate` writes it, a BVH, a VRMA or an AMC. The avatar is any
VRM; the one that is shipped when none is given.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from training.ingest.pairs import read_pair
from training.ingest.recording import RecordingError
from training.motion_files import MotionFileError, read_motion
from training.pictures.avatar_page import (
    HOSHI,
    VIEWS,
    Array,
    AvatarFrame,
    Part,
    PicturesUnavailableError,
    open_avatar,
    pose_frames,
)
from training.pictures.sheets import contact_sheet, save_sheet, side_by_side, write_film

FILM_FPS: Final = 15


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMotion:
    """What one row of a sheet shows."""

    times_s: NDArray[np.float64]
    frames: Sequence[AvatarFrame]
    part: Part

    @property
    def length_s(self) -> float:
        return float(self.times_s[-1] - self.times_s[0])

    def at(self, time_s: float) -> AvatarFrame:
        """The frame at a time after the first; the last one stays."""
        found = int(np.searchsorted(self.times_s - self.times_s[0], time_s + 1e-6)) - 1
        return self.frames[max(found, 0)]


def read_drawn(path: Path) -> DrawnMotion:
    """A face or a body from a file.

    Raises:
        SystemExit: the file is missing, damaged, or of another kind.
    """
    try:
        if path.suffix.lower() == ".csv":
            take = read_pair(path)
            return DrawnMotion(take.times_s, [AvatarFrame(face=row) for row in take.face], "face")
        clip = read_motion(path)[0]
    except (RecordingError, MotionFileError) as error:
        raise SystemExit(str(error)) from None
    poses: Array = pose_frames(clip.local, clip.hips_m)
    times = np.arange(len(poses)) / clip.fps
    return DrawnMotion(times, [AvatarFrame(pose=row) for row in poses], "body")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("motions", nargs="+", metavar="LABEL=FILE")
    parser.add_argument("--out", type=Path, required=True, help="a PNG, or a film: MP4 or GIF")
    parser.add_argument("--avatar", type=Path, default=HOSHI, help="a VRM; default: Hoshi")
    parser.add_argument("--times", type=float, nargs="+", help="seconds; evenly when absent")
    parser.add_argument("--count", type=int, default=8, help="how many times, when they are absent")
    parser.add_argument("--part", choices=get_args(Part), help="what is shown of her")
    args = parser.parse_args(arguments)
    motions = {}
    for item in args.motions:
        label, equals, name = item.partition("=")
        if not equals:
            raise SystemExit(f"{item}: expected LABEL=FILE, found no '='.")
        motions[label] = read_drawn(Path(name))
    view = VIEWS[args.part or next(iter(motions.values())).part]
    shortest_s = min(motion.length_s for motion in motions.values())
    is_film = args.out.suffix != ".png"
    times = args.times or np.linspace(0, shortest_s, args.count, endpoint=False).tolist()
    step_s = 0.0
    if is_film:
        step_s = 1 / FILM_FPS
        times = np.arange(0, shortest_s, step_s).tolist()
    words = [f"{time_s:.2f} s" for time_s in times]
    try:
        with open_avatar(args.avatar) as page:
            drawn = {
                label: list(page.draw(map(motion.at, times), view, step_s=step_s))
                for label, motion in motions.items()
            }
    except PicturesUnavailableError as error:
        raise SystemExit(str(error)) from None
    if is_film:
        write_film(side_by_side(drawn, words), args.out, FILM_FPS)
    else:
        rows = {label: list(zip(row, words, strict=True)) for label, row in drawn.items()}
        save_sheet(contact_sheet(rows), args.out)
    print(f"{args.out}: written.")


if __name__ == "__main__":
    main()
