"""What sits on and in the face: eyes, lashes, brows, ears, the inside of the mouth.

Texture boxes name parts of the feature texture painted by `paint.py`.
"""

from dataclasses import dataclass, replace

import numpy as np

from export.avatar.face_fields import FaceFields, FacePoints, all_displacements, jaw_share
from export.avatar.geometry import (
    Floats,
    Indices,
    Mesh,
    curve,
    falloff,
    grid_triangles,
    merge,
    sheet,
    smoothstep,
)
from export.avatar.head import HeadShape, Skin, calm_normals, texture_uv

IRIS_BOX = (0.0, 0.0, 0.5, 0.5)
SCLERA_BOX = (0.5, 0.0, 1.0, 0.5)
LASH_BOX = (0.02, 0.52, 0.23, 0.73)
BROW_BOX = (0.27, 0.52, 0.48, 0.73)
CAVITY_BOX = (0.52, 0.52, 0.73, 0.73)
TEETH_BOX = (0.77, 0.52, 0.98, 0.73)
TONGUE_BOX = (0.02, 0.77, 0.23, 0.98)

_EYE_DEPTH = 0.0042
_LOOK_M = {"In": 0.0052, "Out": 0.0056, "Up": 0.0042, "Down": 0.0046}


@dataclass(frozen=True, slots=True)
class FeatureBuilder:
    shape: HeadShape
    skin: Skin

    @property
    def fields(self) -> FaceFields:
        return FaceFields(self.shape)

    def face_skin(self) -> Mesh:
        """The skin with its morphs, eye sockets' walls and ears."""
        points = self.skin.mesh.positions
        lower = jaw_share(self.shape, points)
        half = len(self.skin.mouth_loop) // 2
        lower[self.skin.mouth_loop[1:half]] = 0.0
        lower[self.skin.mouth_loop[half + 1 :]] = 1.0
        morphs = all_displacements(self.fields, FacePoints(points, lower))
        skin = replace(self.skin.mesh, morphs=morphs, normals=calm_normals(points))
        walls = [
            self._eye_wall(skin, loop) for loop in (self.skin.eye_loop, self.skin.right_eye_loop)
        ]
        ear = self._ear()
        return merge([skin, *walls, ear, ear.mirrored()])

    def features(self) -> Mesh:
        left = [self._sclera(), self._iris(), self._upper_lash(), self._lower_lash()]
        right = [part.mirrored() for part in left]
        right[1] = replace(right[1], uvs=self._iris_uv_unmirrored(right[1].uvs))
        return merge([*left, *right, self._cavity(), self._teeth(), self._tongue()])

    def brows(self) -> Mesh:
        """A mesh of their own, so that they can be drawn over the fringe."""
        brow = self._brow()
        return merge([brow, brow.mirrored()])

    @staticmethod
    def _iris_uv_unmirrored(uvs: Floats) -> Floats:
        """Highlights come from one light: they lie on the same side in both eyes."""
        u0, _, u1, _ = IRIS_BOX
        return np.stack([u0 + u1 - uvs[:, 0], uvs[:, 1]], -1)

    def _eye_wall(self, skin: Mesh, loop: Indices) -> Mesh:
        """The lids' thickness: the opening's edge drawn back to the eyeball."""
        edge = skin.positions[loop]
        inner = edge * [1.0, 1.0, 0.0]
        inner[:, 2] = self._eye_surface(edge[:, 0], edge[:, 1])[:, 2] - 0.0015
        closed = np.append(np.arange(len(loop)), 0)
        points = np.stack([edge, inner])[:, closed]
        if edge[:, 0].mean() < 0:
            points = points[:, ::-1]
            closed = closed[::-1]
        wall = sheet(points, (0, 0, 1, 1), "head")
        twice = np.tile(closed, 2)
        morphs = {name: delta[loop][twice] for name, delta in skin.morphs.items()}
        return replace(wall, uvs=texture_uv(wall.positions), morphs=morphs)

    def _eye_surface(self, x: Floats, y: Floats, depth: float = _EYE_DEPTH) -> Floats:
        surface = self.shape.front(x, np.clip(y, -0.05, 0.01), nose=False)
        surface[:, 1] = y
        surface[:, 2] -= depth
        return surface

    def _sclera(self) -> Mesh:
        eye = self.shape.eye
        u, v = np.linspace(-1.12, 1.12, 13), np.linspace(1.2, -1.2, 11)
        y, x = np.meshgrid(eye.y + v * 0.0180, eye.x + u * eye.half_width, indexing="ij")
        points = self._eye_surface(x.ravel(), y.ravel(), _EYE_DEPTH + 0.0006)
        return replace(
            sheet(points.reshape(11, 13, 3), SCLERA_BOX, "head"), normals=calm_normals(points)
        )

    def _iris(self) -> Mesh:
        eye = self.shape.eye
        radius_x, radius_y = eye.half_width * 0.715, eye.upper * 1.04
        ring, turn = np.linspace(0, 1, 8), np.linspace(0, 2 * np.pi, 33)
        a, r = np.meshgrid(turn, ring, indexing="xy")
        dx, dy = r * np.sin(a), r * np.cos(a)
        x = eye.x - 0.0012 + dx.ravel() * radius_x
        y = eye.y - 0.0002 + dy.ravel() * radius_y
        points = self._eye_surface(x, y)
        u0, v0, u1, v1 = IRIS_BOX
        uv = np.stack([0.5 + 0.5 * dx.ravel() * 0.97, 0.5 - 0.5 * dy.ravel() * 0.97], -1)
        uv = uv * [u1 - u0, v1 - v0] + [u0, v0]
        morphs = {}
        for way, (sx, sy) in {"In": (-1, 0), "Out": (1, 0), "Up": (0, 1), "Down": (0, -1)}.items():
            by = _LOOK_M[way]
            morphs[f"eyeLook{way}Left"] = self._eye_surface(x + sx * by, y + sy * by) - points
        centre = np.array([eye.x - 0.0012, eye.y])
        shrunk = centre + 0.88 * (np.stack([x, y], -1) - centre)
        morphs["eyeWideLeft"] = self._eye_surface(shrunk[:, 0], shrunk[:, 1]) - points
        disc = Mesh(points, uv, grid_triangles(8, 33), {"head": np.ones(len(points))}, morphs)
        return replace(disc, normals=calm_normals(points))

    def _upper_lash(self) -> Mesh:
        """A dark band along the upper lid with a wing at the outer corner; it rides the lid."""
        eye = self.shape.eye
        u = np.concatenate([-np.cos(np.linspace(0, np.pi, 25)), [1.09, 1.17]])
        on_lid = np.clip(u, -1, 1)
        thick = 0.0006 + 0.0032 * smoothstep(-1.0, 0.35, u) * (1 - smoothstep(0.97, 1.19, u))
        x = eye.x + u * eye.half_width
        edge = eye.upper_lid(on_lid) + np.where(u > 1, (u - 1) * 0.006, 0)
        slant = np.stack([0.55 * smoothstep(0.2, 1.0, u), np.ones_like(u)], -1)
        rows = []
        for k, lift in ((-0.18, 0.0), (0.35, 0.0010), (1.0, 0.0004)):
            q = np.stack([x, edge], -1) + slant * (k * thick)[:, None]
            p = self.shape.front(q[:, 0], q[:, 1], nose=False)
            p[:, 2] += 0.0006 + lift
            rows.append(p)
        grid = np.stack(rows[::-1])
        lid = self._lid_points(on_lid, x=eye.x + on_lid * eye.half_width, y=eye.upper_lid(on_lid))
        morphs = {}
        for name in ("eyeBlink", "eyeSquint", "eyeWide", "eyeLookUp", "eyeLookDown", "cheekSquint"):
            key = f"{name}Left"
            delta = np.tile(self.fields.displacement(key, lid), (3, 1, 1))
            if name == "eyeBlink":
                # The closed band hangs below the meeting line instead of standing on it.
                depth = (thick * smoothstep(-1, -0.8, u))[None, :] * np.array([1.0, 0.35, -0.18])[
                    :, None
                ]
                delta[:, :, 1] -= 1.8 * depth
                delta[:, :, 2] += 0.0012
                delta[:, u > 1, 1] -= 0.0016 * (u[u > 1] - 1) / 0.17
            morphs[key] = delta.reshape(-1, 3)
        return replace(sheet(grid, LASH_BOX, "head"), morphs=morphs)

    def _lid_points(self, u: Floats, *, x: Floats, y: Floats) -> FacePoints:
        p = self.shape.front(np.clip(x, 0.0, None), y, nose=False)
        return FacePoints(p, np.zeros(len(p)))

    def _lower_lash(self) -> Mesh:
        eye = self.shape.eye
        u = -np.cos(np.linspace(0.30 * np.pi, 0.985 * np.pi, 17))
        thick = 0.00085 * smoothstep(-0.5, 0.5, u) * (1 - 0.5 * smoothstep(0.9, 1.0, u)) + 0.0001
        x, edge = eye.x + u * eye.half_width, eye.lower_lid(u)
        rows = []
        for k in (0.25, -1.0):
            p = self.shape.front(x, edge + k * thick, nose=False)
            p[:, 2] += 0.0007
            rows.append(p)
        lid = self._lid_points(u, x=x, y=edge)
        names = ("eyeBlink", "eyeSquint", "eyeWide", "eyeLookUp", "eyeLookDown", "cheekSquint")
        morphs = {
            f"{n}Left": np.tile(self.fields.displacement(f"{n}Left", lid), (2, 1)) for n in names
        }
        return replace(sheet(np.stack(rows), LASH_BOX, "head"), morphs=morphs)

    def _brow(self) -> Mesh:
        spine = curve([(0.0135, 0.0120), (0.027, 0.0168), (0.041, 0.0168), (0.0555, 0.0108)], 17)
        t = np.linspace(0, 1, 17)
        thick = 0.00205 * (1 - 0.86 * t**1.6) * smoothstep(-0.06, 0.12, t)
        rows = []
        for k in (1.0, 0.0, -1.0):
            p = self.shape.front(spine[:, 0], spine[:, 1] + k * thick, nose=False)
            p[:, 2] += 0.0010 + 0.0004 * (k == 0)
            rows.append(p)
        brow = sheet(np.stack(rows), BROW_BOX, "head")
        points = FacePoints(brow.positions, np.zeros(brow.count), follows_lids=False)
        return replace(brow, morphs=all_displacements(self.fields, points))

    def _ear(self) -> Mesh:
        ring, turn = np.linspace(1, 0.05, 6), np.linspace(0, 2 * np.pi, 19)
        r, a = np.meshgrid(ring, turn, indexing="ij")
        rim = 0.0085 * (1 - (2 * r - 1.15) ** 2)
        z = -0.012 + 0.014 * r * np.cos(a) - 0.004 * r * np.sin(a)
        y = -0.026 + 0.024 * r * np.sin(a) * (1 + 0.25 * np.sin(a))
        x = 0.0775 + rim * (0.55 + 0.45 * -np.cos(a)) - 0.002 * np.sin(a)
        points = np.stack([x, y, z], -1)
        ear = sheet(points, (0, 0, 1, 1), "head")
        return replace(ear, uvs=np.tile([[0.03, 0.03]], (ear.count, 1)))

    def _cavity(self) -> Mesh:
        """A dark room behind the lips, its front edge on theirs."""
        loop = self.skin.mesh.positions[self.skin.mouth_loop]
        half = len(loop) // 2
        lower = np.r_[0.5, np.zeros(half - 1), 0.5, np.ones(half - 1)]
        x, y = loop[:, 0], self.shape.mouth.y + 0 * loop[:, 1]
        spread = 1 - 2 * lower
        rings = [loop]
        for wide, tall, back in (
            (1.2, 0.008, 0.0045),
            (1.3, 0.011, 0.010),
            (1.0, 0.010, 0.030),
            (0.05, 0, 0.036),
        ):
            ring = self.shape.front(x * wide, y + spread * tall, nose=False)
            rings.append(ring - [0, 0, back])
        around = np.append(np.arange(2 * half), 0)
        grid = np.stack(rings)[:, around]
        cavity = sheet(grid, CAVITY_BOX, "head")
        lips = np.tile(grid[0], (len(rings), 1))
        points = FacePoints(lips, np.tile(lower[around], len(rings)), follows_lids=False)
        share = np.repeat([1.0, 1.0, 0.9, 0.6, 0.4], 2 * half + 1)[:, None]
        morphs = {n: d * share for n, d in all_displacements(self.fields, points).items()}
        return replace(cavity, morphs=morphs)

    def _arch(self, top: float, bottom: float, back: float, box: tuple[float, ...]) -> Mesh:
        a = np.linspace(-1.25, 1.25, 15)
        z0 = self.shape.front(0.0, self.shape.mouth.y)[0, 2] - back
        y = np.linspace(top, bottom, 3)[:, None] + self.shape.mouth.y + 0 * a
        x = 0.0155 * np.sin(a) + 0 * y
        z = z0 - 0.016 * (1 - np.cos(a)) + 0 * y
        return sheet(np.stack([x, y, z], -1), box, "head")

    def _teeth(self) -> Mesh:
        upper = self._arch(0.0075, -0.0036, 0.0036, TEETH_BOX)
        lower = self._arch(-0.0062, -0.0110, 0.0062, TEETH_BOX)
        lift = np.tile([0.0, 0.0034, -0.001], (upper.count, 1))
        upper = replace(upper, morphs={"mouthPucker": lift, "mouthFunnel": 0.6 * lift})
        return merge([upper, self._with_jaw(lower, 0.82)])

    def _with_jaw(self, mesh: Mesh, share: float) -> Mesh:
        n = mesh.count
        morphs = dict(mesh.morphs) | {
            "jawOpen": np.tile([0, -0.0165 * share, -0.004], (n, 1)),
            "jawForward": np.tile([0, 0, 0.006], (n, 1)),
            "jawLeft": np.tile([0.0075, 0, 0], (n, 1)),
            "jawRight": np.tile([-0.0075, 0, 0], (n, 1)),
        }
        return replace(mesh, morphs=morphs)

    def _tongue(self) -> Mesh:
        t, a = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 9), indexing="ij")
        z0 = self.shape.front(0.0, self.shape.mouth.y)[0, 2]
        width = 0.0098 * np.sqrt(np.clip(1 - np.clip((t - 0.45) / 0.55, 0, 1) ** 2.4, 0, 1))
        x = a * width
        z = z0 - 0.030 + 0.024 * t
        y = (
            self.shape.mouth.y
            - 0.0052
            + 0.0034 * (1 - a**2) * (1 - 0.6 * t)
            - 0.0018 * falloff(a, 0, 0.2)
        )
        tongue = sheet(np.stack([x, y, z], -1)[:, ::-1], TONGUE_BOX, "head")
        reach = smoothstep(0.1, 1.0, t[:, ::-1].ravel())
        out = np.stack(
            [0 * reach, 0.0032 * falloff(reach, 0.5, 0.35) - 0.0085 * reach**3, 0.0215 * reach], -1
        )
        return self._with_jaw(replace(tongue, morphs={"tongueOut": out}), 0.85)
