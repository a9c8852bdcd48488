"""The face generator as the runtime uses it: names in and out, the state in the caller's hands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from idol_protocol.audio import AudioFeatures
from idol_protocol.channels import ARKIT_BLENDSHAPES, EMOTIONS, FACE_ACTIVITIES, FACE_CHANNELS
from idol_protocol.noise import NoiseLaw
from idol_runtime.inference.session import OnnxSession, Provider
from idol_runtime.motion.conditioning import FromCondition, FromSound, feeds
from idol_runtime.motion.features import LogMel
from idol_runtime.motion.loading import load_generator
from idol_runtime.motion.noise import Noise

MODEL_FILE = "face.onnx"

Array = NDArray[np.float32]


class TimedSymbol(Protocol):
    """A phoneme: its symbol in the speech model's alphabet, its start and end in seconds."""

    @property
    def symbol(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


class FaceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `config` table of a face bundle's manifest."""

    fps: int
    lookahead_frames: int
    """How many frames ahead of its face sound and phonemes are given."""
    audio: AudioFeatures
    noise: NoiseLaw
    state_size: int
    phoneme_inputs: tuple[str, ...]
    """Columns of the `phonemes` input: mouth-shape classes, silence first, `known` last."""
    phoneme_classes: dict[str, tuple[str, ...]]
    """Symbol -> the classes that share its time; a symbol that is absent has no shape."""
    style_axes: tuple[str, ...] = ()
    """What the first values of a style code mean."""
    speaker_styles: dict[str, tuple[float, ...]] = {}
    """The style codes of captured speakers, by name."""
    style_tags: tuple[str, ...] = ()
    """What the style prior in the same bundle can be asked for; empty where there is none."""
    style_size: int = 16
    activities: tuple[str, ...] = FACE_ACTIVITIES
    emotions: tuple[str, ...] = EMOTIONS
    channels: tuple[str, ...] = FACE_CHANNELS


@dataclass(frozen=True, slots=True, eq=False)
class FaceInputs:
    """One frame for B characters, float32."""

    audio: Annotated[Array, FromSound("face_sound")]
    """[B, 160], features of the frame at the look-ahead."""
    phonemes: Array
    """[B, P], from `FaceModel.phoneme_activations`, at the look-ahead."""
    activity: Annotated[Array, FromCondition("face_activity")]
    """[B, 4], weights of `FACE_ACTIVITIES`; sums to 1."""
    emotion: Array
    """[B, 8], in `EMOTIONS` order."""
    style: Array
    """[B, 16], about standard normal; a character keeps its own."""
    noise: Array
    """[B, N], from `FaceModel.noise`."""


class FaceModel:
    """Faces for many characters at once; rows do not see each other."""

    inputs = FaceInputs

    def __init__(self, session: OnnxSession, config: FaceConfig) -> None:
        self.config = config
        self.features = LogMel(config.audio)
        self.noise = Noise(config.noise, config.fps)
        self._session = session

    @classmethod
    def open(cls, folder: Path, *, provider: Provider = "cpu", threads: int = 1) -> Self:
        """Opens a bundle of kind `face`.

        Raises:
            BundleError: the bundle is damaged, of another kind, or made for other channels.
            ProviderError: CUDA was asked for and cannot be used.
        """
        names = {"activities": FACE_ACTIVITIES, "emotions": EMOTIONS, "channels": FACE_CHANNELS}
        session, config = load_generator(
            folder, "face", FaceConfig, names, provider=provider, threads=threads
        )
        return cls(session, config)

    def initial_state(self, batch: int) -> Array:
        """[B, S]: a face at rest, before any sound."""
        return np.zeros((batch, self.config.state_size), np.float32)

    def phoneme_activations(
        self, phonemes: Sequence[TimedSymbol], frame_times_s: NDArray[np.floating]
    ) -> Array:
        """Phonemes as the generator reads them.

        Args:
            phonemes: in any order; none at a frame means that only the sound is known there.
            frame_times_s: [frames], the middle of each frame, on the phonemes' clock.

        Returns:
            [frames, P]: the share of each frame that each class fills; `known` is 1 where a
            phoneme, with or without a mouth shape, touches the frame.
        """
        columns, half = self.config.phoneme_inputs, 0.5 / self.config.fps
        if not phonemes:  # most characters are silent most of the time
            return np.zeros((len(frame_times_s), len(columns)), np.float32)
        starts, ends = frame_times_s - half, frame_times_s + half
        shares = np.zeros((len(frame_times_s), len(columns)), np.float64)
        known = np.zeros(len(frame_times_s), bool)
        for phoneme in phonemes:
            known |= (phoneme.start_s < ends) & (phoneme.end_s > starts)
            classes = self.config.phoneme_classes.get(phoneme.symbol, ())
            edges = np.linspace(phoneme.start_s, phoneme.end_s, len(classes) + 1)
            for name, start, end in zip(classes, edges[:-1], edges[1:], strict=True):
                overlap = np.minimum(ends, end) - np.maximum(starts, start)
                shares[:, columns.index(name)] += np.maximum(overlap, 0) * self.config.fps
        shares[:, 0] = np.clip(1 - shares[:, 1:-1].sum(axis=1), 0, 1)
        shares[:, -1] = 1
        return (shares * known[:, None]).astype(np.float32)

    def step(self, inputs: FaceInputs, state: Array) -> tuple[Array, Array]:
        """One frame for every row.

        Returns:
            Faces [B, 59] in `FACE_CHANNELS` order (52 weights in [0, 1], 7 angles in degrees) and
            the state that the next frame needs.
        """
        made = self._session.run(feeds(inputs, state))
        face: Array = made["face"]
        weights = face[:, : len(ARKIT_BLENDSHAPES)]
        np.clip(weights, 0, 1, out=weights)
        return face, made["next_state"]
