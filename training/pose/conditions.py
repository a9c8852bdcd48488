"""What the pose generator and its teacher are told."""

from typing import Final, NamedTuple

from torch import Tensor

from idol_protocol.audio import LOG_MEL
from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES

STYLE: Final = 16
STYLE_AXES: Final = (
    "liveliness", "posture", "stance", "turn_out", "gesture_size", "handedness", "arm_spread",
    "bounce",
)  # fmt: skip
"""What the second half of a style code means to the body; the first half is the face's."""
STYLE_TAGS: Final[dict[str, dict[str, float]]] = {
    "lively": {"liveliness": 1.2, "gesture_size": 0.8, "bounce": 0.8},
    "calm": {"liveliness": -1.2, "gesture_size": -0.8, "bounce": -0.8},
    "cheerful": {"bounce": 0.8, "gesture_size": 0.4},
    "stern": {"liveliness": -0.8, "posture": -0.5, "bounce": -0.8},
    "shy": {"gesture_size": -1.2, "arm_spread": -1.0, "stance": -1.0, "turn_out": -1.0},
    "bold": {"gesture_size": 1.0, "arm_spread": 0.8, "stance": 1.0, "posture": -0.4},
}
"""How far a style tag of the face moves the body's axes, in standard deviations."""
AXES: Final = slice(STYLE - len(STYLE_AXES), STYLE)
AROUSAL: Final = EMOTIONS.index("arousal")


class PoseConditions(NamedTuple):
    """T frames for B bodies, or one frame without the T axis.

    `audio` runs `LOOKAHEAD_FRAMES` ahead of the body that answers it.
    """

    audio: Tensor
    """[B, T, 160]"""
    activity: Tensor
    """[B, T, 5], in `ACTIVITIES` order; sums to 1."""
    emotion: Tensor
    """[B, T, 8], in `EMOTIONS` order."""
    gesture: Tensor
    """[B, T, 20]: weights in [0, 1], then phases in [0, 1], in `GESTURES` order."""
    beat: Tensor
    """[B, T, 2]: place in the eight-count in [0, 1), intensity of the music in [0, 1]."""
    style: Tensor
    """[B, T, 16], constant within a clip."""
    noise: Tensor
    """[B, T, 26], see `training.pose.drivers.NOISE`."""

    def select(self, index: object) -> "PoseConditions":
        """The same of other rows, frames or both, by any index of a tensor."""
        return PoseConditions(*(each[index] for each in self))  # type: ignore[index]


def sizes(noise: int) -> dict[str, int]:
    """How many values of each a frame holds."""
    return {
        "audio": LOG_MEL.size,
        "activity": len(ACTIVITIES),
        "emotion": len(EMOTIONS),
        "gesture": 2 * len(GESTURES),
        "beat": 2,
        "style": STYLE,
        "noise": noise,
    }
