"""What every motion file comes down to before it is put on our skeleton."""

from dataclasses import dataclass

import numpy as np

from training.humanoid.clip import Array


class MotionFileError(ValueError):
    """A file that cannot be read: the message says what was expected, found, and what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class RigMotion:
    """A skeleton that moves, in its file's own joints, axes and unit."""

    name: str
    fps: float
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    """-1 for a root; a parent precedes its children."""
    rest: Array
    """[J, 3], where the joints are in the rest pose."""
    turns: Array
    """[T, J, 3, 3], world rotation that carries the rest pose's axes to the frame's."""
    places: Array
    """[T, J, 3]"""
    notes: tuple[str, ...] = ()
    """What the file had wrong and how it was read."""


def finite(values: Array, what: str) -> Array:
    """The values themselves.

    Raises:
        MotionFileError: a value is infinite or not a number.
    """
    if not np.isfinite(values).all():
        raise MotionFileError(
            f"{what}: expected numbers, found {int((~np.isfinite(values)).sum())} that are "
            "infinite or not a number; export the motion again."
        )
    return values


def ancestors(parents: tuple[int, ...], joint: int) -> list[int]:
    """The joint itself, then its parent, and so on up to the root."""
    chain = []
    while joint >= 0:
        chain.append(joint)
        joint = parents[joint]
    return chain
