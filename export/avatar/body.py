"""The body under the clothes: torso, neck, arms, hands, legs. Character's coordinates, metres."""

import numpy as np
from numpy.typing import ArrayLike

from export.avatar.geometry import Floats, Mesh, curve, falloff, loft, merge, smoothstep, unit
from export.avatar.skeleton import FINGERS, THUMB, THUMB_WAY, humanoid_bones

SKIN_BOX = (0.02, 0.48, 0.03, 0.52)
"""Plain skin in the face texture."""

_PLACES = {bone.name: np.array(bone.place) for bone in humanoid_bones()}

TORSO = np.array(
    [
        # height, half-width, half-depth, middle z
        (1.345, 0.0305, 0.0330, -0.014),
        (1.315, 0.0285, 0.0305, -0.018),
        (1.290, 0.0305, 0.0320, -0.022),
        (1.272, 0.0560, 0.0430, -0.020),
        (1.256, 0.0880, 0.0520, -0.016),
        (1.236, 0.1000, 0.0600, -0.012),
        (1.200, 0.1000, 0.0680, -0.006),
        (1.160, 0.1010, 0.0730, -0.002),
        (1.120, 0.0980, 0.0720, -0.001),
        (1.080, 0.0890, 0.0660, -0.004),
        (1.040, 0.0800, 0.0610, -0.006),
        (1.000, 0.0780, 0.0600, -0.006),
        (0.960, 0.0880, 0.0660, -0.006),
        (0.915, 0.1080, 0.0760, -0.008),
        (0.870, 0.1180, 0.0820, -0.010),
        (0.830, 0.1140, 0.0790, -0.008),
        (0.795, 0.0800, 0.0600, -0.004),
    ]
)


