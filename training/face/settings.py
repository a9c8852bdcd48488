"""The typed configuration of a face run; `training/configs/face*.toml` hold some."""

from typing import Literal

import msgspec

from training.adversarial import AdversarialFamily
from training.device import DeviceChoice, PrecisionChoice
from training.face.model import FaceModelConfig
from training.tracking import Tracking


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    model: FaceModelConfig = FaceModelConfig()
    seed: int = 0
    device: DeviceChoice = "auto"
    precision: PrecisionChoice = "auto"
    tracking: Tracking = Tracking()

    captures: tuple[str, ...] = ()
    """Data sets with sound, by folder name, whose captured channels are targets."""
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
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    captured_share: float = 0.3
    """Part of a batch that comes from captures."""
    speeds: tuple[float, ...] = (1.0,)
    """Captures are also played at these speeds."""

    velocity_weight: float = 0.5
    acceleration_weight: float = 0.3
    """Of second differences: noise that is fed in must not shake the head."""
    closure_weight: float = 60.0
    phoneme_weight: float = 0.3
    upper_weight: float = 1.0
    """Of the taught brows, lids, cheeks and nose, which the realism critic shapes as well."""
    blink_weight: float = 1.0
    """Of the lids, which move seldom and must shut when they do."""
    axis_weight: float = 0.05
    kl_weight: float = 0.01
    adversarial: AdversarialFamily = "relativistic"
    adversarial_weight: float = 0.05
    """0 trains the same model without its adversarial part."""
    adversarial_from: int = 600
    adversarial_every: int = 2
    penalty: float = 1.0
    penalty_every: int = 4
    critic_width: int = 32
    ema: float = 0.998

    save_every: int = 250
    patience: int = 0
    """Saves without a better validation number after which to stop; 0 never stops."""
