"""The texture of the clothes: boxes of fabric with trims, buttons and shading."""

import numpy as np

from export.avatar.geometry import Floats, falloff, smoothstep
from export.avatar.outfit import CLOTH
from export.avatar.paint import Canvas, mix
from export.avatar.style import AvatarStyle, rgb


def paint_cloth(style: AvatarStyle, size: int = 512) -> Floats:
    cloth, white, accent, trim = (
        np.array(rgb(c)) for c in (style.cloth, style.cloth_light, style.accent, style.trim)
    )
    canvas = Canvas(size, size, white)
    dark = cloth * 0.72
    for name, colour in (
        ("cloth", cloth),
        ("trim", trim),
        ("shoe", cloth),
        ("sole", dark),
        ("ribbon", accent),
    ):
        canvas.box(CLOTH[name], colour)
    _bodice(canvas, cloth, white, accent, trim)
    u, v, mask = canvas.within(CLOTH["skirt"])
    canvas.cover(mask, mix(cloth * 0.88, cloth * 1.12, smoothstep(-1, 1, v)))
    pleat = 0.5 + 0.5 * np.cos(np.pi * (u + 1) * 20)
    canvas.cover(mask * 0.45 * (1 - smoothstep(0.0, 0.55, pleat)), dark)
    canvas.cover(mask * (falloff(v, 0.66, 0.035) + (v > 0.84)), accent)
    canvas.cover(mask * (falloff(v, 0.80, 0.022) + (v > 0.955)), trim)
    u, v, mask = canvas.within(CLOTH["frill"])
    canvas.cover(
        mask * 0.35 * (1 - smoothstep(0, 0.5, 0.5 + 0.5 * np.cos(np.pi * (u + 1) * 30))),
        (0.80, 0.78, 0.92),
    )
    canvas.cover(mask * smoothstep(0.93, 0.95, v), mix(accent, white, 0.35))
    u, v, mask = canvas.within(CLOTH["sleeve"])
    canvas.cover(
        mask
        * 0.30
        * (1 - smoothstep(0.2, 0.6, 0.5 + 0.5 * np.cos(np.pi * (u + 1) * 14)))
        * np.abs(v),
        (0.80, 0.78, 0.92),
    )
    u, v, mask = canvas.within(CLOTH["ribbon"])
    canvas.cover(mask * 0.75 * falloff(np.abs(u), 0.86, 0.05), mix(accent, white, 0.75))
    canvas.cover(mask * 0.25 * (1 - smoothstep(-1, -0.4, v)), accent * 0.6)
    u, v, mask = canvas.within(CLOTH["sock"])
    canvas.cover(mask * (v < -0.90), accent)
    canvas.cover(mask * falloff(v, -0.84, 0.02), trim)
    canvas.cover(mask * 0.18 * smoothstep(0.2, 1.0, v), (0.80, 0.78, 0.92))
    u, v, mask = canvas.within(CLOTH["shoe"])
    canvas.cover(mask * (falloff(v, 0.02, 0.06)), accent)
    canvas.cover(mask * 0.5 * falloff(u, 0.0, 0.10) * (v > 0.3), mix(cloth, white, 0.5))
    u, v, mask = canvas.within(CLOTH["collar"])
    canvas.cover(mask, mix(cloth, cloth * 1.15, smoothstep(-1, 1, v)))
    edge = np.maximum(
        smoothstep(0.50, 0.53, v) * (1 - smoothstep(0.66, 0.69, v)), smoothstep(0.86, 0.9, v)
    )
    canvas.cover(mask * edge, white)
    u, v, mask = canvas.within(CLOTH["cuff"])
    canvas.cover(mask * (v < -0.35), cloth)
    canvas.cover(mask * falloff(v, -0.32, 0.05), trim)
    canvas.cover(mask * smoothstep(0.86, 0.9, v), mix(accent, white, 0.3))
    return canvas.image


def _bodice(canvas: Canvas, cloth: Floats, white: Floats, accent: Floats, trim: Floats) -> None:
    """The box runs once around the trunk and starts and ends in the middle of the front."""
    u, v, mask = canvas.within(CLOTH["bodice"])
    from_front = 1 - np.abs(u)
    vest = smoothstep(-0.38, -0.36, v - 0.45 * falloff(from_front, 0, 0.17) + 0.0)
    canvas.cover(mask * vest, mix(cloth * 1.1, cloth * 0.85, smoothstep(0.0, 1.0, v)))
    edge = falloff(v + 0.37 - 0.45 * falloff(from_front, 0, 0.17), 0, 0.022)
    canvas.cover(mask * edge, trim)
    canvas.cover(mask * vest * falloff(from_front, 0.115, 0.012), accent)
    panel = vest * (1 - smoothstep(0.100, 0.104, from_front))
    canvas.cover(mask * panel, mix(white, (0.87, 0.85, 0.95), smoothstep(0.03, 0.1, from_front)))
    for height in (0.12, 0.34, 0.56, 0.78):
        button = 1 - smoothstep(0.7, 1.0, np.hypot(from_front / 0.020, (v - height) / 0.050))
        canvas.cover(mask * button, trim)
