"""The pose generator as the runtime uses it: names in, names out, no hidden state."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import AudioFeatures
from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES, POSE_BONES
from idol_protocol.noise import NoiseLaw
from idol_runtime.inference.session import OnnxSession, Provider
from idol_runtime.motion.conditioning import FromCondition, FromSound, feeds
from idol_runtime.motion.features import LogMel
from idol_runtime.motion.loading import load_generator
from idol_runtime.motion.noise import Noise
from idol_runtime.motion.rotations import from_yaw_pitch_roll, multiply

NECK_SHARE = 0.4
"""How much of the head's rotation the neck takes; the head takes the rest."""
MODEL_FILE = "pose.onnx"

_NECK = POSE_BONES.index("neck")
_HEAD = POSE_BONES.index("head")

Array = NDArray[np.float32]


class PoseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `config` table of a pose bundle's manifest."""

    fps: int
    lookahead_frames: int
    """How many frames ahead of its pose sound is given."""
    audio: AudioFeatures
    noise: NoiseLaw
    state_size: int
    gesture_seconds: dict[str, float]
    """How long each gesture takes."""
    gesture_stroke: dict[str, float]
    """The share of that time at which it is at its most telling; a word is to fall there."""
    style_axes: tuple[str, ...] = ()
    """What the second half of a style code means."""
    style_tags: dict[str, dict[str, float]] = {}
    """How far a style tag moves which of these axes."""
    style_size: int = 16
    gestures: tuple[str, ...] = GESTURES
    activities: tuple[str, ...] = ACTIVITIES
    emotions: tuple[str, ...] = EMOTIONS
    bones: tuple[str, ...] = POSE_BONES


@dataclass(frozen=True, slots=True, eq=False)
class PoseInputs:
    """One frame for B characters, float32."""

    audio: Annotated[Array, FromSound("pose_sound")]
    """[B, 160], features of the frame at the look-ahead."""
    activity: Array
    """[B, 5], weights of `ACTIVITIES`; sums to 1."""
    emotion: Array
    """[B, 8], in `EMOTIONS` order."""
    gesture: Array
    """[B, 20], weights in [0, 1], then phases in [0, 1], in `GESTURES` order: how far each is in
    its whole duration. A gesture that is cut short keeps its phase while its weight glides to 0."""
    beat: Array
    """[B, 2], place in the eight-count of the music in [0, 1), and its intensity in [0, 1]; zeros
    where there is no music."""
    style: Annotated[Array, FromCondition("body_style")]
    """[B, 16], about standard normal; a character keeps its own."""
    noise: Array
    """[B, N], from `PoseModel.noise`."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseBatch:
    rotations: Array
    """[B, 22, 4], local unit quaternions (x, y, z, w) in `POSE_BONES` order, w >= 0. Neck and head
    hold only what keeps the head level; see `with_head`."""
    hips: Array
    """[B, 3], translation from rest in metres."""


class PoseModel:
    """Bodies for many characters at once; rows do not see each other."""

    inputs = PoseInputs

    def __init__(self, session: OnnxSession, config: PoseConfig) -> None:
        self.config = config
        self.features = LogMel(config.audio)
        self.noise = Noise(config.noise, config.fps)
        self._session = session

    @classmethod
    def open(cls, folder: Path, *, provider: Provider = "cpu", threads: int = 1) -> Self:
        """Opens a bundle of kind `pose`.

        Raises:
            BundleError: the bundle is damaged, of another kind, or made for other channels.
            ProviderError: CUDA was asked for and cannot be used.
        """
        names = {
            "activities": ACTIVITIES,
            "emotions": EMOTIONS,
            "gestures": GESTURES,
            "bones": POSE_BONES,
        }
        session, config = load_generator(
            folder, "pose", PoseConfig, names, provider=provider, threads=threads
        )
        return cls(session, config)

    def initial_state(self, batch: int) -> Array:
        """[B, S]: at ease, before any sound."""
        return np.zeros((batch, self.config.state_size), np.float32)

    def step(self, inputs: PoseInputs, state: Array) -> tuple[PoseBatch, Array]:
        """One frame for every row, and the state that the next frame needs."""
        made = self._session.run(feeds(inputs, state))
        return PoseBatch(made["rotations"], made["hips"]), made["next_state"]


def with_head(rotations: Array, head_deg: Array) -> Array:
    """Puts the face's head rotation into the neck and the head of a pose.

    Args:
        rotations: [..., 22, 4], local quaternions in `POSE_BONES` order.
        head_deg: [..., 3], yaw, pitch and roll in degrees.
    """
    turned = rotations.copy()
    for bone, share in ((_NECK, NECK_SHARE), (_HEAD, 1 - NECK_SHARE)):
        turn = from_yaw_pitch_roll(head_deg * np.float32(share))
        turned[..., bone, :] = multiply(turn, rotations[..., bone, :])
    return turned.astype(np.float32)
