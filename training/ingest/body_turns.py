"""Rotations of limbs from directions: frames, swings and the planes of hinges."""

from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from training.ingest.body_points import Array, unit

STRAIGHT: Final = (0.12, 0.35)
"""Sines of a bend below which a hinge's plane says nothing, and above which it says all."""
STIFF: Final = 0.1
"""Sine of how far elbows and knees overstretch."""


def framed(rest: Array, rest_axis: Array, along: Array, axis: Array) -> Array:
    """Rotations [T, 3, 3] that carry `rest` to `along` exactly and `rest_axis` towards `axis`."""
    return _basis(along, axis) @ _basis(rest, rest_axis).swapaxes(-1, -2)


def _basis(along: Array, axis: Array) -> Array:
    along = unit(along)
    side = unit(axis - (axis * along).sum(axis=-1, keepdims=True) * along)
    return np.stack([along, side, np.cross(along, side)], axis=-1)


def bentness(hinge: Array) -> Array:
    """[T, 1] in [0, 1], from cross products [T, 3] of the unit directions before and after."""
    low, high = STRAIGHT
    at = ((np.linalg.norm(hinge, axis=-1, keepdims=True) - low) / (high - low)).clip(0, 1)
    share: Array = at * at * (3 - 2 * at)
    return share


def bridged(hinge: Array, plain: Array, along: Array) -> Array:
    """Hinge axes [T, 3]; while straight, the twist against `plain` is bridged in time.

    Args:
        hinge: [T, 3], as long as the sine of the bend.
        plain: [T, 3], the axis of a limb that swung without twist.
        along: [T, 3], the limb's direction.
    """
    across = np.cross(along, plain)
    sine, cosine = (hinge * across).sum(axis=-1), (hinge * plain).sum(axis=-1)
    share = bentness(hinge)[:, 0]
    frames = np.arange(len(hinge))
    sure = share > 0.5
    if not sure.any():
        return plain
    bridge = np.interp(frames, frames[sure], np.unwrap(np.arctan2(sine, cosine)[sure]))
    length = np.maximum(np.hypot(sine, cosine), 1e-9)
    sine = share * sine / length + (1 - share) * np.sin(bridge)
    cosine = share * cosine / length + (1 - share) * np.cos(bridge)
    axis: Array = cosine[:, None] * plain + sine[:, None] * across
    return axis


def not_overstretched(before: Array, after: Array, straight: Array, bent: Array) -> Array:
    """Directions [T, 3] of a limb that never goes far beyond straight.

    Args:
        before: [T, 3, 3], world rotation of the bone before the hinge.
        after: [T, 3], direction after it.
        straight: [3], where that points when straight, in the first bone's axes.
        bent: [3], where it points when bent by 90 degrees.
    """
    held = in_axes_of(before, after)
    over = held @ bent < -STIFF
    side = np.cross(straight, bent)
    across = (held @ side).clip(-0.3, 0.3)
    along = np.sqrt(1 - across**2 - STIFF**2)
    limited = along[:, None] * straight + across[:, None] * side - STIFF * bent
    turned: Array = (before @ np.where(over[:, None], limited, held)[..., None])[..., 0]
    return turned


def _swing(start: Array, end: Array) -> Array:
    """Rotation vectors [T, 3] of the shortest turns between unit directions."""
    axis = np.cross(start, end)
    angle = np.arctan2(np.linalg.norm(axis, axis=-1), (start * end).sum(axis=-1))
    turn: Array = unit(axis) * angle[..., None]
    return turn


def swung(start: Array, end: Array) -> Array:
    turn: Array = Rotation.from_rotvec(_swing(start, end)).as_matrix()
    return turn


def turn_between(start: Array, end: Array) -> Array:
    """Rotation vectors [T, 3] from one rotation to another, in the first one's axes."""
    turn: Array = Rotation.from_matrix(start.swapaxes(-1, -2) @ end).as_rotvec()
    return turn


def share_between(start: Array, end: Array, share: float) -> Array:
    turn: Array = start @ Rotation.from_rotvec(share * turn_between(start, end)).as_matrix()
    return turn


def in_axes_of(world: Array, vectors: Array) -> Array:
    """World vectors [T, 3] in a bone's axes."""
    return (world.swapaxes(-1, -2) @ vectors[..., None])[..., 0]


def shortened(turn: Array, degrees: float) -> Array:
    """Rotation vectors [T, 3] of at most this many degrees."""
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    short: Array = turn * np.minimum(1, np.radians(degrees) / np.maximum(angle, 1e-9))
    return short
