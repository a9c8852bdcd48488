"""The head: a smooth implicit surface, and the face's skin triangulated over it.

Coordinates are the head's own: origin in the middle of the skull, +Z out of the face, metres.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import Delaunay

from export.avatar.geometry import Floats, Indices, Mesh, falloff, smoothstep, unit

CENTRE = np.array([0.0, 1.475, 0.0])
"""Of the head's coordinates in the character's."""
_RAY_ORIGIN = np.array([0.0, -0.02, 0.0])

TEXTURE_HALF_WIDTH, TEXTURE_HALF_HEIGHT = 0.11, 0.13
"""The face texture is the front view of this much head."""


@dataclass(frozen=True, slots=True)
class EyeShape:
    """The opening of the left eye in the front view; the right one is its mirror image."""

    x: float = 0.0356
    y: float = -0.0255
    half_width: float = 0.0200
    upper: float = 0.0160
    lower: float = 0.0138

    def scaled(self, factor: float) -> "EyeShape":
        return EyeShape(
            self.x, self.y, self.half_width * factor, self.upper * factor, self.lower * factor
        )

    def across(self, x: Floats) -> Floats:
        """-1 at the inner corner, 1 at the outer one."""
        return (np.abs(x) - self.x) / self.half_width

    def upper_lid(self, u: Floats) -> Floats:
        """Height of the upper lid's edge in the front view."""
        arc = np.clip(1 - np.abs(u * 0.995 - 0.0) ** 2.7, 0, 1) ** 0.62
        return self.y + self.upper * arc * (1 - 0.07 * u) + self._tilt(u)

    def lower_lid(self, u: Floats) -> Floats:
        arc = np.clip(1 - np.abs(u) ** 2.3, 0, 1) ** 0.72
        return self.y - self.lower * arc * (1 + 0.06 * u) + self._tilt(u)

    def closed_lid(self, u: Floats) -> Floats:
        """Where the lids meet: low, a gentle bowl."""
        return self.lower_lid(u) * 0.72 + 0.28 * (self.y + self._tilt(u)) + 0.0002

    def _tilt(self, u: Floats) -> Floats:
        return 0.0012 * np.clip(u, -1, 1)

    def loop(self, steps: int = 18) -> Floats:
        """Points (2 * steps, 2) around the left eye's opening, from the inner corner upwards."""
        u = -np.cos(np.linspace(0, np.pi, steps + 1))
        over = np.stack([self.x + u * self.half_width, self.upper_lid(u)], -1)
        under = np.stack([self.x + u * self.half_width, self.lower_lid(u)], -1)[-2:0:-1]
        return np.concatenate([over, under])


@dataclass(frozen=True, slots=True)
class MouthShape:
    y: float = -0.0785
    half_width: float = 0.0150
    gap: float = 0.00012
    """Half the distance of the lips at rest."""

    def line(self, x: Floats) -> Floats:
        """Height of the closed lips: a small smile with a bow in the middle."""
        u = x / self.half_width
        return self.y + 0.0016 * np.minimum(np.abs(u), 1.5) ** 2.2 - 0.0004 * falloff(u, 0, 0.35)

    def loop(self, steps: int = 22) -> Floats:
        """Points (2 * steps, 2) between the lips, from the character's right over the upper lip."""
        x = -self.half_width * np.cos(np.linspace(0, np.pi, steps + 1))
        part = self.gap * np.sqrt(np.clip(1 - (x / self.half_width) ** 2, 0, 1))
        over = np.stack([x, self.line(x) + part], -1)
        under = np.stack([x, self.line(x) - part], -1)[-2:0:-1]
        return np.concatenate([over, under])


