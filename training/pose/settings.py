"""The typed configuration of a pose run; `training/configs/pose*.toml` hold some."""

from typing import Annotated

import msgspec

from training.adversarial import AdversarialFamily
from training.device import DeviceChoice, PrecisionChoice
from training.tracking import Tracking


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    seed: int = 0
    device: DeviceChoice = "auto"
    precision: PrecisionChoice = "auto"
    tracking: Tracking = Tracking()

    clips: int = 320
    """Performances of the teacher."""
    clip_frames: int = 600
    captures: tuple[str, ...] = ()
    """Data sets of bodies with sound, by folder name, whose motion is a target, too."""
    captured_share: float = 0.3
    """Part of a batch that comes from captures."""

    width: int = 192
    layers: int = 2
    batch: int = 24
    frames: Annotated[int, msgspec.Meta(ge=15)] = 60
    """Length of a window; state is carried from one window to the next of the same clip. The critic
    of capture hears 14 frames less."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.01

    velocity_weight: float = 0.3
    acceleration_weight: float = 0.05
    position_weight: float = 1.0
    contact_weight: float = 0.5
    limit_weight: float = 1.0
    penetration_weight: float = 0.02
    axis_weight: float = 0.02
    kl_weight: float = 0.005
    adversarial: AdversarialFamily = "relativistic"
    adversarial_weight: float = 0.03
    """Of the critic that knows the conditions; 0 trains without both critics."""
    prior_weight: float = 0.01
    """Of the critic that knows only motion capture; 0 trains without it."""
    adversarial_from: int = 500
    adversarial_every: int = 4
    penalty: float = 1.0
    critic_width: int = 32
    ema: float = 0.998

    save_every: int = 100
