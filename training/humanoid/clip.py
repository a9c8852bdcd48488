"""Motion on our skeleton, whatever file it came from."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One performance at one frame rate."""

    name: str
    fps: float
    local: Array
    """[T, 22, 3, 3], local rotations in `POSE_BONES` order; the identity is the T-pose."""
    hips_m: Array
    """[T, 3], translation of the hips from rest, floor at y = 0."""
    known: NDArray[np.bool_]
    """[22], which bones the source has; the others hold the identity."""
    notes: tuple[str, ...] = ()
    """What the source had wrong, and how it was read all the same."""
