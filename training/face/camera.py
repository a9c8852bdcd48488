"""A camera in front of a face: blendshape weights and head angles to a picture, by numpy alone."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.face.head import Head
from training.face.raster import blend, fragments, nearest, texels

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BACKGROUND: Final = (0.93, 0.94, 0.96)
LIGHT: Final = np.array([0.35, 0.55, 1.0]) / np.linalg.norm([0.35, 0.55, 1.0])
AMBIENT: Final = 0.62
Part: TypeAlias = Literal["face", "mouth"]
MARGIN: Final[dict[Part, float]] = {"face": 1.55, "mouth": 2.0}
"""Height or width of the picture over that of the vertices of its part."""
HOLE: Final = 0.5
"""Texels with less alpha than this are holes."""
SAMPLES: Final = 2
"""Samples per pixel and axis."""


class FaceCamera:
    """Looks at a face from the front, without perspective, and follows its turns half way.

    It shows the face from chin to brows or the mouth alone; the character's left is on the
    picture's right.
    """

    def __init__(self, head: Head, *, size: int = 200, part: Part = "face") -> None:
        self.head, self.size = head, size
        shown = head.rest[head.lips if part == "mouth" else np.union1d(head.lips, head.upper)]
        low, high = shown.min(axis=0), shown.max(axis=0)
        self._centre = (low + high) / 2
        # Turned about a point this deep the face shows where it turns, and stays in the picture.
        deep = (head.rest[:, 2].min() + head.rest[:, 2].max()) / 2
        self._centre[2] = (self._centre[2] + deep) / 2
        self._pixels_per_m = size / (MARGIN[part] * float((high - low)[:2].max()))

    def render(self, weights: NDArray[Any], angles_deg: Sequence[float] = (0, 0, 0)) -> Floats:
        """One face.

        Args:
            weights: [52] in `ARKIT_BLENDSHAPES` order.
            angles_deg: yaw, pitch and roll of the head, signs as on the wire: to its left, down,
                to its right.

        Returns:
            [size, size, 3], RGB in [0, 1].
        """
        head, side = self.head, self.size * SAMPLES
        yaw, pitch, roll = angles_deg
        turn = Rotation.from_euler("YXZ", (yaw, pitch, roll), degrees=True).as_matrix()
        placed = (head.vertices(np.asarray(weights)[None])[0] - self._centre) @ turn.T
        normals = self._normals(placed)
        corners = self._on_picture(placed)[head.triangles]
        front = np.flatnonzero(self._faces_us(corners))
        seen = fragments(corners[front], side, side)
        triangle, corner = front[seen.triangle], head.triangles[front[seen.triangle]]
        depth = blend(seen.weights, placed[corner, 2:])[:, 0]
        solid = np.arange(len(triangle))
        if self._has_holes:
            solid = np.flatnonzero(self._colours(triangle, corner, seen.weights)[:, 3] >= HOLE)
        winner = nearest(seen.pixel[solid], depth[solid], side * side)
        drawn = winner >= 0
        sample = solid[winner[drawn]]
        corner, weight = corner[sample], seen.weights[sample]
        colour = self._colours(triangle[sample], corner, weight)[:, :3]
        picture = np.tile(np.array(BACKGROUND, np.float32), (side * side, 1))
        picture[drawn] = colour * _light(blend(weight, normals[corner]))[:, None]
        return _shrunk(picture.reshape(side, side, 3))

    def _on_picture(self, placed: Floats) -> Floats:
        """[V, 3] metres from the middle of the face -> [V, 2] pixels, x right and y down."""
        flat = placed[:, :2] * self._pixels_per_m * SAMPLES
        middle = self.size * SAMPLES / 2
        points: Floats = (flat * [1, -1] + middle).astype(np.float32)
        return points

    def _faces_us(self, corners: Floats) -> NDArray[np.bool_]:
        one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        # y points down in the picture, so counter-clockwise triangles have a negative area.
        front = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0] < 0
        double = np.array([paint.double_sided for paint in self.head.paints])
        visible: NDArray[np.bool_] = front | double[self.head.paint_of]
        return visible

    @cached_property
    def _has_holes(self) -> bool:
        return any(bool((paint.picture[..., 3] < HOLE).any()) for paint in self.head.paints)

    def _colours(self, triangle: Ints, corner: Ints, weights: Floats) -> Floats:
        """[N, 4], RGBA of samples of triangles with these corners [N, 3]."""
        uvs = blend(weights, self.head.uvs[corner])
        colour = np.ones((len(triangle), 4), np.float32)
        paint_of = self.head.paint_of[triangle]
        for number, paint in enumerate(self.head.paints):
            chosen = paint_of == number
            colour[chosen] = texels(paint.picture, uvs[chosen])
        return colour

    @cached_property
    def _welded(self) -> Ints:
        """[V], one number per place: vertices that were split for textures share a normal."""
        places = np.round(self.head.rest, 5)
        _, welded = np.unique(places, axis=0, return_inverse=True)
        return np.asarray(welded, np.int64).reshape(-1)

    def _normals(self, placed: Floats) -> Floats:
        a, b, c = (placed[self.head.triangles[:, corner]] for corner in range(3))
        across = np.cross(b - a, c - a)
        total = np.zeros((self._welded.max() + 1, 3))
        for corner in range(3):
            np.add.at(total, self._welded[self.head.triangles[:, corner]], across)
        normals = total[self._welded]
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return (normals / np.maximum(length, 1e-12)).astype(np.float32)


def _shrunk(picture: Floats) -> Floats:
    """Every `SAMPLES` x `SAMPLES` samples as one pixel."""
    corners = [
        picture[row::SAMPLES, column::SAMPLES]
        for row in range(SAMPLES)
        for column in range(SAMPLES)
    ]
    mean: Floats = sum(corners[1:], corners[0]) / np.float32(len(corners))
    return mean


def _light(normals: Floats) -> Floats:
    facing: Floats = AMBIENT + (1 - AMBIENT) * np.clip(normals @ LIGHT, 0, 1)
    return facing.astype(np.float32)
