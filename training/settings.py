"""What every training is asked for; faces, bodies, priors and adaptations add what is theirs."""

import msgspec

from training.adversarial import AdversarialFamily
from training.device import DeviceChoice, PrecisionChoice
from training.tracking import Tracking


class RunSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `training.trainer` needs to know of a run."""

    steps: int
    seed: int = 0
    device: DeviceChoice = "auto"
    precision: PrecisionChoice = "auto"
    tracking: Tracking = Tracking()

    learning_rate: float
    ema: float = 0.0
    """Decay of the averaged weights, which are those that are validated and exported; 0 keeps no
    average."""
    save_every: int
    """Steps from one validation and checkpoint to the next."""
    patience: int = 0
    """Saves without a better validation number after which to stop, and to go back to the best
    weights; 0 never stops."""
    least_gain: float = 0.0
    """A validation number is better when it is lower by more than this."""


class MotionSettings(RunSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of a generator of motion, with a style encoder and critics beside it."""

    captures: tuple[str, ...] = ()
    """Data sets with sound, by folder name, whose captured channels are targets."""
    captured_share: float = 0.3
    """Part of a batch that comes from captures."""
    batch: int
    frames: int
    """Length of a window."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    ema: float = 0.998

    velocity_weight: float
    acceleration_weight: float
    """Of second differences: noise that is fed in must not shake what it moves."""
    axis_weight: float
    kl_weight: float
    adversarial: AdversarialFamily = "relativistic"
    adversarial_weight: float
    """0 trains the same model without its adversarial part."""
    adversarial_from: int
    adversarial_every: int
    penalty: float = 1.0
    penalty_every: int = 1
    """Of the critics' turns, those that take penalties, which then count as often."""
    critic_width: int = 32
