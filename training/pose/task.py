"""What the trainer is given to train a body."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import write_json
from training.device import MixedPrecision, pick_device, seed_everything
from training.motion_task import MotionTask
from training.pose.adversaries import PoseCritics
from training.pose.conditions import AXES
from training.pose.material import PoseMaterial
from training.pose.model import PoseGenerator
from training.pose.objective import reconstruction, scale_of
from training.pose.settings import PoseSettings
from training.pose.streams import ClipBatch, PoseStreams
from training.pose.validation import validate
from training.style import STYLES_FILE, StyleEncoder, combine, sample
from training.trainer import Metrics, evaluating

_STATE = "generator_state"


class PoseTask(MotionTask[ClipBatch]):
    """The generator's state is carried from one window of a clip to the next."""

    def __init__(self, settings: PoseSettings, material: PoseMaterial) -> None:
        seed_everything(settings.seed)
        device = pick_device(settings.device)
        self.pose, self.material = settings, material
        self.streams = PoseStreams(
            material.clips,
            material.captured,
            rows=settings.batch,
            frames=settings.frames,
            captured_share=settings.captured_share,
            seed=settings.seed,
        )
        self.scale = scale_of(material.clips.motion).to(device)
        self.generator = PoseGenerator(settings.width, settings.layers)
        self.generator.mean.copy_(material.clips.motion.mean(dim=(0, 1)))
        self.generator.scale.copy_(self.scale)
        self.generator.to(device)
        encoder = StyleEncoder(self.scale).to(device)
        critics = PoseCritics(settings, self.scale, material.capture).to(device)
        precision = MixedPrecision(device, settings.precision)
        learning = (self.generator, encoder)
        super().__init__(settings, precision, self.generator, encoder, critics, learning)
        self.carried[_STATE] = self.generator.initial_state(settings.batch)

    def loss(self, step: int, rng: np.random.Generator) -> tuple[Tensor, Metrics]:
        batch = self.streams.at(step).to(self.precision.device)
        with self.precision.autocast():
            style, style_loss, metrics = self.style(batch)
            given = batch.given._replace(style=style)
            made, after = self.generator(given, self.carried[_STATE] * (1 - batch.begins))
        self.carried[_STATE] = after.detach()
        # Outside of mixed precision: joints are counted in millimetres.
        loss, more = reconstruction(made.float(), batch, self.scale, self.pose)
        fooling, judged = self.contest.turn(step, batch, made, rng)
        return style_loss + loss + fooling, metrics | more | judged

    def style(self, batch: ClipBatch) -> tuple[Tensor, Tensor, Metrics]:
        """The code of every row [B, T, 16] and what the encoder is trained on.

        The teacher's axes are known: half of its rows are given the true code, so that a code set
        by hand means what it says. The other half, and captures, get what the encoder reads.
        """
        mean, log_variance = self.encoder(batch.manner, batch.known)
        code = sample(mean, log_variance)
        taught, given = batch.captured[:, None] == 0, batch.given.style[:, 0]
        half = torch.arange(len(code), device=code.device)[:, None] % 2 == 0
        code = torch.where(taught & half, given, code)
        known = torch.where(taught, given[:, AXES], torch.nan)
        loss, metrics = self.style_loss(mean, log_variance, known, first=AXES.start)
        return code[:, None].expand(-1, batch.motion.shape[1], -1), loss, metrics

    def validate(self, generator: nn.Module) -> Metrics:
        return validate(generator, self.material.check)

    @torch.no_grad()
    def write(self, checkpoint: Path, generator: nn.Module) -> None:
        """The style code of whoever was captured, read from all of their clips."""
        styles, captured = {}, self.material.captured
        if captured is not None:
            seen = (captured.motion, captured.known)
            with evaluating(self.encoder):
                code, _ = combine(*self.encoder(*(each.to(self.scale) for each in seen)))
            styles["captured"] = code.tolist()
        write_json(checkpoint / STYLES_FILE, styles)
