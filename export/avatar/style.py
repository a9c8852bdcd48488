"""What may differ between two avatars of this generator: colours and a few proportions."""

from dataclasses import dataclass

from idol_runtime.errors import InputError

Colour = str
"""sRGB as `#rrggbb`."""


def rgb(colour: Colour) -> tuple[float, float, float]:
    """Channels in [0, 1], still sRGB-encoded. Raises `InputError` on anything but `#rrggbb`."""
    digits = colour.removeprefix("#")
    try:
        if len(digits) != 6 or not colour.startswith("#"):
            raise ValueError
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise InputError(
            f"A colour is written #rrggbb, for example #7fd6e8; {colour!r} is not. "
            "Change it in the avatar style."
        ) from None
    return red / 255, green / 255, blue / 255


@dataclass(frozen=True, slots=True)
class AvatarStyle:
    name: str = "Hoshi"
    skin: Colour = "#fff0e6"
    skin_shade: Colour = "#f3c3b5"
    blush: Colour = "#ff9d96"
    lips: Colour = "#e88585"
    hair: Colour = "#b7a4ea"
    hair_shade: Colour = "#7d69bd"
    hair_tip: Colour = "#ff9fc6"
    iris_top: Colour = "#20427e"
    iris: Colour = "#3c9fd8"
    iris_bottom: Colour = "#9df1ec"
    brow: Colour = "#66508f"
    lash: Colour = "#3b2440"
    cloth: Colour = "#3a3f7d"
    cloth_light: Colour = "#f6f4fc"
    accent: Colour = "#ff6fa3"
    trim: Colour = "#f4c86a"
    eye_scale: float = 1.0
    """Size of the eyes, 0.8 to 1.15 of the drawn one."""
    twin_tails: bool = True
    """Two long tails tied high at the sides; otherwise the hair falls down the back."""

    def __post_init__(self) -> None:
        if not 0.8 <= self.eye_scale <= 1.15:
            raise InputError(
                f"eye_scale is between 0.8 and 1.15; {self.eye_scale} is not. "
                "Change it in the avatar style."
            )
        for field in self.__dataclass_fields__:
            value = getattr(self, field)
            if isinstance(value, str) and field != "name":
                rgb(value)
