"""The avatar's textures, painted with soft shapes into (h, w, 3) arrays of sRGB in [0, 1]."""

import numpy as np
from numpy.typing import ArrayLike

from export.avatar.features import (
    BROW_BOX,
    CAVITY_BOX,
    IRIS_BOX,
    LASH_BOX,
    SCLERA_BOX,
    TEETH_BOX,
    TONGUE_BOX,
)
from export.avatar.geometry import Floats, falloff, smoothstep
from export.avatar.head import TEXTURE_HALF_HEIGHT, TEXTURE_HALF_WIDTH, HeadShape
from export.avatar.style import AvatarStyle, rgb


class Canvas:
    """An image with coordinates: shapes are drawn as coverage masks in [0, 1]."""

    def __init__(self, width: int, height: int, colour: ArrayLike) -> None:
        self.image = np.empty((height, width, 3))
        self.image[:] = np.asarray(colour, float)
        self.u, self.v = np.meshgrid(
            (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        )

    def cover(self, mask: Floats, colour: ArrayLike) -> None:
        self.image += np.clip(mask, 0, 1)[..., None] * (np.asarray(colour, float) - self.image)

    def box(self, box: tuple[float, ...], colour: ArrayLike) -> None:
        u0, v0, u1, v1 = box
        inside = (self.u >= u0) & (self.u <= u1) & (self.v >= v0) & (self.v <= v1)
        self.cover(inside.astype(float), colour)

    def within(self, box: tuple[float, ...]) -> tuple[Floats, Floats, Floats]:
        """Coordinates in [-1, 1] inside a box (+v down), and the box's mask."""
        u0, v0, u1, v1 = box
        u, v = (self.u - u0) / (u1 - u0) * 2 - 1, (self.v - v0) / (v1 - v0) * 2 - 1
        return u, v, ((np.abs(u) <= 1) & (np.abs(v) <= 1)).astype(float)


def mix(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Floats:
    t = np.asarray(t, float)[..., None]
    return np.asarray(np.asarray(a, float) * (1 - t) + np.asarray(b, float) * t)


def paint_face(style: AvatarStyle, shape: HeadShape, size: int = 1024) -> Floats:
    """The front view of the head: blush, lips, nose, lids' shading on skin."""
    canvas = Canvas(size, size, rgb(style.skin))
    x = (canvas.u * 2 - 1) * TEXTURE_HALF_WIDTH
    y = (1 - canvas.v * 2) * TEXTURE_HALF_HEIGHT
    shade, blush, lips = rgb(style.skin_shade), rgb(style.blush), np.array(rgb(style.lips))
    across, mouth = np.abs(x), shape.mouth
    canvas.cover(0.42 * smoothstep(0.030, 0.085, y), shade)
    cheek = falloff(across, 0.0460, 0.0165) * falloff(y, -0.0545, 0.0100)
    canvas.cover(0.50 * cheek, blush)
    canvas.cover(0.22 * falloff(x, 0.0005, 0.0042) * falloff(y, -0.0600, 0.0026), shade)
    canvas.cover(0.80 * _stroke(x, y + 0.0612 - 6 * x**2, 0.0024, 0.00055), mix(shade, lips, 0.35))
    canvas.cover(0.75 * falloff(x, -0.0010, 0.0016) * falloff(y, -0.0545, 0.0024), (1, 1, 1))
    _paint_lips(canvas, x, y, shape, lips)
    canvas.cover(0.45 * falloff(x, 0, 0.008) * falloff(y, mouth.y - 0.0105, 0.0018), shade)
    _paint_lids(canvas, across, y, shape, style)
    return canvas.image


def _stroke(x: Floats, off: Floats, half_length: float, half_width: float) -> Floats:
    """A line with soft ends: `off` is the distance from it."""
    return falloff(off, 0, half_width) * (1 - smoothstep(half_length * 0.5, half_length, np.abs(x)))


def _paint_lips(canvas: Canvas, x: Floats, y: Floats, shape: HeadShape, lips: Floats) -> None:
    mouth = shape.mouth
    u = x / mouth.half_width
    bow = np.sqrt(np.clip(1 - (u / 0.95) ** 2, 0, 1))
    off = y - mouth.line(x)
    upper = np.where(off > 0, 1 - smoothstep(0.0008, 0.0024, off / np.maximum(bow, 0.05)), 0)
    lower = np.where(off <= 0, 1 - smoothstep(0.0015, 0.0042, -off / np.maximum(bow, 0.05)), 0)
    canvas.cover(0.34 * upper * bow, lips)
    canvas.cover(0.46 * lower * bow, lips)
    canvas.cover(0.60 * falloff(x, -0.001, 0.0042) * falloff(off, -0.0022, 0.0006), (1, 0.97, 0.97))
    dark = lips * [0.62, 0.38, 0.42]
    ends = 1 - smoothstep(0.93, 1.04, np.abs(u))
    width = 0.00042 + 0.00030 * smoothstep(0.55, 1.0, np.abs(u)) * ends
    canvas.cover(0.92 * falloff(off, 0, width) * ends, dark)


def _paint_lids(
    canvas: Canvas, across: Floats, y: Floats, shape: HeadShape, style: AvatarStyle
) -> None:
    eye = shape.eye
    u = eye.across(across)
    shade, line = rgb(style.skin_shade), mix(rgb(style.lash), rgb(style.skin_shade), 0.45)
    above = y - eye.upper_lid(np.clip(u, -1, 1))
    below = eye.lower_lid(np.clip(u, -1, 1)) - y
    near = 1 - smoothstep(0.95, 1.25, np.abs(u))
    canvas.cover(0.40 * near * falloff(above, 0.001, 0.0042) * (above > -0.002), shade)
    canvas.cover(0.40 * near * falloff(below, 0.0, 0.0028) * (below > -0.002), rgb(style.blush))
    crease = (1 - smoothstep(0.55, 0.95, np.abs(u - 0.12))) * falloff(above, 0.0052, 0.00042)
    canvas.cover(0.34 * crease, line)


def paint_features(style: AvatarStyle, size: int = 512) -> Floats:
    """Iris, white, and the flat colours of lashes, brows and the inside of the mouth."""
    canvas = Canvas(size, size, rgb(style.lash))
    _paint_sclera(canvas, style)
    _paint_iris(canvas, style)
    brow_u, _, brow = canvas.within(BROW_BOX)
    canvas.cover(brow, mix(rgb(style.brow), rgb(style.hair_shade), smoothstep(0.2, 1, brow_u)))
    _, lash_v, lash = canvas.within(LASH_BOX)
    canvas.cover(lash * smoothstep(-0.2, 1.0, lash_v) * 0.30, rgb(style.blush))
    _, depth, cavity = canvas.within(CAVITY_BOX)
    canvas.cover(cavity, mix((0.62, 0.20, 0.25), (0.45, 0.11, 0.17), smoothstep(-1.0, 0.0, depth)))
    _, row, teeth = canvas.within(TEETH_BOX)
    canvas.cover(teeth, mix((0.90, 0.85, 0.86), (0.96, 0.94, 0.93), smoothstep(-1.0, -0.2, row)))
    side, along, tongue = canvas.within(TONGUE_BOX)
    canvas.cover(tongue, mix((0.78, 0.34, 0.37), (0.95, 0.56, 0.57), smoothstep(-0.6, 0.9, along)))
    canvas.cover(tongue * 0.35 * falloff(side, 0, 0.12), (0.72, 0.30, 0.34))
    return canvas.image


def _paint_sclera(canvas: Canvas, style: AvatarStyle) -> None:
    _, v, mask = canvas.within(SCLERA_BOX)
    canvas.cover(mask, (0.965, 0.96, 0.98))
    lid_shadow = mix(rgb(style.hair_shade), rgb(style.skin_shade), 0.45)
    canvas.cover(mask * 0.62 * (1 - smoothstep(-0.75, -0.28, v)), lid_shadow)
    canvas.cover(mask * 0.20 * smoothstep(0.45, 0.9, v), rgb(style.skin_shade))


def _paint_iris(canvas: Canvas, style: AvatarStyle) -> None:
    u, v, mask = canvas.within(IRIS_BOX)
    r, angle = np.hypot(u, v), np.arctan2(v, u)
    top, mid, low = (np.array(rgb(c)) for c in (style.iris_top, style.iris, style.iris_bottom))
    colour = mix(top, mid, smoothstep(-0.75, 0.05, v))
    colour = mix(colour, low, smoothstep(0.05, 0.95, v))
    canvas.cover(mask, colour)
    rays = 0.5 + 0.5 * np.sin(angle * 23 + 2.1 * np.sin(angle * 7))
    ring = smoothstep(0.38, 0.55, r) * (1 - smoothstep(0.75, 0.92, r))
    canvas.cover(mask * 0.20 * rays * ring, low)
    canvas.cover(
        mask * 0.75 * falloff(u, 0, 0.52) * falloff(v, 0.66, 0.20), mix(low, (1, 1, 1), 0.35)
    )
    pupil = 1 - smoothstep(0.30, 0.40, np.hypot(u / 0.86, (v + 0.02) / 1.15))
    canvas.cover(mask * 0.92 * pupil, top * 0.45)
    canvas.cover(mask * 0.55 * falloff(u, 0, 0.22) * falloff(v, 0.18, 0.10), mid)
    canvas.cover(mask * 0.80 * (1 - smoothstep(-0.92, -0.36, v - 0.12 * u**2)), top * 0.42)
    canvas.cover(mask * 0.95 * smoothstep(0.83, 0.93, r), top * 0.40)
    spot = 1 - smoothstep(0.80, 1.0, np.hypot((u + 0.36) / 0.25, (v + 0.42) / 0.27))
    canvas.cover(mask * spot, (1, 1, 1))
    small = 1 - smoothstep(0.70, 1.0, np.hypot((u - 0.40) / 0.13, (v - 0.40) / 0.14))
    canvas.cover(mask * 0.95 * small, (1, 1, 1))
    star = 1 - smoothstep(0.6, 1.0, np.hypot((u + 0.06) / 0.075, (v + 0.60) / 0.075))
    canvas.cover(mask * 0.8 * star, (1, 1, 1))


def paint_hair(style: AvatarStyle, size: int = 512) -> Floats:
    """U runs around strands, v from the crown (0 to 0.5 on the head) and along tails (0.5 to 1)."""
    canvas = Canvas(size, size, rgb(style.hair))
    u, v = canvas.u, canvas.v
    base, shade, tip = (np.array(rgb(c)) for c in (style.hair, style.hair_shade, style.hair_tip))
    light = mix(base, (1, 1, 1), 0.45)
    streak = sum(
        np.sin(2 * np.pi * (f * u + p)) / w for f, p, w in ((9, 0.1, 2), (23, 0.4, 3), (47, 0.7, 4))
    )
    head = v < 0.5
    along = np.where(head, v * 2, v * 2 - 1)
    canvas.cover(
        np.where(head, 0.55 * smoothstep(0.30, 0.0, along), 0.35 * smoothstep(0.2, 0, along)), shade
    )
    canvas.cover(np.where(head, 0.30 * smoothstep(0.72, 1.0, along), 0.0), mix(base, tip, 0.6))
    canvas.cover(np.where(head, 0.0, smoothstep(0.30, 1.0, along)), tip)
    canvas.cover(0.22 * smoothstep(0.25, 0.9, streak), shade)
    canvas.cover(0.14 * smoothstep(0.2, 0.9, -streak), light)
    teeth = 0.040 * np.abs(((u * 10 + 0.25) % 1) * 2 - 1) + 0.02 * np.sin(2 * np.pi * 27 * u)
    band = np.where(head, along - 0.50 - teeth, along - 0.20 - 1.6 * teeth)
    halo = smoothstep(-0.055, -0.035, band) * (1 - smoothstep(0.012, 0.055, band))
    canvas.cover(np.where(head, 0.62, 0.40) * halo, light)
    return canvas.image
