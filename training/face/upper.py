"""The teacher's upper face, eyes and head: a function of the noise, the voice and the situation.

Real takes have no sound and the paired set no upper face, so what links the two is taught. All
randomness enters through the same noise stream that the generator is fed, which makes liveliness
learnable by regression (a mean over unseen randomness would be a still face); the discriminators
then pull the shapes towards real captures. Sources: blink rates and lengths (Bentivoglio et al.
1997: about 17 a minute at rest, 26 in talk), eye-led gaze shifts (Freedman & Sparks 1997), brow
and head accents with the voice (Munhall et al. 2004).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from idol_protocol.channels import EMOTIONS, FACE_ACTIVITIES
from idol_protocol.frames import FPS
from idol_protocol.noise import HoldGroup, NoiseLaw

Curve = NDArray[np.float64]

NOISE: Final = NoiseLaw(
    ou_seconds=(3.0, 3.0, 4.0, 0.7, 0.5, 1.5),
    hold=(
        HoldGroup(1, 1.2, 0.5),  # blink
        HoldGroup(2, 1.5, 0.6),  # gaze yaw and pitch
        HoldGroup(2, 0.5, 0.5),  # small fixations
        HoldGroup(2, 2.2, 0.5),  # brow and nod readiness
        HoldGroup(1, 4.0, 0.5),  # smile
    ),
)
SWAY_YAW, SWAY_PITCH, SWAY_ROLL, QUICK_YAW, QUICK_PITCH, BROW_DRIFT = range(6)
BLINK, GAZE_YAW, GAZE_PITCH, FIX_YAW, FIX_PITCH, BROW, NOD, SMILE = range(6, 14)

STYLE_AXES: Final = ("jaw", "lips", "blinks", "brows", "head", "gaze", "smile", "asymmetry")
"""Meaning of the first values of a style code, each about standard normal; 0 is the average."""

_BLINK_SHAPE = np.array([0.3, 0.85, 1.0, 1.0, 0.75, 0.4, 0.15])
"""Closing is faster than opening; more than half shut for 4 to 5 frames (133-166 ms)."""


@dataclass(frozen=True, slots=True)
class Situation:
    activity: NDArray[np.float64]
    """[frames, 4], one-hot or blended."""
    emotion: NDArray[np.float64]
    """[frames, 8]"""
    style: NDArray[np.float64]
    """[16]"""
    loudness: Curve
    """[frames], 0 in silence, about 1 in loud speech."""

    def doing(self, name: str) -> Curve:
        return self.activity[:, FACE_ACTIVITIES.index(name)]

    def feeling(self, name: str) -> Curve:
        return ease(self.emotion[:, EMOTIONS.index(name)], 0.25)

    def axis(self, name: str, spread: float) -> float:
        """A factor around 1 that one standard deviation of the style axis moves by `spread`."""
        return float(np.exp(spread * np.clip(self.style[STYLE_AXES.index(name)], -2.5, 2.5)))


def ease(signal: Curve, tau_s: float) -> Curve:
    """A causal, twice applied low-pass; starts settled at the first value."""
    keep = np.exp(-1 / (FPS * tau_s))
    eased: Curve = signal
    for _ in range(2):
        eased, _ = lfilter([1 - keep], [1, -keep], eased, zi=[keep * eased[0]])
    return eased


def accents(loudness: Curve) -> Curve:
    """[frames], 0 to about 1: how far the voice rises above its own last second."""
    rise = ease(loudness, 0.03) - ease(loudness, 0.4)
    return np.clip(3.0 * rise, 0, 1.2)


def upper_curves(noise: NDArray[np.float32], situation: Situation) -> dict[str, Curve]:
    """ARKit channels outside the mouth, smile and frown, and head and eye angles in degrees.

    Args:
        noise: [frames, 14], drawn from `NOISE`.
        situation: what happens in these frames.
    """
    stream = noise.astype(np.float64)
    accent = accents(situation.loudness) * (1 + 0.4 * situation.feeling("arousal"))
    gaze_yaw, gaze_pitch = _gaze(stream, situation)
    head = _head(stream, situation, accent, gaze_yaw, gaze_pitch)
    eye_yaw = gaze_yaw - head["headYaw"]
    eye_pitch = gaze_pitch - head["headPitch"]
    lids = _lids(stream, situation, eye_pitch)
    return (
        head
        | lids
        | _brows(stream, situation, accent)
        | _cheeks(stream, situation)
        | {
            "leftEyeYaw": eye_yaw,
            "rightEyeYaw": eye_yaw,
            "leftEyePitch": eye_pitch,
            "rightEyePitch": eye_pitch,
        }
    )


def _gaze(stream: NDArray[np.float64], at: Situation) -> tuple[Curve, Curve]:
    """Where the eyes aim relative to the user, degrees; the jumps are saccades."""
    yaw, pitch = stream[:, GAZE_YAW], stream[:, GAZE_PITCH]
    reach = at.axis("gaze", 0.25)
    small_yaw, small_pitch = 1.1 * stream[:, FIX_YAW], 0.8 * stream[:, FIX_PITCH]
    away = np.abs(yaw) > 1.15  # about every fourth fixation leaves the partner's face
    aside = np.where(away, 9 * np.sign(yaw), 0)
    aims = {
        "idle": (10.5 * yaw, 4.5 * pitch + 1.5),
        "listen": (np.where(np.abs(yaw) > 2.1, 7 * np.sign(yaw), 0), 0.6 * pitch),
        "think": (11 * np.sign(yaw) + 3 * yaw, -9 + 3 * pitch),
        "speak": (aside, np.where(away, 3.5 * pitch, 0.6 * pitch)),
    }
    total_yaw, total_pitch = small_yaw, small_pitch
    for name, (aim_yaw, aim_pitch) in aims.items():
        total_yaw = total_yaw + at.doing(name) * reach * np.clip(aim_yaw, -22, 22)
        total_pitch = total_pitch + at.doing(name) * reach * np.clip(aim_pitch, -14, 12)
    # A saccade takes 30-60 ms: one or two frames.
    return ease(total_yaw, 0.012), ease(total_pitch, 0.012)


def _head(
    stream: NDArray[np.float64], at: Situation, accent: Curve, gaze_yaw: Curve, gaze_pitch: Curve
) -> dict[str, Curve]:
    """The head follows the eyes late and in part, sways, and nods on accents."""
    size = at.axis("head", 0.3)
    lively = 0.8 + 0.5 * at.doing("speak") - 0.2 * at.doing("think")
    ready = stream[:, NOD]
    speaking_nod = at.doing("speak") * np.where(ready > -0.3, 4.5 * accent, 1.2 * accent)
    # A listener's nod: two dips after readiness jumps high.
    jump = _jumps(ready, 1.0) * (at.doing("listen") > 0.5)
    dips = 4.5 * np.convolve(jump, _nod_shape())[: len(jump)]
    sway = {
        "headYaw": 2.4 * ease(stream[:, SWAY_YAW], 0.2) + 1.0 * ease(stream[:, QUICK_YAW], 0.1),
        "headPitch": 1.4 * ease(stream[:, SWAY_PITCH], 0.2)
        + 0.8 * ease(stream[:, QUICK_PITCH], 0.1),
        "headRoll": 2.2 * ease(stream[:, SWAY_ROLL], 0.25),
    }
    return {
        "headYaw": size * lively * sway["headYaw"] + 0.4 * ease(gaze_yaw, 0.16),
        "headPitch": size * (lively * sway["headPitch"] + ease(speaking_nod, 0.06) + dips)
        + 0.35 * ease(gaze_pitch, 0.16)
        + 4 * at.feeling("sad")
        - 2 * at.feeling("surprised"),
        "headRoll": size * lively * sway["headRoll"] + 6 * at.feeling("curious"),
    }


def _nod_shape() -> Curve:
    time_s = np.arange(round(0.9 * FPS)) / FPS
    return np.sin(2 * np.pi * time_s / 0.45 - np.pi / 2) * 0.5 * np.exp(-time_s) + 0.5 * np.exp(
        -time_s
    ) * (1 - np.exp(-time_s * 20))


def _jumps(signal: Curve, above: float) -> Curve:
    """1 in frames in which a held value has just risen by 0.5 or more to above the threshold."""
    rise = np.diff(signal, prepend=signal[0])
    return ((rise > 0.5) & (signal > above)).astype(np.float64)


def _lids(stream: NDArray[np.float64], at: Situation, eye_pitch: Curve) -> dict[str, Curve]:
    value = stream[:, BLINK]
    rise = np.diff(value, prepend=value[0])
    often = {"idle": 0.0, "listen": 0.0, "think": 0.9, "speak": -0.35}
    threshold = sum(at.doing(name) * level for name, level in often.items())
    threshold = threshold - 0.3 * np.clip(at.style[STYLE_AXES.index("blinks")], -2, 2)
    starts = (rise > 0.4) & (value > threshold)
    # Large gaze shifts are often made under a blink.
    moved = np.abs(np.diff(stream[:, GAZE_YAW], prepend=stream[0, GAZE_YAW]))
    starts |= (moved > 2.2) & (at.doing("listen") < 0.5)
    shut = np.zeros(len(value) + len(_BLINK_SHAPE))
    for frame in np.flatnonzero(starts):
        span = shut[frame : frame + len(_BLINK_SHAPE)]
        np.maximum(span, _BLINK_SHAPE, out=span)
    shut = shut[: len(value)]
    lowered = np.clip(0.012 * eye_pitch, -0.05, 0.3)
    resting = 0.05 + lowered + 0.12 * at.feeling("relaxed") + 0.15 * at.feeling("sad")
    resting = resting - 0.05 * at.feeling("surprised")
    blink = np.clip(np.maximum(resting, 0) * (1 - shut) + 0.96 * shut, 0, 1)
    squint = np.clip(
        0.06 + 0.1 * at.doing("think") + 0.25 * at.feeling("happy") + 0.3 * at.feeling("angry")
        + 0.15 * shut, 0, 1,
    )  # fmt: skip
    wide = np.clip(0.5 * at.feeling("surprised") + 0.12 * at.feeling("curious"), 0, 1) * (1 - shut)
    return {
        "eyeBlinkLeft": blink, "eyeBlinkRight": blink, "eyeSquintLeft": squint,
        "eyeSquintRight": squint, "eyeWideLeft": wide, "eyeWideRight": wide,
    }  # fmt: skip


def _brows(stream: NDArray[np.float64], at: Situation, accent: Curve) -> dict[str, Curve]:
    size = at.axis("brows", 0.35)
    ready = stream[:, BROW]
    on_accent = at.doing("speak") * np.where(ready > 0.3, 0.45, 0.06) * ease(accent, 0.05)
    listening = 0.22 * at.doing("listen") * np.clip(ready - 0.6, 0, 1.2)
    drift = 0.035 * np.clip(ease(stream[:, BROW_DRIFT], 0.2) + 0.6, 0, 3)
    raised = size * (on_accent + ease(listening, 0.09) + drift)
    down = 0.16 * ease(at.doing("think"), 0.15) + 0.06 * np.clip(-ready - 0.8, 0, 1)
    tilt = float(np.clip(0.15 * at.style[STYLE_AXES.index("asymmetry")], -0.35, 0.35))
    curious = 0.35 * at.feeling("curious")
    inner = raised + 0.5 * at.feeling("surprised") + 0.45 * at.feeling("sad") + 0.3 * curious
    outer = 0.8 * raised + 0.5 * at.feeling("surprised")
    angry = 0.6 * at.feeling("angry")
    values = {
        "browInnerUp": inner,
        "browOuterUpLeft": outer * (1 + tilt) + curious,
        "browOuterUpRight": outer * (1 - tilt),
        "browDownLeft": ease(down, 0.12) + angry,
        "browDownRight": ease(down, 0.12) + angry,
    }
    return {name: np.clip(curve, 0, 1) for name, curve in values.items()}


def _cheeks(stream: NDArray[np.float64], at: Situation) -> dict[str, Curve]:
    """Smile, frown and what moves with them."""
    mood = 0.1 * at.axis("smile", 0.5) + 0.1 * np.clip(stream[:, SMILE], 0, 2)
    mood = mood + 0.06 * at.doing("listen") - 0.1 * at.doing("think")
    happy, valence = at.feeling("happy"), at.feeling("valence")
    smile = ease(np.clip(mood, 0, 1), 0.2) + 0.5 * happy + 0.15 * np.clip(valence, 0, 1)
    smile = smile + 0.12 * at.feeling("relaxed")
    low = at.feeling("sad") + 0.4 * at.feeling("angry")
    smile = np.clip(smile * (1 - np.clip(low, 0, 1)), 0, 1)
    frown = np.clip(0.4 * low + 0.1 * np.clip(-valence, 0, 1), 0, 1)
    tilt = float(np.clip(0.08 * at.style[STYLE_AXES.index("asymmetry")], -0.2, 0.2))
    return {
        "mouthSmileLeft": smile * (1 + tilt), "mouthSmileRight": smile * (1 - tilt),
        "mouthFrownLeft": frown, "mouthFrownRight": frown,
        "mouthDimpleLeft": 0.3 * smile, "mouthDimpleRight": 0.3 * smile,
        "cheekSquintLeft": 0.45 * smile, "cheekSquintRight": 0.45 * smile,
        "noseSneerLeft": 0.3 * at.feeling("angry"), "noseSneerRight": 0.3 * at.feeling("angry"),
        "cheekPuff": np.zeros(len(smile)),
    }  # fmt: skip
