"""The stage dress: bodice, collar, puff sleeves, skirt, ribbons, cuffs, socks and shoes.

`CLOTH` names boxes of the cloth texture, which `paint_cloth.py` fills.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from export.avatar.body import left_leg, spine_weights, torso, torso_section
from export.avatar.geometry import (
    Floats,
    Mesh,
    loft,
    merge,
    sheet,
    smoothstep,
)
from export.avatar.skeleton import Bone, Spring, humanoid_bones

CLOTH: dict[str, tuple[float, float, float, float]] = {
    "bodice": (0.0, 0.0, 0.5, 0.25),
    "skirt": (0.5, 0.0, 1.0, 0.25),
    "sleeve": (0.0, 0.25, 0.25, 0.5),
    "ribbon": (0.25, 0.25, 0.5, 0.5),
    "white": (0.52, 0.27, 0.73, 0.48),
    "sock": (0.75, 0.25, 1.0, 0.5),
    "shoe": (0.02, 0.52, 0.23, 0.73),
    "trim": (0.27, 0.52, 0.48, 0.73),
    "frill": (0.5, 0.5, 0.75, 0.75),
    "cloth": (0.77, 0.52, 0.98, 0.73),
    "sole": (0.02, 0.77, 0.23, 0.98),
    "cuff": (0.25, 0.75, 0.5, 1.0),
    "collar": (0.5, 0.75, 1.0, 1.0),
}
UV = {
    name: (u0 + 0.004, v0 + 0.004, u1 - 0.004, v1 - 0.004)
    for name, (u0, v0, u1, v1) in CLOTH.items()
}
"""The boxes without their rims, where a neighbour's colour would bleed in."""
_PLACES = {bone.name: np.array(bone.place) for bone in humanoid_bones()}
_WAIST_Y = 1.005
_SKIRT_ROWS = 9
_SKIRT_CHAINS = 10


def _skirt_angle(number: int) -> float:
    return 2 * np.pi * number / _SKIRT_CHAINS


def _skirt_profile(t: Floats) -> tuple[Floats, Floats]:
    """Height and reach beyond the waist of the skirt at t in [0, 1] from waist to hem."""
    return _WAIST_Y - 0.262 * t - 0.02 * np.sin(np.pi * t) * 0, 0.118 * t**0.78 + 0.010 * np.sin(
        np.pi * t
    )


def skirt_bones() -> list[Bone]:
    bones = []
    wide, deep, middle = torso_section(np.array(_WAIST_Y))
    for n in range(_SKIRT_CHAINS):
        names = [f"skirt{n}_{k}" for k in range(3)]
        for k, t in enumerate((0.22, 0.60, 1.0)):
            y, reach = _skirt_profile(np.array(t))
            a = _skirt_angle(n)
            place = (
                float((wide + reach) * np.sin(a)),
                float(y),
                float(middle + (deep + reach) * np.cos(a)),
            )
            bones.append(Bone(names[k], names[k - 1] if k else "hips", place))
    return bones


def skirt_springs() -> list[Spring]:
    return [
        Spring(
            f"skirt{n}",
            tuple(f"skirt{n}_{k}" for k in range(3)),
            2.2,
            0.05,
            0.5,
            0.020,
            ("leftThigh", "rightThigh"),
        )
        for n in range(_SKIRT_CHAINS)
    ]


def _skirt_weights(angle: Floats, t: Floats) -> dict[str, Floats]:
    place = (angle / (2 * np.pi) * _SKIRT_CHAINS) % _SKIRT_CHAINS
    shares: dict[str, Floats] = {"hips": 1 - smoothstep(0.05, 0.32, t)}
    low = smoothstep(0.42, 0.80, t)
    for n in range(_SKIRT_CHAINS):
        away = np.abs((place - n + _SKIRT_CHAINS / 2) % _SKIRT_CHAINS - _SKIRT_CHAINS / 2)
        near = np.clip(1 - away, 0, 1) * (1 - shares["hips"])
        shares[f"skirt{n}_0"] = near * (1 - low)
        shares[f"skirt{n}_1"] = near * low
    return shares


def _skirt_layer(
    box: ArrayLike, pleats: int, depth: float, start: float, stop: float, grow: float
) -> Mesh:
    segments = pleats * 6
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    t = np.linspace(start, stop, _SKIRT_ROWS)
    y, reach = _skirt_profile(t)
    wide, deep, middle = torso_section(np.full_like(t, _WAIST_Y), 0.004)
    wave = (0.5 + 0.5 * np.cos(angle * pleats)) ** 0.7 - 0.5
    swing = reach[:, None] + grow + depth * wave[None] * (0.12 + smoothstep(0, 1, t))[:, None]
    x = (wide[:, None] + swing) * np.sin(angle)
    z = middle[:, None] + (deep[:, None] + swing) * np.cos(angle)
    points = np.stack([x, y[:, None] + 0 * x - 0.006 * wave[None] * t[:, None], z], -1)
    weights = _skirt_weights(np.tile(angle, len(t)), np.repeat(t, segments + 1))
    return sheet(points, box, weights)


