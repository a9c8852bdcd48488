"""A clip at another frame rate."""

import numpy as np
from scipy.spatial.transform import Rotation

from training.humanoid.clip import Array, Clip


def resample(clip: Clip, fps: float) -> Clip:
    """The clip at `fps`, from its first frame to its last.

    Between frames rotations follow the shorter arc. A faster recording is smoothed first, by a Hann
    window over two of the new frames, so that what is too quick for them does not fold back.
    """
    if abs(clip.fps - fps) < 1e-3 * fps:
        return Clip(clip.name, fps, clip.local, clip.hips_m, clip.known)
    turns = _continuous(Rotation.from_matrix(clip.local.reshape(-1, 3, 3)).as_quat(), clip)
    hips = clip.hips_m
    if clip.fps > 1.5 * fps:
        turns, hips = _smooth(turns, clip.fps / fps), _smooth(hips, clip.fps / fps)
    frames = len(turns)
    at = np.arange(int((frames - 1) * fps / clip.fps + 1e-6) + 1) * clip.fps / fps
    before = np.minimum(at.astype(int), max(frames - 2, 0))
    after, share = np.minimum(before + 1, frames - 1), at - before
    start = Rotation.from_quat(turns[before].reshape(-1, 4))
    end = Rotation.from_quat(turns[after].reshape(-1, 4))
    arc = (start.inv() * end).as_rotvec() * np.repeat(share, 22)[:, None]
    local = (start * Rotation.from_rotvec(arc)).as_matrix().reshape(-1, 22, 3, 3)
    path = hips[before] + share[:, None] * (hips[after] - hips[before])
    return Clip(clip.name, fps, local, path, clip.known)


def _continuous(quaternions: Array, clip: Clip) -> Array:
    """[T, 22, 4] without jumps between a quaternion and its negative."""
    turns = quaternions.reshape(len(clip.local), -1, 4)
    flips = np.sum(turns[1:] * turns[:-1], axis=-1) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2, -1.0, 1.0)
    turns[1:] *= signs[..., None]
    return turns


def _smooth(values: Array, ratio: float) -> Array:
    """Hann window two new frames wide; the ends are held."""
    reach = int(np.ceil(ratio)) - 1
    weights = 1 + np.cos(np.pi * np.arange(-reach, reach + 1) / ratio)
    weights /= weights.sum()
    held = np.concatenate([values[:1].repeat(reach, 0), values, values[-1:].repeat(reach, 0)])
    smooth: Array = sum(
        (weight * held[at : at + len(values)] for at, weight in enumerate(weights)),
        start=np.zeros_like(values),
    )
    return smooth
