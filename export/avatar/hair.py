"""Hair: a cap on the skull, bangs and side locks that hug it, tails or a long fall on springs.

The texture's upper half is hair on the head (v from the crown), its lower half hangs (v from
the tie).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from export.avatar.geometry import (
    Floats,
    Mesh,
    curve,
    falloff,
    lock,
    merge,
    sheet,
    smoothstep,
    unit,
)
from export.avatar.head import CENTRE, HeadShape
from export.avatar.skeleton import Bone, Spring, point

TIE = np.array([0.088, 0.062, -0.026])
"""Where the left tail is tied, in the head's coordinates."""
_TAIL = [(0.0, 0.0, 0.0), (0.050, -0.004, -0.010), (0.088, -0.085, -0.018), (0.098, -0.19, -0.022),
         (0.092, -0.30, -0.016), (0.078, -0.40, -0.006), (0.070, -0.49, 0.004)]  # fmt: skip
"""The left tail's middle from the tie, metres."""
_SIDE = [
    (0.066, -0.022, 0.050),
    (0.070, -0.075, 0.046),
    (0.066, -0.130, 0.044),
    (0.058, -0.185, 0.048),
]
_BACK = [
    (0.0, -0.03, -0.105),
    (0.0, -0.12, -0.112),
    (0.0, -0.22, -0.112),
    (0.0, -0.33, -0.110),
    (0.0, -0.43, -0.106),
]


def _directions(azimuth: ArrayLike, polar: ArrayLike) -> Floats:
    """Unit vectors: azimuth 0 faces front and grows to her left, polar 0 is the crown."""
    a, b = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(polar, float))
    return np.stack([np.sin(b) * np.sin(a), np.cos(b), np.sin(b) * np.cos(a)], -1)


