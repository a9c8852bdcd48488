"""Draws textured triangles into a picture with numpy alone: a z-buffer, no GPU, no window.

Triangles of like size are rasterised together, so that a face of 9,000 triangles takes tens of
milliseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fragments:
    """Samples of triangles that lie on pixel centres."""

    triangle: Ints
    """[N]"""
    pixel: Ints
    """[N], row * width + column."""
    weights: Floats
    """[N, 3], barycentric."""


def fragments(points: Floats, width: int, height: int) -> Fragments:
    """All samples of triangles inside the picture, hidden ones too.

    Args:
        points: [F, 3, 2], corners in pixels, x right and y down.
        width: of the picture.
        height: of the picture.
    """
    parts = list(_by_size(points, width, height))
    if not parts:
        empty = np.zeros(0, np.int64)
        return Fragments(empty, empty, np.zeros((0, 3), np.float32))
    triangle, pixel, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Fragments(triangle, pixel, weights)


def nearest(pixel: Ints, depth: Floats, pixels: int) -> Ints:
    """[pixels], the sample seen in each pixel: that of the greatest depth value; -1 for none."""
    order = np.argsort(depth, kind="stable")
    seen = np.full(pixels, -1, np.int64)
    seen[pixel[order]] = order  # numpy keeps the last assignment to a place
    return seen


def texels(picture: Floats, uvs: Floats) -> Floats:
    """Bilinear samples [N, 4] of a picture [H, W, 4] at [N, 2], edges clamped."""
    height, width = picture.shape[:2]
    x = np.clip(uvs[:, 0] * width - 0.5, 0, width - 1)
    y = np.clip(uvs[:, 1] * height - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None], (y - top)[:, None]
    above = picture[top, left] * (1 - across) + picture[top, right] * across
    below = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    mixed: Floats = (above * (1 - down) + below * down).astype(np.float32)
    return mixed


def _by_size(points: Floats, width: int, height: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    low = np.maximum(np.ceil(points.min(axis=1) - 0.5), 0).astype(np.int64)
    high = np.floor(points.max(axis=1) - 0.5).astype(np.int64)
    high = np.minimum(high, [width - 1, height - 1])
    extent = (high - low + 1).min(axis=1), (high - low + 1).max(axis=1)
    size = np.where(extent[0] > 0, extent[1], 0)
    side = 1
    while side // 2 < size.max(initial=0):
        chosen = np.flatnonzero((size > side // 2) & (size <= side))
        if len(chosen):
            yield _rasterise(chosen, points[chosen], low[chosen], high[chosen], side, width)
        side *= 2


def _rasterise(
    names: Ints, points: Floats, low: Ints, high: Ints, side: int, width: int
) -> tuple[Ints, Ints, Floats]:
    steps = np.arange(side)
    x, y = low[:, 0, None, None] + steps[None, None], low[:, 1, None, None] + steps[None, :, None]
    a, b, c = (points[:, corner, :, None, None] for corner in range(3))
    px, py = x + 0.5, y + 0.5
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    area = np.where(np.abs(area) < 1e-12, np.inf, area)  # a line covers nothing
    second = ((px - a[:, 0]) * (c[:, 1] - a[:, 1]) - (py - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
    third = ((b[:, 0] - a[:, 0]) * (py - a[:, 1]) - (b[:, 1] - a[:, 1]) * (px - a[:, 0])) / area
    first = 1 - second - third
    edge = -1e-6  # neighbours may both own a sample on their common edge; none may miss it
    inside = (first >= edge) & (second >= edge) & (third >= edge) & np.isfinite(area)
    inside &= (x <= high[:, 0, None, None]) & (y <= high[:, 1, None, None])
    which, row, column = at = np.nonzero(inside)
    pixel = (low[which, 1] + row) * width + low[which, 0] + column
    weights = np.stack([first[at], second[at], third[at]], axis=1).astype(np.float32)
    return names[which], pixel, weights


def blend(weights: Floats, corners: Floats) -> Floats:
    """[N, D], values at three corners [N, 3, D] mixed by barycentric weights [N, 3]."""
    mixed: Floats = weights[:, :1] * corners[:, 0]
    for corner in (1, 2):
        mixed += weights[:, corner : corner + 1] * corners[:, corner]
    return mixed
