"""Where a character looks when its reply asks for it: eased onto what the face does by itself."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.channels import FACE_CHANNELS, LOOK_RANGE_DEG
from idol_runtime.motion.easing import minimum_jerk

Array = NDArray[np.float32]

TURN_US: Final = 250_000
"""From where it looked to there, and half the way back."""
HOLD_US: Final = 1_600_000
GLANCE_US: Final = TURN_US + HOLD_US + 2 * TURN_US
MOST_HEAD_DEG: Final = np.array([35, 25, 25], np.float32)
"""Of the head's yaw, pitch and roll; a face that turns further by itself is left there."""

_HEAD: Final = slice(FACE_CHANNELS.index("headYaw"), FACE_CHANNELS.index("headRoll") + 1)
_EYES: Final = slice(FACE_CHANNELS.index("leftEyeYaw"), FACE_CHANNELS.index("rightEyePitch") + 1)


@dataclass(frozen=True, slots=True)
class _Aim:
    head: tuple[float, float, float]
    """Added to the head's angles, in degrees: yaw to its left, pitch down, roll to its right."""
    eyes: tuple[float, float]
    """Yaw and pitch of both, in the place of their own."""
    calm: float = 0.0
    """The share of the head's own turn that is taken back."""


_AIMS: Final = {
    "left": _Aim((11, 0, 0), (17, 0)),
    "right": _Aim((-11, 0, 0), (-17, 0)),
    "up": _Aim((3, -9, 0), (4, -13)),
    "down": _Aim((-2, 9, 0), (-3, 14)),
    "away": _Aim((-13, 5, 2), (-15, 7)),
    "you": _Aim((0, 0, 0), (0, 0), calm=0.8),
}


def _look_weights() -> tuple[list[int], list[int], Array]:
    """The eyeLook weights, the angles that they follow, and by what factor."""
    weights, angles, factors = [], [], []
    for at, name in enumerate(FACE_CHANNELS):
        if name.startswith("eyeLook"):
            side = "left" if name.endswith("Left") else "right"
            turn = name.removeprefix("eyeLook").removesuffix(side.title())
            outward = 1.0 if side == "left" else -1.0
            signs = {"Out": outward, "In": -outward, "Down": 1.0, "Up": -1.0}
            axis = "Yaw" if turn in ("In", "Out") else "Pitch"
            weights.append(at)
            angles.append(FACE_CHANNELS.index(f"{side}Eye{axis}"))
            factors.append(signs[turn] / LOOK_RANGE_DEG)
    return weights, angles, np.array(factors, np.float32)


_WEIGHTS, _ANGLES, _FACTORS = _look_weights()


@dataclass(frozen=True, slots=True)
class Glance:
    """How far a face looks where, at one moment."""

    shares: tuple[tuple[str, float], ...]
    """Of `GAZES`, in the order in which they lie over each other, each in (0, 1]."""

    def on(self, face: Array) -> Array:
        """Shape (59,): the face of a frame, looking there."""
        looking = face.copy()
        for towards, share in self.shares:
            aim = _AIMS[towards]
            own, eyes = looking[_HEAD], np.array([*aim.eyes, *aim.eyes], np.float32)
            most = np.maximum(MOST_HEAD_DEG, np.abs(own))
            turned = own * np.float32(1 - aim.calm) + np.array(aim.head, np.float32)
            share_32 = np.float32(share)
            looking[_HEAD] = own + share_32 * (np.clip(turned, -most, most) - own)
            looking[_EYES] += share_32 * (eyes - looking[_EYES])
        looking[_WEIGHTS] = np.clip(looking[_ANGLES] * _FACTORS, 0, 1)
        return looking


@dataclass(frozen=True, slots=True)
class GazeCurve:
    """The glances of a character; a pure function of media time."""

    begun: tuple[tuple[str, int], ...] = ()
    """Where to, and when, in order; what is over may be left out."""

    def turned(self, towards: str, pts_us: int) -> "GazeCurve":
        going = tuple(each for each in self.begun if each[1] + GLANCE_US > pts_us)
        return GazeCurve((*going, (towards, pts_us)))

    def at(self, pts_us: int) -> Glance | None:
        """None where the face looks where it will."""
        shares = tuple(
            (towards, share)
            for towards, start_us in self.begun
            if (share := _share(pts_us - start_us)) > 0
        )
        return Glance(shares) if shares else None


def _share(since_us: int) -> float:
    if not 0 < since_us < GLANCE_US:
        return 0.0
    if since_us < TURN_US:
        return float(minimum_jerk(since_us / TURN_US))
    back_us = since_us - TURN_US - HOLD_US
    return 1.0 if back_us <= 0 else 1.0 - float(minimum_jerk(back_us / (2 * TURN_US)))
