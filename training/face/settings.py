"""The typed configuration of a face run; `training/configs/face*.toml` hold some."""

from typing import Literal

from training.face.model import FaceModelConfig
from training.settings import MotionSettings


class FaceSettings(MotionSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: FaceModelConfig = FaceModelConfig()

    takes: tuple[str, ...] = ()
    """Data sets whose upper faces the realism critic is shown as real."""
    held_out: tuple[str, ...] = ()
    """Recordings that no part of the training sees."""
    validation: tuple[str, ...] = ()
    """Recordings that are only used to choose the best step."""
    learn: Literal["all", "lips", "upper"] = "all"
    """`lips` and `upper` leave the other half and the style encoder as they were in the base."""

    batch: int = 16
    frames: int = 96
    lookahead_frames: int = 2
    variants: int = 3
    """How often the speech is restaged with other noise, styles and microphones."""
    speeds: tuple[float, ...] = (1.0,)
    """Captures are also played at these speeds."""

    velocity_weight: float = 0.5
    acceleration_weight: float = 0.3
    closure_weight: float = 60.0
    phoneme_weight: float = 0.3
    upper_weight: float = 1.0
    """Of the taught brows, lids, cheeks and nose, which the realism critic shapes as well."""
    blink_weight: float = 1.0
    """Of the lids, which move seldom and must shut when they do."""
    axis_weight: float = 0.05
    kl_weight: float = 0.01
    adversarial_weight: float = 0.05
    adversarial_from: int = 600
    adversarial_every: int = 2
    penalty_every: int = 4
    save_every: int = 250
