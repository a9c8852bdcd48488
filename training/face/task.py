"""What the trainer is given to train a face."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import checkpoint_of, read_json, write_json
from training.device import MixedPrecision, pick_device, seed_everything
from training.face.adversaries import FaceCritics
from training.face.material import Material
from training.face.model import LIPS, STYLE_SIZE, FaceGenerator
from training.face.objective import Scales, channel_weights, phoneme_loss, reconstruction
from training.face.settings import FaceSettings
from training.face.style import AXES, hide_channels
from training.face.style_codes import write_codes
from training.face.validation import speaker_styles, validate
from training.face.windows import FaceBatch, FaceWindows
from training.motion_task import MotionTask
from training.style import STYLES_FILE, StyleEncoder, posterior_codes, sample
from training.trainer import Metrics, evaluating


class FaceTask(MotionTask[FaceBatch]):
    def __init__(self, settings: FaceSettings, material: Material) -> None:
        seed_everything(settings.seed)
        device = pick_device(settings.device)
        self.face, self.material = settings, material
        self.windows = FaceWindows(
            material.streams,
            rows=settings.batch,
            frames=settings.frames,
            lookahead_frames=settings.lookahead_frames,
            captured_share=settings.captured_share,
        )
        self.scales = Scales(material.streams)
        self.weights = channel_weights(settings).to(device)
        self.generator = FaceGenerator(settings.model)
        self.generator.lips_mean.copy_(self.scales.taught_mean[: len(LIPS)])
        self.generator.lips_spread.copy_(self.scales.taught[: len(LIPS)])
        self.generator.to(device)
        encoder = StyleEncoder(self.scales.taught).to(device)
        takes, mask = material.takes, material.take_mask
        critics = FaceCritics(settings, self.scales.taught, takes, mask).to(device)
        precision = MixedPrecision(device, settings.precision)
        learning = self._learning(encoder)
        super().__init__(settings, precision, self.generator, encoder, critics, learning)
        self.base_styles: dict[str, list[float]] = {}

    def _learning(self, encoder: StyleEncoder) -> tuple[nn.Module, ...]:
        generator = self.generator
        if self.face.learn == "lips":
            return generator.lips, generator.lips_out, generator.phonemes_out
        if self.face.learn == "upper":
            return generator.upper, generator.upper_out
        return generator, encoder

    def start_from(self, base: Path) -> None:
        super().start_from(base)
        self.base_styles = read_json(checkpoint_of(base) / STYLES_FILE)
        if self.face.learn == "lips":
            self._fix_styles()

    def _fix_styles(self) -> None:
        """Gives every captured stream its speaker's code, read once: the encoder will not change,
        and window by window it would read what these few people do into the style.
        """
        with evaluating(self.encoder):
            styles = speaker_styles(self.encoder, self.material.streams)
        for stream in self.material.streams:
            if stream.captured:
                stream.style[:] = styles[stream.speaker].numpy()

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        settings = self.face
        batch = self.windows.draw(rng).to(self.precision.device)
        with self.precision.autocast():
            style, style_loss, metrics = self._style(batch)
            made, heard = self._play(batch, style)
            scale = self.scales.of(batch.captured)
            loss, more = reconstruction(made, batch, scale, self.weights, settings)
            phonemes = phoneme_loss(heard, batch.spoken)
            loss = loss + style_loss + settings.phoneme_weight * phonemes
        fooling, judged = self.contest.turn(step, batch, made, rng)
        return loss + fooling, metrics | more | {"loss/phonemes": phonemes.item()} | judged

    def _style(self, batch: FaceBatch) -> tuple[Tensor, Tensor, Metrics]:
        """The code of every row [B, T, 16] and what the encoder is trained on.

        Taught rows know their axes: half of them are given the true ones, so that a code set by
        hand means what it says; the rest of the code, and captures, come from the encoder.
        """
        mask = hide_channels(batch.mask, 0.3)
        mean, log_variance = self.encoder(batch.manner, mask)
        code = sample(mean, log_variance)
        taught = batch.captured[:, None] == 0
        given = batch.given.style[:, 0]
        if self.face.learn == "lips":
            near = given + 0.2 * torch.randn_like(given)
            code = torch.where(taught, code, near)
        axes = given[:, :AXES]
        true_axes = taught & (torch.rand(len(code), 1, device=code.device) < 0.5)
        code = torch.cat([torch.where(true_axes, axes, code[:, :AXES]), code[:, AXES:]], dim=1)
        known = torch.where(taught, axes, torch.nan)
        loss, metrics = self.style_loss(mean, log_variance, known)
        return code[:, None].expand(-1, batch.target.shape[1], STYLE_SIZE), loss, metrics

    def _play(self, batch: FaceBatch, style: Tensor) -> tuple[Tensor, Tensor]:
        """Motion [B, T, 51], or the lips' part of it, and phoneme logits."""
        given = batch.given._replace(style=style)
        lips_state, upper_state = self.generator.initial_states(len(style))
        with torch.set_grad_enabled(self.face.learn != "upper"):
            lips, heard, _ = self.generator.move_lips(given, lips_state)
        if self.face.learn == "lips":
            return lips, heard
        upper, _ = self.generator.move_upper(given, upper_state)
        return torch.cat([lips, upper], dim=2), heard

    def validate(self, generator: nn.Module) -> Metrics:
        with evaluating(self.encoder):
            streams, ahead = self.material.validation, self.face.lookahead_frames
            return validate(generator, self.encoder, streams, ahead)

    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """The styles of captured speakers, and the codes that `training.train_style_prior` fits."""
        streams = self.material.streams
        with evaluating(self.encoder):
            read = speaker_styles(self.encoder, streams)
            shown = ((stream.target, stream.mask) for stream in streams)
            codes = posterior_codes(self.encoder, shown)
        styles = self.base_styles | {name: code.tolist() for name, code in read.items()}
        write_json(checkpoint / STYLES_FILE, styles)
        write_codes(checkpoint, *codes)
