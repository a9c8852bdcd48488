"""Cel-shaded materials: `VRMC_materials_mtoon` over plain glTF ones for other viewers."""

from typing import Any

import numpy as np

from export.avatar.style import Colour, rgb


def linear(colour: Colour) -> list[float]:
    """GlTF factors are linear; style colours are sRGB."""
    c = np.array(rgb(colour))
    return [
        round(float(v), 5) for v in np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    ]


def toon_material(
    name: str,
    texture: int,
    shade: Colour,
    *,
    outline: Colour | None = None,
    outline_m: float = 0.0009,
    shift: float = -0.05,
    toony: float = 0.9,
    rim: float = 0.0,
    double_sided: bool = False,
) -> dict[str, Any]:
    """`shade` multiplies the texture in shadow; `shift` > 0 gives more shadow."""
    mtoon: dict[str, Any] = {
        "specVersion": "1.0",
        "transparentWithZWrite": False,
        "renderQueueOffsetNumber": 0,
        "shadeColorFactor": linear(shade),
        "shadeMultiplyTexture": {"index": texture},
        "shadingShiftFactor": -shift,
        "shadingToonyFactor": toony,
        "giEqualizationFactor": 0.9,
        "matcapFactor": [0, 0, 0],
        "parametricRimColorFactor": [rim, rim, rim],
        "parametricRimFresnelPowerFactor": 4.0,
        "parametricRimLiftFactor": 0.0,
        "rimLightingMixFactor": 1.0,
        "outlineWidthMode": "worldCoordinates" if outline else "none",
        "outlineWidthFactor": outline_m if outline else 0.0,
        "outlineColorFactor": linear(outline or "#000000"),
        "outlineLightingMixFactor": 0.0,
        "uvAnimationScrollXSpeedFactor": 0.0,
        "uvAnimationScrollYSpeedFactor": 0.0,
        "uvAnimationRotationSpeedFactor": 0.0,
    }
    return {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": texture}, "metallicFactor": 0, "roughnessFactor": 1,
        },
        "doubleSided": double_sided,
        "extensions": {"VRMC_materials_mtoon": mtoon, "KHR_materials_unlit": {}},
    }  # fmt: skip