@dataclass(frozen=True, slots=True)
class HeadShape:
    eye: EyeShape = EyeShape()
    mouth: MouthShape = MouthShape()

    def distance(self, p: Floats, *, nose: bool = True) -> Floats:
        """Roughly the signed distance (metres) of points (n, 3) to the skin, negative inside."""
        skull = _ellipsoid(p, (0, 0.024, -0.014), (0.081, 0.086, 0.093))
        face = _ellipsoid(p, (0, -0.028, 0.010), (0.0735, 0.066, 0.071))
        jaw = _ellipsoid(p, (0, -0.063, 0.028), (0.0475, 0.038, 0.046))
        chin = _ellipsoid(p, (0, -0.0945, 0.0545), (0.0130, 0.0110, 0.0125))
        whole = _blend(_blend(_blend(skull, face, 0.05), jaw, 0.045), chin, 0.034)
        across = np.abs(p[:, 0])
        in_front = smoothstep(0.0, 0.04, p[:, 2])
        socket = falloff(across, self.eye.x - 0.002, 0.022) * falloff(
            p[:, 1], self.eye.y + 0.002, 0.019
        )
        whole = whole + 0.0030 * socket * in_front
        muzzle = falloff(across, 0.0, 0.017) * falloff(p[:, 1], self.mouth.y + 0.002, 0.014)
        whole = whole - 0.0022 * muzzle * in_front
        if nose:
            bridge = falloff(across, 0.0, 0.0052) * smoothstep(0.005, -0.05, p[:, 1])
            bridge = bridge * smoothstep(-0.066, -0.0585, p[:, 1])
            tip = falloff(across, 0.0, 0.0062) * falloff(p[:, 1], -0.0565, 0.0062)
            whole = whole - (0.0016 * bridge + 0.0042 * tip) * in_front
        return np.asarray(whole)

    def front(
        self, x: Floats | float, y: Floats | float, *, nose: bool = True, offset: float = 0.0
    ) -> Floats:
        """Points (n, 3) where the front view's (x, y) meets the skin pushed out by `offset`."""
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        start = np.stack([x, y, np.full_like(x, -0.01)], -1)
        return self._cast(start, np.array([0.0, 0.0, 1.0]), 0.2, nose, offset)

    def around(self, directions: Floats, *, offset: float | Floats = 0.0) -> Floats:
        """Points (n, 3) where rays from inside the head leave the skin pushed out by `offset`."""
        start = np.broadcast_to(_RAY_ORIGIN, directions.shape)
        return self._cast(start, unit(directions), 0.25, True, offset)

    def _cast(
        self, start: Floats, ray: Floats, far: float, nose: bool, offset: float | Floats
    ) -> Floats:
        low, high = np.zeros(len(start)), np.full(len(start), far)
        for _ in range(22):
            middle = (low + high) / 2
            inside = self.distance(start + ray * middle[:, None], nose=nose) < offset
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        return np.asarray(start + ray * low[:, None])


def _ellipsoid(p: Floats, centre: tuple[float, ...], radii: tuple[float, ...]) -> Floats:
    q = p - np.array(centre)
    r = np.array(radii)
    k0 = np.linalg.norm(q / r, axis=1)
    k1 = np.linalg.norm(q / r**2, axis=1)
    return np.asarray(k0 * (k0 - 1) / np.maximum(k1, 1e-9))


