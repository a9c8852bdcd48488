"""Rotations as arrays: quaternions (x, y, z, w), 6D, and yaw/pitch/roll in degrees.

Right-handed, Y up, the character faces +Z and its left is +X. Positive yaw (about Y) turns to its
left, positive pitch (about X) looks down, positive roll (about Z) tilts to its right; applied as
`yaw * pitch * roll`. The rotation is always the last axis; everything before it broadcasts.
6D after Zhou et al. 2019, "On the Continuity of Rotation Representations": the first two columns
of the matrix.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating]

IDENTITY: Final[NDArray[np.float32]] = np.array([0.0, 0.0, 0.0, 1.0], np.float32)
IDENTITY.flags.writeable = False


def normalise(q: Array) -> Array:
    """Unit length, w >= 0: one quaternion per rotation, continuous below half a turn."""
    unit = q / np.linalg.norm(q, axis=-1, keepdims=True)
    short: Array = np.where(unit[..., 3:] < 0, -unit, unit)
    return short


def multiply(a: Array, b: Array) -> Array:
    """The rotation that applies `b` first, then `a`."""
    ax, ay, az, aw = np.moveaxis(a, -1, 0)
    bx, by, bz, bw = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        axis=-1,
    )


def inverse(q: Array) -> Array:
    """The opposite rotation of a unit quaternion."""
    opposite: Array = q * np.array([-1.0, -1.0, -1.0, 1.0], q.dtype)
    return opposite


def rotate(q: Array, vectors: Array) -> Array:
    """Turns vectors (..., 3) by unit quaternions (..., 4)."""
    axis, w = q[..., :3], q[..., 3:]
    across = 2.0 * np.cross(axis, vectors)
    turned: Array = vectors + w * across + np.cross(axis, across)
    return turned


def angle_between(a: Array, b: Array) -> Array:
    """Degrees in [0, 180] of the rotation that leads from `a` to `b`."""
    turn = multiply(inverse(a), b)
    sine = np.linalg.norm(turn[..., :3], axis=-1)
    degrees: Array = np.degrees(2.0 * np.arctan2(sine, np.abs(turn[..., 3])))
    return degrees


def slerp(a: Array, b: Array, amount: Array | float) -> Array:
    """The rotation `amount` (0 to 1) of the way from `a` to `b` along the shorter arc."""
    weight = np.asarray(amount)[..., None]
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(cosine < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0.0, 1.0))
    sine = np.sin(angle)
    # Below a milliradian the arc is a straight line to rounding error, and 1/sin is not safe.
    near = sine < 1e-3
    safe = np.where(near, 1.0, sine)
    first = np.where(near, 1.0 - weight, np.sin((1.0 - weight) * angle) / safe)
    second = np.where(near, weight, np.sin(weight * angle) / safe)
    return normalise(first * a + second * b)


def to_matrix(q: Array) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions."""
    x, y, z, w = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def from_matrix(matrix: Array) -> Array:
    """Unit quaternions with w >= 0 of rotation matrices (..., 3, 3)."""
    m = matrix
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    xy, xz, yz = (
        m[..., 0, 1] + m[..., 1, 0],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 1, 2] + m[..., 2, 1],
    )
    wx, wy, wz = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    # Row i is 4 q_i q: the quaternion scaled by one component; the longest row is the exact one.
    rows = np.stack(
        [
            np.stack([1 + xx - yy - zz, xy, xz, wx], axis=-1),
            np.stack([xy, 1 - xx + yy - zz, yz, wy], axis=-1),
            np.stack([xz, yz, 1 - xx - yy + zz, wz], axis=-1),
            np.stack([wx, wy, wz, 1 + xx + yy + zz], axis=-1),
        ],
        axis=-2,
    )
    longest = np.argmax(np.diagonal(rows, axis1=-2, axis2=-1), axis=-1)
    return normalise(np.take_along_axis(rows, longest[..., None, None], axis=-2)[..., 0, :])


def from_axis_angle(axis: Array, degrees: Array | float) -> Array:
    """Turns by `degrees` about unit axes (..., 3)."""
    half = np.radians(np.asarray(degrees, axis.dtype))[..., None] / 2
    sine, cosine = np.broadcast_arrays(np.sin(half) * axis, np.cos(half))
    return np.concatenate([sine, cosine[..., :1]], axis=-1)


def from_yaw_pitch_roll(degrees: Array) -> Array:
    """Quaternions of (..., 3) yaw, pitch, roll in degrees."""
    axes = np.eye(3, dtype=np.asarray(degrees).dtype)
    yaw = from_axis_angle(axes[1], degrees[..., 0])
    pitch = from_axis_angle(axes[0], degrees[..., 1])
    roll = from_axis_angle(axes[2], degrees[..., 2])
    return multiply(multiply(yaw, pitch), roll)


def to_yaw_pitch_roll(q: Array) -> Array:
    """Yaw, pitch, roll in degrees (..., 3); pitch in [-90, 90]."""
    m = to_matrix(q)
    yaw = np.arctan2(m[..., 0, 2], m[..., 2, 2])
    pitch = -np.arcsin(np.clip(m[..., 1, 2], -1.0, 1.0))
    roll = np.arctan2(m[..., 1, 0], m[..., 1, 1])
    degrees: Array = np.degrees(np.stack([yaw, pitch, roll], axis=-1))
    return degrees


def to_rot6d(q: Array) -> Array:
    """(..., 6): the first, then the second column of the matrix."""
    m = to_matrix(q)
    return np.concatenate([m[..., :, 0], m[..., :, 1]], axis=-1)


def from_rot6d(six: Array) -> Array:
    """Quaternions of any six numbers whose two triples are not parallel (Gram-Schmidt)."""
    first = six[..., :3] / np.linalg.norm(six[..., :3], axis=-1, keepdims=True)
    rest = six[..., 3:] - np.sum(first * six[..., 3:], axis=-1, keepdims=True) * first
    second = rest / np.linalg.norm(rest, axis=-1, keepdims=True)
    return from_matrix(np.stack([first, second, np.cross(first, second)], axis=-1))