def skirt() -> Mesh:
    over = _skirt_layer(UV["skirt"], 20, 0.020, 0.0, 1.0, 0.004)
    under = _skirt_layer(UV["frill"], 30, 0.016, 0.35, 1.14, -0.008)
    return merge([over, under])


def _bow(
    centre: Floats, size: float, bone: str, *, tails: float = 1.0, box: str = "ribbon"
) -> Mesh:
    """A ribbon tied in a bow, facing +Z: two loops, two tails and a knot."""
    t, a = np.linspace(0, 1, 10), np.linspace(-1, 1, 7)
    tt, aa = np.meshgrid(t, a, indexing="ij")
    half = size * (0.13 + 0.50 * np.sin(np.pi * tt**0.85 * 0.74))
    x = size * 1.10 * tt * (1 - 0.24 * aa**2 * tt)
    y = aa * half + size * 0.10 * tt
    z = size * 0.26 * np.sin(np.pi * tt) * (1 - 0.5 * aa**2) + size * 0.05 * np.cos(aa * 6) * tt
    loop = sheet(np.stack([x, y, z], -1)[:, ::-1] + centre, UV[box], bone)
    drop = np.stack(
        [
            size * (0.10 + 0.55 * tt) + aa * size * (0.12 + 0.12 * tt),
            -size * (0.1 + tails * 1.35 * tt) - aa * size * 0.18 * tt,
            size * 0.05 * np.sin(tt * 5) - 0.002 + 0 * aa,
        ],
        -1,
    )
    tail = sheet(drop[:, ::1] + centre, UV[box], bone)
    knot = loft(
        centre + np.linspace([0, 0.17 * size, 0.07 * size], [0, -0.17 * size, 0.07 * size], 7),
        np.outer(np.sqrt(1.02 - np.linspace(-1, 1, 7) ** 2), [0.17 * size, 0, 0]),
        np.outer(np.sqrt(1.02 - np.linspace(-1, 1, 7) ** 2), [0, 0, 0.15 * size]),
        UV["trim"] if box == "ribbon" else UV[box], bone, segments=10,
    )  # fmt: skip
    halves = [loop, tail] if tails else [loop]
    return merge(
        [
            *halves,
            *(h.mirrored() if centre[0] == 0 else _mirror_at(h, centre[0]) for h in halves),
            knot,
        ]
    )


def _mirror_at(mesh: Mesh, x: float) -> Mesh:
    moved = replace(mesh, positions=mesh.positions * [-1, 1, 1] + [2 * x, 0, 0])
    return replace(moved, triangles=mesh.triangles[:, ::-1])


