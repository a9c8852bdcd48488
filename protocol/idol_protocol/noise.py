"""The law of the noise that moves a character: drawn whole in training, frame by frame at run time.

Two kinds of channels, both standard normal at every instant:
- Ornstein-Uhlenbeck ("ou"): wanders; correlation falls with exp(-t / time constant).
- held ("hold"): keeps a value for a log-normal time, then takes a fresh one; the channels of one
  group change together. Gaze fixations and blink times are made of this.
"""

import msgspec


class HoldGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channels: int
    median_s: float
    sigma: float = 0.6
    """Standard deviation of the logarithm of the holding time."""


class NoiseLaw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `noise` table of a motion bundle's manifest; channels in this order."""

    ou_seconds: tuple[float, ...]
    hold: tuple[HoldGroup, ...] = ()

    @property
    def size(self) -> int:
        return len(self.ou_seconds) + sum(group.channels for group in self.hold)