@dataclass(frozen=True, slots=True)
class HairBuilder:
    shape: HeadShape
    twin_tails: bool

    def mesh(self) -> Mesh:
        left = [*self._side_locks()]
        if self.twin_tails:
            left += self._tail()
        both = left + [part.mirrored() for part in left]
        back = [] if self.twin_tails else self._fall()
        return merge([self._cap(), *self._bangs(), *both, *back])

    def bones(self) -> list[Bone]:
        chains = {"leftSideHair": _SIDE}
        if self.twin_tails:
            chains["leftTail"] = [tuple(TIE + p) for p in _TAIL]
        bones = []
        for stem, points in chains.items():
            for side, flip in ((stem, 1.0), (stem.replace("left", "right"), -1.0)):
                bones += _chain(side, np.array(points) * [flip, 1, 1])
        return bones if self.twin_tails else bones + _chain("backHair", np.array(_BACK))

    def springs(self) -> list[Spring]:
        springs = []
        for bone in dict.fromkeys(b.name[:-1] for b in self.bones()):
            names = tuple(b.name for b in self.bones() if b.name[:-1] == bone)
            long = "Side" not in bone
            springs.append(
                Spring(
                    bone, names, stiffness=0.85 if long else 1.4, gravity=0.10, drag=0.42,
                    radius_m=0.028 if long else 0.012,
                    colliders=("headBall", "torso", "leftArm", "rightArm") if long else ("torso",),
                )
            )  # fmt: skip
        return springs

    def _hug(self, azimuth: ArrayLike, polar: ArrayLike, offset: ArrayLike) -> Floats:
        d = _directions(azimuth, polar)
        return self.shape.around(d, offset=np.broadcast_to(np.asarray(offset, float), d.shape[:-1]))

    def _cap(self) -> Mesh:
        turn, depth = np.linspace(0, 2 * np.pi, 57), np.linspace(0.03, 1, 16)
        back = 0.5 - 0.5 * np.cos(turn)
        side = falloff(np.abs(np.sin(turn / 1.0)), 1.0, 0.45)
        edge = 0.86 + 1.78 * back**1.1 + 0.12 * side
        polar = depth[:, None] * edge[None, :]
        puff = 0.0125 * smoothstep(1.02, 0.62, depth)[:, None] + 0.002 + 0 * polar
        grooves = 0.0011 * np.sin(turn * 28)[None, :] * smoothstep(0.1, 0.5, depth)[:, None]
        points = self._hug(np.tile(turn, 16), polar.ravel(), (puff + grooves).ravel()).reshape(
            16, 57, 3
        )
        cap = sheet(points, (0, 0, 1, 0.5), "head")
        uvs = cap.uvs.copy()
        uvs[:, 1] = 0.5 * np.clip(polar.ravel() / 2.2, 0, 0.99)
        return replace(cap, uvs=uvs)

    def _strand(
        self, azimuth: ArrayLike, polar: ArrayLike, offset: ArrayLike, width: float, u: float,
        *, rows: int = 14, thick: float = 0.42, root: float = 0.5,
    ) -> Mesh:  # fmt: skip
        """A lock over the head through control points in azimuth, polar angle and height."""
        control = np.stack([np.asarray(v, float) for v in (azimuth, polar, offset)], -1)
        a, b, lift = curve(control, rows).T
        path = self._hug(a, b, lift)
        t = np.linspace(0, 1, rows)
        wide = (
            width
            * (root + (1 - root) * smoothstep(0, 0.45, t))
            * np.sqrt(np.clip(1 - t**3.2, 0.0004, 1))
        )
        made = lock(
            path,
            unit(path - [0, -0.02, 0]),
            wide,
            wide * thick * (1 - 0.4 * t),
            (u, 0, u + 0.16, 0.5),
            "head",
        )
        uvs = made.uvs.copy()
        uvs[:, 1] = 0.5 * np.clip(np.repeat(b, 9) / 2.2, 0, 0.99)
        return replace(made, uvs=uvs)

    def _bangs(self) -> list[Mesh]:
        """A parting off centre; rows: azimuth of root and tip, polar angle of tip, half-width."""
        rows = [
            (-0.98, -1.10, 1.80, 0.0170),
            (-0.80, -0.90, 1.50, 0.0185),
            (-0.58, -0.66, 1.33, 0.0185),
            (-0.36, -0.42, 1.36, 0.0180),
            (-0.16, -0.17, 1.27, 0.0160),
            (0.02, 0.05, 1.43, 0.0130),
            (0.20, 0.27, 1.30, 0.0165),
            (0.40, 0.50, 1.38, 0.0180),
            (0.62, 0.73, 1.33, 0.0185),
            (0.82, 0.93, 1.52, 0.0185),
            (0.99, 1.12, 1.82, 0.0170),
        ]
        made = []
        for number, (root, tip, reach, width) in enumerate(rows):
            layer = 0.0015 * (number % 2)
            made.append(
                self._strand(
                    (root * 0.35, root * 0.8, (root + tip) / 2, tip),
                    (0.34, 0.68, 0.98, reach),
                    (0.0115, 0.0165 + layer, 0.0165 + layer, 0.0085 + layer),
                    width,
                    0.09 * number,
                )
            )
        ahoge = self._strand(
            (0.3, 0.5, 0.9, 1.1),
            (0.02, 0.12, 0.30, 0.62),
            (0.010, 0.030, 0.036, 0.020),
            0.0060,
            0.3,
        )
        return [*made, ahoge]

    def _side_locks(self) -> list[Mesh]:
        spine = curve([(0.064, 0.050, 0.044), (0.078, 0.010, 0.046), *_SIDE[:3], _SIDE[3]], 20)
        t = np.linspace(0, 1, 20)
        made = []
        for dx, dz, width, reach, u in (
            (0, 0, 0.0165, 1.0, 0.1),
            (0.006, -0.018, 0.0150, 0.86, 0.4),
            (-0.006, 0.010, 0.0095, 0.78, 0.7),
        ):
            path = curve(spine[: max(6, int(20 * reach))], 18) + np.array([dx, 0, dz])
            path = path + np.outer(falloff(t[:18], 0.55, 0.3), [0.004, 0, 0.004])
            wide = (
                width
                * smoothstep(-0.35, 0.25, t[:18])
                * np.sqrt(np.clip(1 - (np.arange(18) / 17) ** 3, 0.0005, 1))
            )
            out = unit(
                np.stack([path[:, 0] * 1.0, 0 * path[:, 0], path[:, 2] * 0.6 + 0 * path[:, 0]], -1)
            )
            share = _chain_weights("leftSideHair", np.array(_SIDE), path)
            made.append(lock(path, out, wide, wide * 0.42, (u, 0.06, u + 0.2, 0.49), share))
        return made

    def _tail(self) -> list[Mesh]:
        """A core and a ring of locks around the tail's curve, spreading and tapering."""
        middle = curve(np.array(_TAIL) + TIE, 22)
        along = unit(np.gradient(middle, axis=0))
        across = unit(np.cross(along, [0.0, 0.0, 1.0]))
        lift = np.cross(across, along)
        t = np.linspace(0, 1, 22)
        spread = 0.010 + 0.026 * smoothstep(0, 0.35, t) * (1 - 0.55 * smoothstep(0.5, 1.0, t))
        made = []
        for number in range(8):
            turn = 2 * np.pi * number / 8 + 0.3
            swirl = turn + 0.9 * t
            out = across * np.cos(swirl)[:, None] + lift * np.sin(swirl)[:, None]
            reach = 1.0 - 0.14 * ((number * 5) % 8) / 8
            path = curve((middle + out * spread[:, None])[: int(22 * reach)], 18)
            flat = curve(out[: int(22 * reach)], 18)
            s = np.linspace(0, 1, 18)
            curl = falloff(s, 1.0, 0.22)[:, None] * flat * 0.022
            wide = (
                0.0255
                * (0.42 + 0.58 * smoothstep(0, 0.3, s))
                * np.sqrt(np.clip(1 - s**2.6, 0.0004, 1))
            )
            share = _chain_weights("leftTail", np.array(_TAIL) + TIE, path)
            made.append(
                lock(
                    path + curl,
                    flat,
                    wide,
                    wide * 0.45,
                    (0.12 * number, 0.505, 0.12 * number + 0.12, 0.995),
                    share,
                )
            )
        return made

    def _fall(self) -> list[Mesh]:
        """Long hair down the back in two layers."""
        made = []
        for layer, (count, depth, down) in enumerate(((9, 0.0, 1.0), (8, 0.012, 0.9))):
            for a in np.linspace(-1.25, 1.25, count):
                start = self._hug([np.pi - a], [1.25], [0.006 + depth])[0]
                drop = np.linspace(0, 1, 20)
                x = start[0] * (1 + 0.25 * np.sin(drop * 2.4))
                path = np.stack(
                    [
                        x,
                        start[1] - 0.44 * down * drop,
                        start[2] * np.cos(a * 0.0) - 0.022 * np.sin(np.pi * drop),
                    ],
                    -1,
                )
                wide = 0.024 * np.sqrt(np.clip(1 - drop**3, 0.0004, 1))
                out = np.tile(unit(np.array([np.sin(a) * -1.0, 0, -np.cos(a)])), (20, 1)) * [
                    -1,
                    1,
                    1,
                ]
                share = _chain_weights("backHair", np.array(_BACK), path)
                made.append(
                    lock(
                        path,
                        out,
                        wide,
                        wide * 0.4,
                        (0.1 * abs(a), 0.505, 0.1 * abs(a) + 0.12 + 0.01 * layer, 0.995),
                        share,
                    )
                )
        return made


def _chain(stem: str, points: Floats) -> list[Bone]:
    names = [f"{stem}{k}" for k in range(len(points))]
    places = points + CENTRE
    return [
        Bone(name, parent, point(place))
        for name, parent, place in zip(names, ["head", *names], places, strict=False)
    ]


def _chain_weights(stem: str, points: Floats, path: Floats) -> dict[str, Floats]:
    """Weights along a chain, per row of `path`: a row belongs to the bones above and below it."""
    order = np.argmin(np.linalg.norm(path[:, None] - curve(points, 200)[None], axis=2), axis=1)
    at = order / 199 * (len(points) - 1) - 0.5
    shares = {"head": np.clip(-at * 2, 0, 1)}
    for k in range(len(points) - 1):
        shares[f"{stem}{k}"] = np.clip(1 - np.abs(np.clip(at, 0, len(points) - 2) - k), 0, 1)
    scale = 1 - shares["head"]
    return {name: w if name == "head" else w * scale for name, w in shares.items()}
