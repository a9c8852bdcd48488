"""glTF animation samplers: what a node does between its keyframes (glTF-2.0, appendix C)."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.gltf import Glb
from training.humanoid.clip import Array
from training.motion_files.rig_motion import MotionFileError, finite

Keys: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    times_s: Array
    """[K], rising."""
    values: Array
    """[K, 3] or quaternions [K, 4]; of a cubic spline [K, 3, width]: in-tangent, value, out."""
    interpolation: str
    """STEP, LINEAR or CUBICSPLINE."""

    def at(self, times_s: Array) -> Array:
        """[T, width]; before the first key and after the last one, the track holds still."""
        keys = self.times_s
        after = np.clip(np.searchsorted(keys, times_s, side="right"), 1, max(len(keys) - 1, 1))
        after = np.minimum(after, len(keys) - 1)
        before = np.maximum(after - 1, 0)
        span = np.where(keys[after] > keys[before], keys[after] - keys[before], 1.0)
        share = np.clip((times_s - keys[before]) / span, 0.0, 1.0)[:, None]
        if self.interpolation == "CUBICSPLINE":
            found = self._spline(before, after, span[:, None], share)
        elif self.interpolation == "STEP":
            found = np.where(share < 1, self.values[before], self.values[after])
        elif self.values.shape[-1] == 4:
            found = _arc(self.values[before], self.values[after], share)
        else:
            found = self.values[before] + share * (self.values[after] - self.values[before])
        if found.shape[-1] == 4:
            found = found / np.maximum(np.linalg.norm(found, axis=-1, keepdims=True), 1e-12)
        return found

    def _spline(self, before: Keys, after: Keys, span: Array, share: Array) -> Array:
        start, out = self.values[before, 1], self.values[before, 2] * span
        end, into = self.values[after, 1], self.values[after, 0] * span
        square, cube = share**2, share**3
        found: Array = (
            (2 * cube - 3 * square + 1) * start
            + (cube - 2 * square + share) * out
            + (3 * square - 2 * cube) * end
            + (cube - square) * into
        )
        return found


def read_track(glb: Glb, sampler: dict[str, object], width: int) -> Track:
    """One sampler of an animation.

    Raises:
        MotionFileError: keys that do not fit each other.
    """
    interpolation = str(sampler.get("interpolation", "LINEAR"))
    times, values = (_numbers(glb, int(str(sampler[end]))) for end in ("input", "output"))
    per_key = 3 if interpolation == "CUBICSPLINE" else 1
    fits = times.ndim == 1 and values.shape == (per_key * len(times), width) and len(times) > 0
    if (
        interpolation not in ("STEP", "LINEAR", "CUBICSPLINE")
        or not fits
        or (np.diff(times) < 0).any()
    ):
        raise MotionFileError(
            f"expected {per_key} values of {width} numbers at each of {len(times)} rising times, "
            f"found {list(values.shape)} with {interpolation} interpolation; "
            "export the motion again."
        )
    if per_key == 3:
        values = values.reshape(len(times), 3, width)
    return Track(times, values, interpolation)


def _numbers(glb: Glb, accessor: int) -> Array:
    return finite(glb.accessor(accessor).astype(np.float64), f"accessor {accessor}")


def _arc(start: Array, end: Array, share: Array) -> Array:
    """Spherical interpolation along the shorter way."""
    first = Rotation.from_quat(start)
    turn = (first.inv() * Rotation.from_quat(end)).as_rotvec()
    found: Array = (first * Rotation.from_rotvec(turn * share)).as_quat()
    return found