def _turned(mesh: Mesh, centre: Floats, yaw: float, roll: float) -> Mesh:
    c, s, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    spin = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array(
        [[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]
    )
    return replace(mesh, positions=(mesh.positions - centre) @ spin.T + centre)


def hair_ribbon(tie: Floats) -> Mesh:
    """The left tail's ribbon at its tie, character's coordinates."""
    bow = _bow(tie, 0.052, "head", tails=0.9)
    ring = loft(
        tie + np.array([[-0.012, -0.002, 0], [-0.004, 0, 0], [0.006, 0, 0], [0.014, -0.001, 0]]),
        np.outer([0.020, 0.026, 0.026, 0.020], [0, 1, 0]),
        np.outer([0.020, 0.026, 0.026, 0.020], [0, 0, 1]),
        UV["ribbon"],
        "head",
        segments=16,
    )
    return merge([_turned(bow, tie, 0.55, -0.25), ring])


def _sleeve() -> Mesh:
    shoulder = _PLACES["leftUpperArm"]
    t = np.linspace(0, 1, 14)
    radius = 0.012 * (1 - t) + 0.036 * t + 0.044 * np.sin(np.pi * t**0.78) ** 0.75
    centre = shoulder + np.stack([-0.040 + 0.168 * t, 0.006 * np.sin(np.pi * t), 0 * t], -1)
    shares = {
        "leftShoulder": 0.6 * (1 - smoothstep(0.0, 0.35, t)),
        "leftUpperArm": 0.4 + 0.6 * smoothstep(0.0, 0.35, t),
    }
    puff = loft(
        centre,
        np.outer(radius, [0, 1, 0]),
        np.outer(radius, [0, 0, 1]),
        UV["sleeve"],
        shares,
        segments=48,
    )
    around = np.linspace(0, 2 * np.pi, 49)
    gather = 1 + 0.035 * np.cos(around * 14)[None] * np.abs(np.cos(np.pi * t))[:, None]
    grid = puff.positions.reshape(14, 49, 3)
    grid = centre[:, None] + (grid - centre[:, None]) * gather[..., None]
    band = loft(
        shoulder + np.array([[0.126, 0, 0], [0.128, 0, 0], [0.140, 0, 0], [0.142, 0, 0]]),
        np.outer([0.036, 0.0415, 0.0415, 0.035], [0, 1, 0]),
        np.outer([0.036, 0.0415, 0.0415, 0.035], [0, 0, 1]),
        UV["ribbon"],
        "leftUpperArm",
    )
    return merge([sheet(grid, UV["sleeve"], puff.weights), band])


def _cuff() -> Mesh:
    wrist = _PLACES["leftHand"]
    t = np.linspace(0, 1, 8)
    radius = 0.0275 + 0.019 * t**2
    centre = wrist + np.stack([-0.075 + 0.070 * t, 0 * t, 0 * t], -1)
    made = loft(
        centre,
        np.outer(radius, [0, 1, 0]),
        np.outer(radius, [0, 0, 1]),
        UV["cuff"],
        "leftLowerArm",
        segments=40,
    )
    grid = made.positions.reshape(8, 41, 3)
    wave = 1 + 0.09 * np.cos(np.linspace(0, 2 * np.pi, 41) * 10)[None] * (t**2)[:, None]
    grid = centre[:, None] + (grid - centre[:, None]) * wave[..., None]
    return merge(
        [
            sheet(grid, UV["cuff"], "leftLowerArm"),
            _bow(wrist + np.array([-0.062, 0.0, 0.032]), 0.018, "leftLowerArm", tails=0.6),
        ]
    )


def _collar() -> Mesh:
    """A wide white collar lying on the shoulders, open at the front."""
    a = np.linspace(0.30, 2 * np.pi - 0.30, 41)
    rows = []
    for t in np.linspace(0, 1, 9):
        y = 1.298 - 0.052 * t - 0.022 * t * np.cos(a)
        wide, deep, middle = torso_section(y, 0.010 + 0.012 * t)
        wide = 0.036 * (1 - t) + t * np.minimum(wide, 0.108)
        deep = 0.038 * (1 - t) + t * (deep + 0.007)
        rows.append(np.stack([wide * np.sin(a), y + 0.004, middle + deep * np.cos(a)], -1))
    points = np.stack(rows)
    return sheet(points, UV["collar"], spine_weights(np.minimum(points[..., 1].ravel(), 1.25)))


def _shoe() -> Mesh:
    foot, toes = _PLACES["leftFoot"], _PLACES["leftToes"]
    z = np.array([-0.062, -0.058, -0.045, -0.02, 0.01, 0.045, 0.08, 0.11, 0.130, 0.138])
    wide = np.array([0.006, 0.018, 0.026, 0.029, 0.030, 0.034, 0.037, 0.034, 0.022, 0.006])
    top = np.array([0.050, 0.075, 0.092, 0.098, 0.086, 0.066, 0.052, 0.044, 0.036, 0.024])
    t, s = np.linspace(0, 1, 28), np.linspace(0, 1, 10)
    z, wide, top = (np.interp(t, s, v) for v in (z, wide, top))
    zero = np.zeros(28)
    height = (top - 0.002) / 2
    centre = np.stack([foot[0] + zero, 0.002 + height, z], -1)
    toe = smoothstep(toes[2] - 0.02, toes[2] + 0.02, z)
    shares = {"leftFoot": 1 - toe, "leftToes": toe}
    upper = loft(
        centre,
        np.outer(height, [0, 1, 0]),
        np.outer(wide, [-1.0, 0, 0]),
        UV["shoe"],
        shares,
        segments=20,
        power=2.6,
    )
    heel = 0.012 + zero
    sole = loft(
        np.stack([foot[0] + zero, heel / 2, z], -1),
        np.outer(heel / 2, [0, 1, 0]),
        np.outer(wide + 0.002, [-1.0, 0, 0]),
        UV["sole"],
        shares,
        segments=12,
        power=5,
    )
    return merge([upper, sole])


def outfit() -> Mesh:
    bodice = torso(1.268, 0.985, 30, 0.0045, UV["bodice"])
    shorts = torso(0.99, 0.80, 12, 0.004, UV["white"])
    belt = torso(1.020, 0.985, 5, np.array([0.006, 0.010, 0.011, 0.010, 0.006]), UV["ribbon"])
    choker = torso(1.325, 1.305, 4, np.array([0.001, 0.0035, 0.0035, 0.001]), UV["cloth"], bust=0)
    legs = [
        left_leg(0.84, 0.765, 0.010, UV["white"], 6),
        left_leg(0.600, 0.085, 0.0035, UV["sock"], 28),
    ]
    left = [_sleeve(), _cuff(), _shoe(), *legs]
    chest = _bow(np.array([0.0, 1.222, 0.068]), 0.050, "upperChest", tails=1.1)
    gem = loft(
        np.linspace([0, 1.312, 0.016], [0, 1.292, 0.018], 7),
        np.outer(np.sqrt(1.01 - np.linspace(-1, 1, 7) ** 2), [0.008, 0, 0]),
        np.outer(np.sqrt(1.01 - np.linspace(-1, 1, 7) ** 2), [0, 0, 0.005]),
        UV["trim"],
        "neck",
        segments=8,
    )
    back = _turned(
        _bow(np.array([0.0, 1.000, -0.085]), 0.085, "hips", tails=1.5),
        np.array([0.0, 1.0, -0.085]),
        np.pi,
        0.0,
    )
    return merge(
        [
            bodice,
            shorts,
            belt,
            choker,
            chest,
            gem,
            back,
            _collar(),
            skirt(),
            *left,
            *(p.mirrored() for p in left),
        ]
    )