def torso_section(height: Floats, grow: Floats | float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Half-width, half-depth and middle z of the torso at a height, `grow` metres off the skin."""
    table = TORSO[::-1]
    columns = [np.interp(height, table[:, 0], table[:, k]) for k in (1, 2, 3)]
    return columns[0] + grow, columns[1] + grow, columns[2]


def spine_weights(height: Floats) -> dict[str, Floats]:
    """Bones of the trunk by height, blended halfway between joints."""
    chain = ("hips", "spine", "chest", "upperChest", "neck", "head")
    starts = [0.0, 0.940, 1.030, 1.130, 1.285, 1.355]
    shares = {}
    rise = [smoothstep(at - 0.03, at + 0.03, height) for at in starts[1:]]
    for k, name in enumerate(chain):
        above = rise[k] if k < len(rise) else np.zeros_like(height)
        below = rise[k - 1] if k else np.ones_like(height)
        shares[name] = below * (1 - above)
    return shares


def torso(
    top: float,
    bottom: float,
    rows: int,
    grow: Floats | float,
    uv_box: ArrayLike,
    *,
    bust: float = 0.017,
) -> Mesh:
    """The trunk's surface from `top` to `bottom`, pushed out by `grow` metres (by row)."""
    points = curve(TORSO, 120)
    y = np.linspace(top, bottom, rows)
    wide, deep, middle = (np.interp(-y, -points[:, 0], points[:, k]) for k in (1, 2, 3))
    zero = np.zeros(rows)
    made = loft(
        np.stack([zero, y, middle], -1),
        np.stack([wide + grow, zero, zero], -1),
        np.stack([zero, zero, deep + grow], -1),
        uv_box,
        spine_weights(y),
        segments=32,
        power=2.25,
    )
    p = made.positions
    swell: Floats = falloff(np.abs(p[:, 0]), 0.044, 0.036) * falloff(
        p[:, 1], 1.150, np.where(p[:, 1] > 1.15, 0.054, 0.042)
    )
    p[:, 2] += bust * swell * smoothstep(0.0, 0.04, p[:, 2])
    return made


def limb(
    points: ArrayLike,
    radii: ArrayLike,
    rows: int,
    bones: tuple[str, ...],
    joints: ArrayLike,
    uv_box: ArrayLike = SKIN_BOX,
    *,
    side: ArrayLike,
    flat: float = 1.0,
    soft: float = 0.03,
    segments: int = 16,
) -> Mesh:
    """A tube along (k, 3) points; bone n takes over from n-1 around distance `joints[n-1]`."""
    path = curve(points, rows)
    radius = curve(radii, rows)[:, 0]
    along = unit(np.gradient(path, axis=0))
    across = unit(np.asarray(side, float) - along * (along @ np.asarray(side, float))[:, None])
    front = np.cross(along, across)
    reach = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    rise = [smoothstep(at - soft, at + soft, reach) for at in np.atleast_1d(joints)]
    shares = {}
    for k, name in enumerate(bones):
        above = rise[k] if k < len(rise) else np.zeros(rows)
        below = rise[k - 1] if k else np.ones(rows)
        shares[name] = below * (1 - above)
    return loft(
        path,
        across * radius[:, None] * flat,
        front * radius[:, None],
        uv_box,
        shares,
        segments=segments,
    )


ARM_RADII = (0.040, 0.0365, 0.0335, 0.0315, 0.0305, 0.0300, 0.0270, 0.0230, 0.0205, 0.0200)


def left_arm() -> Mesh:
    a, w = _PLACES["leftUpperArm"], _PLACES["leftHand"]
    points = np.linspace(a - [0.02, 0, 0], w + np.array([0.006, 0, 0]), 10)
    elbow = _PLACES["leftLowerArm"][0] - a[0] + 0.02
    return limb(points, ARM_RADII, 26, ("leftUpperArm", "leftLowerArm"), [elbow], side=(0, 1, 0))


def left_hand() -> Mesh:
    """Palm down in the T-pose."""
    wrist = _PLACES["leftHand"]
    x = np.array([-0.004, 0.006, 0.020, 0.040, 0.060, 0.078, 0.092])
    deep = np.array([0.0165, 0.0190, 0.0255, 0.0325, 0.0345, 0.0340, 0.0290])
    thick = np.array([0.0160, 0.0150, 0.0145, 0.0140, 0.0125, 0.0110, 0.0065])
    rows = np.linspace(0, 1, 14)
    old = np.linspace(0, 1, 7)
    x, deep, thick = (np.interp(rows, old, v) for v in (x, deep, thick))
    zero = np.zeros(14)
    palm = loft(
        wrist + np.stack([x, zero, zero], -1),
        np.stack([zero, thick, zero], -1),
        np.stack([zero, zero, deep], -1),
        SKIN_BOX,
        {
            "leftLowerArm": 0.5 * (1 - smoothstep(-0.01, 0.012, x)),
            "leftHand": 0.5 + 0.5 * smoothstep(-0.01, 0.012, x),
        },
        power=2.6,
    )
    parts = [palm]
    for finger, (root, lengths, radius) in FINGERS.items():
        names = tuple(f"left{finger}{part}" for part in ("Proximal", "Intermediate", "Distal"))
        parts.append(_finger(wrist + root, np.array([1.0, 0, 0]), lengths, radius, names))
    root, lengths, radius = THUMB
    names = ("leftThumbMetacarpal", "leftThumbProximal", "leftThumbDistal")
    parts.append(_finger(wrist + root, np.array(THUMB_WAY), lengths, radius, names))
    return merge(parts)


def _finger(
    root: Floats, way: Floats, lengths: tuple[float, ...], radius: float, names: tuple[str, ...]
) -> Mesh:
    total = sum(lengths)
    t = np.array([-0.010, 0, 0.25, 0.5, 0.75, 0.90, 0.975, 1.0]) * np.r_[1, np.full(7, total)]
    radii = radius * np.array([0.95, 1.0, 0.95, 0.90, 0.80, 0.66, 0.40, 0.05])
    joints = np.cumsum(lengths)[:-1] + 0.010
    points = root + np.outer(t, way)
    rows = np.interp(np.linspace(0, 1, 14), np.linspace(0, 1, 8), np.arange(8))
    radii = np.interp(rows, np.arange(8), radii)
    made = np.stack([np.interp(rows, np.arange(8), points[:, k]) for k in range(3)], -1)
    return limb(made, radii, 14, names, joints, side=(0, 1, 0), flat=0.95, soft=0.006, segments=10)


LEG_POINTS = [
    (0.066, 0.850, -0.004),
    (0.072, 0.700, 0.002),
    (0.075, 0.560, 0.006),
    (0.075, 0.466, 0.006),
    (0.0755, 0.360, -0.006),
    (0.0755, 0.260, -0.013),
    (0.075, 0.160, -0.015),
    (0.074, 0.085, -0.016),
]
LEG_RADII = (0.0770, 0.0700, 0.0580, 0.0475, 0.0485, 0.0440, 0.0320, 0.0275)


def left_leg(top: float, bottom: float, grow: float, uv_box: ArrayLike, rows: int = 20) -> Mesh:
    """A piece of the leg between two heights, `grow` metres outside the skin."""
    path = curve(np.array(LEG_POINTS), 80)
    radius = curve(np.array(LEG_RADII), 80)[:, 0]
    y = np.linspace(top, bottom, rows)
    points = np.stack([np.interp(-y, -path[:, 1], path[:, k]) for k in range(3)], -1)
    points[:, 1] = y
    knee = _PLACES["leftLowerLeg"][1]
    return limb(
        points, np.interp(-y, -path[:, 1], radius) + grow, rows, ("leftUpperLeg", "leftLowerLeg"),
        [top - knee], uv_box, side=(1, 0, 0), soft=0.035, segments=20,
    )  # fmt: skip


def bare_skin() -> Mesh:
    """All skin that clothes may leave visible."""
    neck = torso(1.372, 1.19, 22, 0.0, SKIN_BOX, bust=0.0)
    left = [left_arm(), left_hand(), left_leg(0.86, 0.40, 0.0, SKIN_BOX, 24)]
    return merge([neck, *left, *(part.mirrored() for part in left)])
