"""Motion files of any rig, read onto our skeleton."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from training.humanoid.clip import Clip
from training.motion_files.acclaim import read_acclaim, read_archive
from training.motion_files.bvh import read_bvh
from training.motion_files.rig_motion import MotionFileError
from training.motion_files.vrma import read_vrma

__all__ = [
    "MotionFileError",
    "read_acclaim",
    "read_archive",
    "read_bvh",
    "read_motion",
    "read_vrma",
]


def read_motion(path: Path, *, fps: int = 30) -> list[Clip]:
    """The clips of a `.bvh`, a `.vrma`, an `.amc` with its `.asf`, or a tar archive of those two.

    Raises:
        MotionFileError: another kind of file, a damaged one, or no humanoid, or no such file.
    """
    kind = next((suffix for suffix in _READERS if path.name.lower().endswith(suffix)), None)
    if kind is None:
        raise MotionFileError(
            f"{path}: expected one of {', '.join(_READERS)}, found {path.suffix or 'no suffix'}; "
            "export the motion as BVH or VRMA."
        )
    try:
        return _READERS[kind](path, fps)
    except OSError as error:
        raise MotionFileError(
            f"{path}: expected a file of motion, but {error.strerror or error}."
        ) from None


def _amc(path: Path, fps: int) -> list[Clip]:
    """CMU names recordings SUBJECT_TAKE.amc and their skeleton SUBJECT.asf."""
    names = dict.fromkeys((path.stem, path.stem.split("_")[0]))
    skeletons = [path.with_name(f"{name}.asf") for name in names]
    found = next((each for each in skeletons if each.is_file()), None)
    if found is None:
        raise MotionFileError(
            f"{path}: expected its skeleton in the same folder, found no "
            f"{' and no '.join(each.name for each in skeletons)}; put the ASF there."
        )
    return [read_acclaim(found, path, fps=fps)]


_READERS: Final[dict[str, Callable[[Path, int], list[Clip]]]] = {
    ".bvh": lambda path, fps: [read_bvh(path, fps=fps)],
    ".vrma": lambda path, fps: read_vrma(path, fps=fps),
    ".amc": _amc,
    ".tar.xz": lambda path, fps: list(read_archive(path, fps=fps)),
    ".tar.gz": lambda path, fps: list(read_archive(path, fps=fps)),
    ".tar": lambda path, fps: list(read_archive(path, fps=fps)),
}
"""By suffix."""
