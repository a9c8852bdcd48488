"""The typed configuration of a pose run; `training/configs/pose*.toml` hold some."""

from typing import Annotated

import msgspec

from training.settings import MotionSettings


class PoseSettings(MotionSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    clips: int = 320
    """Performances of the teacher."""
    clip_frames: int = 600

    width: int = 192
    layers: int = 2
    batch: int = 24
    frames: Annotated[int, msgspec.Meta(ge=15)] = 60
    """State is carried from one window to the next of the same clip. The critic of capture hears 14
    frames less."""

    velocity_weight: float = 0.3
    acceleration_weight: float = 0.05
    position_weight: float = 1.0
    contact_weight: float = 0.5
    limit_weight: float = 1.0
    penetration_weight: float = 0.02
    axis_weight: float = 0.02
    kl_weight: float = 0.005
    adversarial_weight: float = 0.03
    """Of the critic that knows the conditions; 0 trains without both critics."""
    prior_weight: float = 0.01
    """Of the critic that knows only motion capture; 0 trains without it."""
    adversarial_from: int = 500
    adversarial_every: int = 4
    save_every: int = 100
