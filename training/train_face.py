"""Trains the face generator.

    python -m training.train_face --config training/configs/face_smoke.toml --run runs/face_smoke
    python -m training.train_face --config training/configs/face.toml --run runs/face \
        --data DATA --speech SPEECH
    python -m training.train_face --config training/configs/face_captured.toml --run runs/captured \
        --base runs/face --data DATA --speech SPEECH

Run it again with the same --run to go on from the last checkpoint. `--data` holds data sets written
by `training.ingest`; the configuration names those it uses. `--speech` is what
`training.face.speech` wrote; without it there are made-up phoneme sounds, which is only good for a
smoke run. `--base` starts from another run's weights (transfer).
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from training.checkpoint import (
    load_weights,
    read_json,
    resume,
    save,
    save_weights,
    start_run,
    write_json,
)
from training.device import MixedPrecision, pick_device, seed_everything
from training.early_stopping import EarlyStopping
from training.face.adversaries import Adversaries
from training.face.material import Material, gather
from training.face.model import LIPS, STYLE_SIZE, FaceGenerator
from training.face.objective import (
    Scales,
    channel_weights,
    phoneme_loss,
    reconstruction,
)
from training.face.settings import Settings
from training.face.style import AXES, hide_channels
from training.face.validation import Validation, speaker_styles
from training.face.windows import Batch, Windows
from training.gan import Ema, frozen
from training.ingest.shipping import write_seen
from training.run_options import add_run_options, settings_of
from training.schedule import learning_rate_share
from training.style import StyleEncoder, axis_loss, kl, posterior_codes, sample
from training.tracking import OBJECTIVE, RunLog
from training.train_style_prior import write_codes

BEST = "generator_best"
STYLES_FILE = "styles.json"


class Training:
    """Everything a step needs; `step` changes weights, nothing else."""

    def __init__(self, settings: Settings, material: Material) -> None:
        seed_everything(settings.seed)
        self.settings, self.material = settings, material
        self.device = pick_device(settings.device)
        self.precision = MixedPrecision(self.device, settings.precision)
        self.windows = Windows(
            material.streams,
            rows=settings.batch,
            frames=settings.frames,
            lookahead_frames=settings.lookahead_frames,
            captured_share=settings.captured_share,
        )
        self.scales = Scales(material.streams)
        self.weights = channel_weights(settings).to(self.device)
        self.generator = FaceGenerator(settings.model)
        self.generator.lips_mean.copy_(self.scales.taught_mean[: len(LIPS)])
        self.generator.lips_spread.copy_(self.scales.taught[: len(LIPS)])
        self.generator.to(self.device)
        self.encoder = StyleEncoder(self.scales.taught).to(self.device)
        self.critics = Adversaries(
            settings, self.scales.taught, material.takes, material.take_mask
        ).to(self.device)
        self.ema = Ema(self.generator, settings.ema)
        self.optimisers = {
            "generator": torch.optim.AdamW(
                self.learning(),
                settings.learning_rate,
                (0.9, 0.98),
                weight_decay=settings.weight_decay,
            ),
            "critics": torch.optim.AdamW(self.critics.parameters(), 5e-4, (0.0, 0.98)),
        }

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {
            "generator": self.generator,
            "generator_ema": self.ema.module,
            "style_encoder": self.encoder,
            "critics": self.critics,
        }

    def learning(self) -> list[torch.nn.Parameter]:
        """The weights of generator and style encoder that this run changes."""
        if self.settings.learn == "all":
            return [*self.generator.parameters(), *self.encoder.parameters()]
        generator = self.generator
        parts: tuple[torch.nn.Module, ...] = (generator.upper, generator.upper_out)
        if self.settings.learn == "lips":
            parts = (generator.lips, generator.lips_out, generator.phonemes_out)
        return [value for part in parts for value in part.parameters()]

    def start_from(self, base: Path) -> None:
        """Takes over another run's averaged generator and the networks beside it."""
        load_weights(base, "generator_ema", self.generator)
        load_weights(base, "generator_ema", self.ema.module)
        load_weights(base, "style_encoder", self.encoder)
        load_weights(base, "critics", self.critics)
        if self.settings.learn == "lips":
            self._fix_styles()

    def _fix_styles(self) -> None:
        """Gives every captured stream its speaker's code, read once: the encoder will not change,
        and window by window it would read what these few people do into the style.
        """
        self.encoder.eval()
        styles = speaker_styles(self.encoder, self.material.streams)
        self.encoder.train()
        for stream in self.material.streams:
            if stream.captured:
                stream.style[:] = styles[stream.speaker].numpy()

    def step(self, step: int) -> dict[str, float]:
        settings = self.settings
        rng = np.random.default_rng((settings.seed, step))
        for group in self.optimisers["generator"].param_groups:
            group["lr"] = settings.learning_rate * learning_rate_share(step, settings.steps)
        batch = self.windows.draw(rng).to(self.device)
        with self.precision.autocast():
            style, style_loss, metrics = self._style(batch)
            made, heard = self._play(batch, style)
            loss, more = reconstruction(
                made, batch, self.scales.of(batch.captured), self.weights, settings
            )
            phonemes = phoneme_loss(heard, batch.spoken)
            loss = loss + style_loss + settings.phoneme_weight * phonemes
            metrics |= more | {"loss/phonemes": phonemes.item()}
        due = step % settings.adversarial_every == 0 and step >= settings.adversarial_from
        if settings.adversarial_weight and due:
            adversarial, more = self._adversarial(step, made, batch, rng)
            loss = loss + settings.adversarial_weight * adversarial
            metrics |= more
        self.precision.step(loss, self.optimisers["generator"], self.learning(), max_norm=1.0)
        self.ema.update(self.generator, step)
        return metrics

    def _adversarial(
        self, step: int, made: Tensor, batch: Batch, rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Updates the critics, then scores `made` by them.

        Penalties are taken every few times and counted as often (Karras et al. 2020).
        """
        settings = self.settings
        lazily = step % (settings.penalty_every * settings.adversarial_every) == 0
        penalty = settings.penalty * settings.penalty_every if lazily else 0.0
        with self.precision.autocast():
            trial = self.critics.trial(batch, made, rng)
            judgement, metrics = self.critics.judge(trial, penalty=penalty)
        self.precision.step(judgement, self.optimisers["critics"])
        with self.precision.autocast(), frozen(self.critics):
            fooling = self.critics.fool(trial)
        return fooling, metrics | {"loss/adversarial": fooling.item()}

    def _style(self, batch: Batch) -> tuple[Tensor, Tensor, dict[str, float]]:
        """The code of every row [B, T, 16] and what the encoder is trained on.

        Taught rows know their axes: half of them are told the true ones, so that a code set by hand
        means what it says; the rest of the code, and captures, come from the encoder.
        """
        mask = hide_channels(batch.mask, 0.3)
        mean, log_variance = self.encoder(batch.manner, mask)
        code = sample(mean, log_variance)
        taught = batch.captured[:, None] == 0
        given = batch.given.style[:, 0]
        if self.settings.learn == "lips":
            near = given + 0.2 * torch.randn_like(given)
            code = torch.where(taught, code, near)
        axes = given[:, :AXES]
        told = taught & (torch.rand(len(code), 1, device=code.device) < 0.5)
        code = torch.cat([torch.where(told, axes, code[:, :AXES]), code[:, AXES:]], dim=1)
        known = torch.where(taught, axes, torch.nan)
        aside = axis_loss(mean, known, log_variance)
        divergence = kl(mean, log_variance, free_nats=0.02).mean()
        loss = self.settings.axis_weight * aside + self.settings.kl_weight * divergence
        frames = batch.target.shape[1]
        return (
            code[:, None].expand(-1, frames, STYLE_SIZE),
            loss,
            {
                "style/axes": aside.item(),
                "style/kl": divergence.item(),
            },
        )

    def _play(self, batch: Batch, style: Tensor) -> tuple[Tensor, Tensor]:
        """Motion [B, T, 51], or the lips' part of it, and phoneme logits."""
        given = batch.given._replace(style=style)
        lips_state, upper_state = self.generator.initial_states(len(style))
        with torch.set_grad_enabled(self.settings.learn != "upper"):
            lips, heard, _ = self.generator.move_lips(given, lips_state)
        if self.settings.learn == "lips":
            return lips, heard
        upper, _ = self.generator.move_upper(given, upper_state)
        return torch.cat([lips, upper], dim=2), heard


def train(
    settings: Settings,
    run: Path,
    *,
    speech: Path | None = None,
    data: Path | None = None,
    base: Path | None = None,
) -> None:
    """Trains into a run folder, from its last checkpoint when there is one.

    Raises:
        SystemExit: a data set, a recording or the base run is not there or does not fit.
    """
    start_run(run, msgspec.to_builtins(settings), seed=settings.seed, base=base)
    material = gather(settings, speech, data, base)
    write_seen(run, material.seen)
    training = Training(settings, material)
    if base:
        training.start_from(base)
    validation = Validation(settings, material)
    stopping = EarlyStopping(settings.patience)
    first = resume(run, training.modules, training.optimisers)
    if first:
        stopping.load_state_dict(read_json(run / "stopping.json"))
    with RunLog(run, steps=settings.steps, first_step=first, tracking=settings.tracking) as log:
        for step in range(first, settings.steps):
            metrics = training.step(step)
            log.advance(step + 1)
            if step % 25 == 0:
                log.scalars(step, metrics, f"lips {metrics['loss/lips']:.3f}")
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                found = validation.measure(training.ema.module, training.encoder)
                log.scalars(step, found, f"validation {found[OBJECTIVE]:.3f}")
                if stopping.observe(step + 1, found[OBJECTIVE]):
                    save_weights(run, BEST, training.ema.module)
                    save_weights(run, "style_encoder_best", training.encoder)
                    objective = {"objective": found[OBJECTIVE], "step": step + 1}
                    write_json(run / "validation.json", objective)
                save(run, step + 1, training.modules, training.optimisers)
                write_json(run / "stopping.json", stopping.state_dict())
                if stopping.should_stop:
                    break
    finish(run, training, material, base)


def finish(run: Path, training: Training, material: Material, base: Path | None) -> None:
    """Keeps the best weights when the run was to stop early, the styles of its speakers, and the
    codes of all recordings, to which `training.train_style_prior` fits the prior.
    """
    if training.settings.patience and (run / f"{BEST}.safetensors").exists():
        load_weights(run, BEST, training.ema.module)
        load_weights(run, "style_encoder_best", training.encoder)
        save_weights(run, "generator_ema", training.ema.module)
        save_weights(run, "style_encoder", training.encoder)
    training.encoder.eval()
    styles = read_json(base / STYLES_FILE) if base else {}
    read = speaker_styles(training.encoder, material.streams)
    styles |= {name: code.tolist() for name, code in read.items()}
    write_json(run / STYLES_FILE, styles)
    shown = ((stream.target, stream.mask) for stream in material.streams)
    write_codes(run, *posterior_codes(training.encoder, shown))


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the face generator.")
    add_run_options(parser)
    parser.add_argument("--data", type=Path, help="the folder of data sets")
    parser.add_argument("--held-out", nargs="*", help="recordings to keep away from this run")
    args = parser.parse_args()
    held_out = {} if args.held_out is None else {"held_out": tuple(args.held_out)}
    settings = settings_of(args, Settings, **held_out)
    train(settings, args.run, speech=args.speech, data=args.data, base=args.base)


if __name__ == "__main__":
    main()
