"""Skinned triangle meshes and the three ways they are made: lofts, locks and ribbons."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """Metres, Y up, facing +Z, wound counter-clockwise. `weights` names a bone per column."""

    positions: Floats
    """Shape (n, 3)."""
    uvs: Floats
    """Shape (n, 2), origin at the top left of the texture."""
    triangles: Indices
    """Shape (m, 3)."""
    weights: Mapping[str, Floats]
    """Bone name -> (n,), not necessarily normalised."""
    morphs: Mapping[str, Floats] = field(default_factory=dict)
    """Morph target name -> displacement (n, 3) at weight 1; a missing name does not move."""
    normals: Floats | None = None
    """Shape (n, 3); left out, they are computed from the triangles."""

    @property
    def count(self) -> int:
        return len(self.positions)

    def shaded(self) -> Floats:
        return self.normals if self.normals is not None else vertex_normals(self)

    def mirrored(self) -> "Mesh":
        """The same on the character's other side, `left` and `right` exchanged in every name."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(
            self,
            positions=self.positions * flip,
            triangles=self.triangles[:, ::-1],
            weights={other_side(bone): w for bone, w in self.weights.items()},
            morphs={other_side(name): delta * flip for name, delta in self.morphs.items()},
            normals=None if self.normals is None else self.normals * flip,
        )


def other_side(name: str) -> str:
    for left, right in (("left", "right"), ("Left", "Right")):
        if left in name:
            return name.replace(left, right)
        if right in name:
            return name.replace(right, left)
    return name


def merge(meshes: list[Mesh]) -> Mesh:
    """One mesh of all; bones and morph targets that a part does not name are zero there."""
    starts = np.cumsum([0] + [m.count for m in meshes])
    total = int(starts[-1])

    def gather(values: list[Mapping[str, Floats]], width: tuple[int, ...]) -> dict[str, Floats]:
        names = dict.fromkeys(name for one in values for name in one)
        out = {name: np.zeros((total, *width)) for name in names}
        for start, mesh, one in zip(starts, meshes, values, strict=False):
            for name, value in one.items():
                out[name][start : start + mesh.count] = value
        return out

    return Mesh(
        positions=np.concatenate([m.positions for m in meshes]),
        uvs=np.concatenate([m.uvs for m in meshes]),
        triangles=np.concatenate([m.triangles + s for m, s in zip(meshes, starts, strict=False)]),
        weights=gather([m.weights for m in meshes], ()),
        morphs=gather([m.morphs for m in meshes], (3,)),
        normals=np.concatenate([m.shaded() for m in meshes]),
    )


def vertex_normals(mesh: Mesh) -> Floats:
    """Area-weighted; vertices at the same place share one, so that seams do not show."""
    a, b, c = (mesh.positions[mesh.triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    _, place = np.unique(np.round(mesh.positions, 6), axis=0, return_inverse=True)
    place = place.reshape(-1)
    total = np.zeros((mesh.count, 3))
    for k in range(3):
        np.add.at(total, place[mesh.triangles[:, k]], face)
    return unit(total)[place]


def unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(length < 1e-12, 1.0, length)


def smoothstep(low: float | Floats, high: float | Floats, x: ArrayLike) -> Floats:
    t = np.clip((np.asarray(x, float) - low) / (np.asarray(high) - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t))


def curve(points: ArrayLike, count: int) -> Floats:
    """`count` points along a Catmull-Rom spline through (k, d) points, evenly in parameter."""
    p = np.asarray(points, float)
    if p.ndim == 1:
        p = p[:, None]
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, len(p) - 3, count)
    i = np.minimum(t.astype(int), len(p) - 4)
    f = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return np.asarray(
        0.5
        * (
            2 * b
            + (c - a) * f
            + (2 * a - 5 * b + 4 * c - d) * f**2
            + (3 * b - a - 3 * c + d) * f**3
        )
    )


def grid_triangles(rows: int, columns: int, *, closed: bool = False) -> Indices:
    """Two triangles per cell of a (rows, columns) grid; `closed` joins last column to first."""
    i, k = np.meshgrid(
        np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij"
    )
    n = (k + 1) % columns
    a, b, c, d = i * columns + k, i * columns + n, (i + 1) * columns + k, (i + 1) * columns + n
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], -2).reshape(-1, 3)


def sheet(points: Floats, uv_box: ArrayLike, weights: Mapping[str, Floats] | str) -> Mesh:
    """A (rows, columns, 3) grid of points as a mesh; `uv_box` is u0, v0, u1, v1: columns, rows."""
    rows, columns, _ = points.shape
    u0, v0, u1, v1 = np.asarray(uv_box, float)
    v, u = np.meshgrid(np.linspace(v0, v1, rows), np.linspace(u0, u1, columns), indexing="ij")
    bound = {weights: np.ones(rows * columns)} if isinstance(weights, str) else weights
    return Mesh(
        points.reshape(-1, 3),
        np.stack([u, v], -1).reshape(-1, 2),
        grid_triangles(rows, columns),
        bound,
    )


def loft(
    centres: Floats,
    side: Floats,
    front: Floats,
    uv_box: ArrayLike,
    weights: Mapping[str, Floats] | str,
    *,
    segments: int = 20,
    power: float = 2.0,
) -> Mesh:
    """A tube through (rows, 3) centres; `side` and `front` (rows, 3) are its half-axes there.

    `power` 2 gives ellipses, more gives rounder boxes. Weights by name are per row.
    """
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    shape = 2.0 / power
    c = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** shape
    s = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** shape
    points = centres[:, None] + side[:, None] * s[None, :, None] + front[:, None] * c[None, :, None]
    if not isinstance(weights, str):
        weights = {bone: np.repeat(w, segments + 1) for bone, w in weights.items()}
    return sheet(points, uv_box, weights)


def lock(
    path: Floats,
    outward: Floats,
    width: Floats,
    thickness: Floats,
    uv_box: ArrayLike,
    weights: Mapping[str, Floats] | str,
    *,
    segments: int = 8,
) -> Mesh:
    """A tapered strand along (rows, 3) `path`; `outward` (rows, 3) is its flat side's direction."""
    along = unit(np.gradient(path, axis=0))
    across = unit(np.cross(outward, along))
    lift = unit(np.cross(along, across))
    return loft(
        path, across * width[:, None], lift * thickness[:, None], uv_box, weights, segments=segments
    )


def falloff(x: ArrayLike, centre: float, spread: float | Floats) -> Floats:
    """A bell of height 1."""
    return np.asarray(np.exp(-(((np.asarray(x, float) - centre) / spread) ** 2)))
