"""The face and the body that move a character."""

from dataclasses import dataclass, field
from pathlib import Path

from idol_protocol.frames import AUDIO_RATE_HZ
from idol_runtime.character import Character
from idol_runtime.errors import BundleError
from idol_runtime.inference.session import Provider
from idol_runtime.motion.conditioning import Generator
from idol_runtime.motion.face import FaceConfig, FaceModel
from idol_runtime.motion.gestures import GestureTimes
from idol_runtime.motion.pose import PoseConfig, PoseModel
from idol_runtime.motion.styles import Styles
from idol_runtime.stage.conditions import Conditioning, SpeechWindow
from idol_runtime.timeline import FPS


@dataclass(frozen=True, slots=True, eq=False)
class Generators:
    """What moves a character; characters that share it are rows of its runs."""

    face: FaceModel
    pose: PoseModel
    styles: Styles = field(default_factory=Styles)
    """Makes the style codes of face and body; without a prior by default."""

    def conditioning(self, character: Character) -> Conditioning:
        """How these generators take the conditions of a character.

        Raises:
            ConfigError: the character asks for a style tag that the face does not know.
        """
        pose = self.pose.config
        return Conditioning(
            gestures=GestureTimes(pose.gesture_seconds, pose.gesture_stroke, FPS),
            face=_window(self.face),
            pose=_window(self.pose),
            phoneme_activations=self.face.phoneme_activations,
            style=self.styles.code(character.motion),
            body_style=self.styles.body_code(character.motion, pose.style_axes, pose.style_tags),
        )


class GeneratorBundles:
    """Opens the bundles of faces and bodies, each once however many characters share it."""

    def __init__(self, face: Path, pose: Path, *, provider: Provider) -> None:
        """Opens the bundles of characters that name none of their own.

        Args:
            face: The bundle of characters that name no face of their own.
            pose: The bundle of characters that name no body of their own.
            provider: Where they run; each takes one thread.

        Raises:
            BundleError: a bundle is damaged.
            ProviderError: CUDA was asked for and cannot be used.
        """
        self._provider: Provider = provider
        self._default = face, pose
        self._faces: dict[Path, tuple[FaceModel, Styles]] = {}
        self._poses: dict[Path, PoseModel] = {}
        self.default = self._open(face, pose)

    def of(self, character: Character) -> Generators:
        """What moves a character.

        Raises:
            BundleError: a bundle that it names is damaged, or made for another frame rate.
            ProviderError: CUDA was asked for and cannot be used.
        """
        face, pose = self._default
        own = character.models
        return self._open(
            Path(own.face) if own.face is not None else face,
            Path(own.pose) if own.pose is not None else pose,
        )

    def _open(self, face: Path, pose: Path) -> Generators:
        if face not in self._faces:
            model = FaceModel.open(face, provider=self._provider, threads=1)
            _check_rates(face, model.config)
            self._faces[face] = model, Styles.open(face, model.config.style_tags)
        if pose not in self._poses:
            body = PoseModel.open(pose, provider=self._provider, threads=1)
            _check_rates(pose, body.config)
            self._poses[pose] = body
        model, styles = self._faces[face]
        return Generators(model, self._poses[pose], styles)


def _check_rates(folder: Path, config: FaceConfig | PoseConfig) -> None:
    audio = config.audio
    found = (config.fps, audio.fps, audio.rate_hz)
    if found != (FPS, FPS, AUDIO_RATE_HZ):
        raise BundleError(
            f"{folder}: expected {FPS} frames a second of sound at {AUDIO_RATE_HZ} Hz, as all "
            f"characters on a stage have, found {config.fps}, with features for {audio.fps} at "
            f"{audio.rate_hz} Hz; train and export it for these."
        )


def _window(generator: Generator[object]) -> SpeechWindow:
    context = generator.features.initial_state(1).shape[1]
    return SpeechWindow(generator.config.lookahead_frames, context)