def _blend(a: Floats, b: Floats, k: float) -> Floats:
    """The smaller of two distances with the crease rounded over `k` metres."""
    h = np.maximum(k - np.abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * k / 4


def texture_uv(p: Floats) -> Floats:
    """Where a point of the head lies in the face texture."""
    # The sides of the head move outwards, past the cheeks' paint.
    x = p[:, 0] + np.sign(p[:, 0]) * 0.03 * smoothstep(0.035, -0.01, p[:, 2])
    u = 0.5 + x / (2 * TEXTURE_HALF_WIDTH)
    v = 0.5 - p[:, 1] / (2 * TEXTURE_HALF_HEIGHT)
    return np.stack([np.clip(u, 0.02, 0.98), np.clip(v, 0.02, 0.98)], -1)


def _flatten(p: Floats) -> Floats:
    """Azimuthal equidistant map (n, 2) of the directions of points around the front of the head."""
    d = unit(p - _RAY_ORIGIN)
    angle = np.arccos(np.clip(d[:, 2], -1, 1))
    return np.asarray(unit(d[:, :2]) * angle[:, None])


def _unflatten(q: Floats) -> Floats:
    angle = np.linalg.norm(q, axis=1, keepdims=True)
    return np.concatenate([unit(q) * np.sin(angle), np.cos(angle)], axis=1)


_EYE_RINGS = (0.0, 0.0012, 0.0030, 0.0052, 0.0078, 0.0106)
_MOUTH_RINGS = (0.0, 0.0008, 0.0022, 0.0042, 0.0072, 0.0110)


def _rings(shape: HeadShape, parted_m: float = 0.0) -> list[Floats]:
    """Front-view loops (k, 2) around the left eye, the right eye and the mouth, innermost first.

    With `parted_m` the mouth's upper and lower halves stand that far apart.
    """
    loop = shape.eye.loop()
    away = unit((loop - [shape.eye.x, shape.eye.y]) * [1.0, 1.25])
    left = [loop + m * away for m in _EYE_RINGS]
    lips = shape.mouth.loop()
    angle = np.linspace(np.pi, -np.pi, len(lips), endpoint=False)
    away = np.stack([np.cos(angle), np.sin(angle)], -1)
    part = 0.5 * parted_m * np.sign(np.round(away[:, 1], 6)) * np.sqrt(np.abs(away[:, 1]))
    part = np.stack([0 * part, part], -1)
    mouth = [lips + m * away + part * (1 - m / _MOUTH_RINGS[-1]) for m in _MOUTH_RINGS]
    return [*left, *(ring * [-1, 1] for ring in left), *mouth]


def _fill(shape: HeadShape) -> Floats:
    """Front-map points (n, 2) of the rest of the skin: fine in the face, coarse behind."""

    def lattice(step: float, reach: float) -> Floats:
        rows = np.arange(-reach, reach + step, step * 0.866)
        columns = np.arange(-reach, reach + step, step)
        y, x = np.meshgrid(rows, columns, indexing="ij")
        x = x + (np.arange(len(rows)) % 2)[:, None] * step / 2
        return np.stack([x, y], -1).reshape(-1, 2)

    fine, coarse = lattice(0.055, 1.25), lattice(0.16, 3.0)
    reach = np.linalg.norm(fine, axis=1), np.linalg.norm(coarse, axis=1)
    q = np.concatenate([fine[reach[0] < 1.2], coarse[(reach[1] > 1.24) & (reach[1] < 2.95)]])
    p = shape.around(_unflatten(q))
    x, y = np.abs(p[:, 0]), p[:, 1]
    eye, mouth = shape.eye, shape.mouth
    margin = 0.0126
    over = np.where(y > eye.y, eye.upper, eye.lower)
    in_eye = ((x - eye.x) / (eye.half_width + margin)) ** 2 + (
        (y - eye.y) / (over + margin)
    ) ** 2 < 1
    in_mouth = (x / (mouth.half_width + 0.0128)) ** 2 + ((y - mouth.y) / 0.0128) ** 2 < 1
    return q[~((in_eye | in_mouth) & (p[:, 2] > 0))]


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    mesh: Mesh
    eye_loop: Indices
    """Vertices around the left eye's opening, as `EyeShape.loop` orders them."""
    right_eye_loop: Indices
    mouth_loop: Indices


def build_skin(shape: HeadShape) -> Skin:
    """The head's skin with open eyes and a slit between the lips. Weighted to `head`."""
    rings = _rings(shape)
    sizes = [len(r) for r in rings]
    starts = np.cumsum([0, *sizes])
    front = np.concatenate(rings)
    features = shape.front(front[:, 0], front[:, 1])
    fill = shape.around(_unflatten(_fill(shape)))
    points = np.concatenate([features, fill])
    # Closed lips would be sewn together: the triangulation sees them parted.
    apart = np.concatenate(_rings(shape, parted_m=0.004))
    flat = _flatten(np.concatenate([shape.front(apart[:, 0], apart[:, 1]), fill]))
    triangles = Delaunay(flat).simplices.astype(np.int64)
    a, b, c = (flat[triangles[:, k]] for k in range(3))
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    triangles = np.where((turn < 0)[:, None], triangles[:, ::-1], triangles)
    owner = np.full(len(points), -1)
    eye_rings = len(_EYE_RINGS)
    loops = [np.arange(starts[k], starts[k + 1]) for k in (0, eye_rings, 2 * eye_rings)]
    for number, loop in enumerate(loops):
        owner[loop] = number
    owners = owner[triangles]
    hole = (owners[:, 0] >= 0) & (owners[:, 0] == owners[:, 1]) & (owners[:, 1] == owners[:, 2])
    mesh = Mesh(points, texture_uv(points), triangles[~hole], {"head": np.ones(len(points))})
    return Skin(mesh, *loops)


def calm_normals(p: Floats) -> Floats:
    """Normals of a plain egg: cel shading falls in one clean shape, without nose and sockets."""
    return unit((p - [0, -0.015, -0.03]) / np.array([0.075, 0.10, 0.095]) ** 2)
