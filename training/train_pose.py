"""Trains the pose generator.

    python -m training.train_pose --config training/configs/pose.toml --run runs/pose --data DATA
    python -m training.train_pose --config training/configs/pose_smoke.toml --run runs/pose_smoke

Run it again with the same --run to go on from the last checkpoint. `--data` is the folder of real
captures (see training/README.md): its recordings are the voices, its motion capture the realism
prior. Without it the voices are syllables of noise and there is no prior: good for a smoke run.
`--speech` adds voices synthesised by `training.face.speech`. `--sets` holds data sets of captured
bodies (`python -m training.ingest`), of which the configuration's `captures` are learnt from.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from training.checkpoint import load_weights, resume, save, start_run, write_json
from training.device import MixedPrecision, pick_device, seed_everything
from training.gan import Ema, frozen
from training.ingest.bodies import read_body_datasets
from training.ingest.card import read_card
from training.ingest.shipping import Seen, read_seen, write_seen
from training.pose.adversaries import Adversaries
from training.pose.captures import clips_of
from training.pose.conditions import AXES
from training.pose.data import PoseClips, make_clips, read_voices
from training.pose.mocap import calm_windows
from training.pose.model import PoseGenerator
from training.pose.objective import reconstruction, scale_of
from training.pose.settings import Settings
from training.pose.streams import Batch, Streams
from training.pose.validation import validate
from training.run_options import add_run_options, settings_of
from training.schedule import learning_rate_share
from training.style import StyleEncoder, axis_loss, combine, kl, sample
from training.tracking import RunLog

STYLES_FILE = "styles.json"


class Training:
    """Everything a step needs; `step` changes weights and the carried state."""

    def __init__(
        self, settings: Settings, clips: PoseClips, captured: PoseClips | None, capture: Tensor
    ) -> None:
        seed_everything(settings.seed)
        self.settings = settings
        self.device = pick_device(settings.device)
        self.precision = MixedPrecision(self.device, settings.precision)
        self.streams = Streams(
            clips,
            captured,
            rows=settings.batch,
            frames=settings.frames,
            captured_share=settings.captured_share,
            seed=settings.seed,
        )
        self.scale = scale_of(clips.motion).to(self.device)
        self.generator = PoseGenerator(settings.width, settings.layers)
        self.generator.mean.copy_(clips.motion.mean(dim=(0, 1)))
        self.generator.scale.copy_(self.scale)
        self.generator.to(self.device)
        self.encoder = StyleEncoder(self.scale).to(self.device)
        self.critics = Adversaries(settings, self.scale, capture).to(self.device)
        self.ema = Ema(self.generator, settings.ema)
        self.state = self.generator.initial_state(settings.batch)
        self.optimisers = {
            "generator": torch.optim.AdamW(
                self.learning(),
                settings.learning_rate,
                (0.9, 0.98),
                weight_decay=settings.weight_decay,
            ),
            "critics": torch.optim.AdamW(self.critics.parameters(), 5e-4, (0.0, 0.98)),
        }

    def start_from(self, base: Path) -> None:
        """Takes over another run's averaged generator and, where it has them, the networks beside
        it; what comes from a bundle has none (`export.restore_pose`).
        """
        load_weights(base, "generator_ema", self.generator)
        load_weights(base, "generator_ema", self.ema.module)
        for name in ("style_encoder", "critics"):
            if (base / f"{name}.safetensors").exists():
                load_weights(base, name, self.modules[name])
            else:
                print(f"{base} has no {name}.safetensors: {name} begins anew")

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {
            "generator": self.generator,
            "generator_ema": self.ema.module,
            "style_encoder": self.encoder,
            "critics": self.critics,
        }

    def learning(self) -> list[torch.nn.Parameter]:
        return [*self.generator.parameters(), *self.encoder.parameters()]

    def step(self, step: int) -> dict[str, float]:
        settings = self.settings
        for group in self.optimisers["generator"].param_groups:
            group["lr"] = settings.learning_rate * learning_rate_share(step, settings.steps)
        batch = self.streams.at(step).to(self.device)
        with self.precision.autocast():
            style, loss, metrics = self._style(batch)
            given = batch.given._replace(style=style)
            made, after = self.generator(given, self.state * (1 - batch.begins))
        self.state = after.detach()
        # Outside of mixed precision: joints are counted in millimetres.
        rebuilt, more = reconstruction(made.float(), batch, self.scale, settings)
        loss, metrics = loss + rebuilt, metrics | more
        due = step >= settings.adversarial_from and step % settings.adversarial_every == 0
        if settings.adversarial_weight and due:
            adversarial, more = self._adversarial(made, batch, step)
            loss, metrics = loss + adversarial, metrics | more
        self.precision.step(loss, self.optimisers["generator"], self.learning(), max_norm=1.0)
        self.ema.update(self.generator, step)
        return metrics

    def _adversarial(
        self, made: Tensor, batch: Batch, step: int
    ) -> tuple[Tensor, dict[str, float]]:
        """Updates the critics, then scores `made` by them."""
        rng = np.random.default_rng((self.settings.seed, step))
        with self.precision.autocast():
            trial = self.critics.trial(batch, made, rng)
            judgement, metrics = self.critics.judge(trial)
        self.precision.step(judgement, self.optimisers["critics"])
        with self.precision.autocast(), frozen(self.critics):
            fooling = self.critics.fool(trial)
        return fooling, metrics | {"loss/adversarial": fooling.item()}

    def _style(self, batch: Batch) -> tuple[Tensor, Tensor, dict[str, float]]:
        """The code of every row [B, T, 16] and what the encoder is trained on.

        The teacher's axes are known: half of its rows are told the true code, so that a code set by
        hand means what it says. The other half, and captures, hear what the encoder reads.
        """
        mean, log_variance = self.encoder(batch.manner, batch.known)
        code = sample(mean, log_variance)
        taught, given = batch.captured[:, None] == 0, batch.given.style[:, 0]
        half = torch.arange(len(code), device=code.device)[:, None] % 2 == 0
        code = torch.where(taught & half, given, code)
        known = torch.where(taught, given[:, AXES], torch.nan)
        aside = axis_loss(mean, known, log_variance, first=AXES.start)
        divergence = kl(mean, log_variance, free_nats=0.02).mean()
        loss = self.settings.axis_weight * aside + self.settings.kl_weight * divergence
        told = code[:, None].expand(-1, batch.motion.shape[1], -1)
        return told, loss, {"style/axes": aside.item(), "style/kl": divergence.item()}


def voice_folders(data: Path | None, speech: Path | None) -> list[Path]:
    paired = ["facegood_audio_only", "facegood"]
    real = [data / "face" / name for name in paired] if data else []
    return [folder for folder in [*real, speech] if folder]


def train(
    settings: Settings,
    run: Path,
    *,
    data: Path | None = None,
    speech: Path | None = None,
    sets: Path | None = None,
    base: Path | None = None,
) -> None:
    """Trains into a run folder, from its last checkpoint when there is one.

    Raises:
        SystemExit: a data set is not there or does not fit.
    """
    start_run(run, msgspec.to_builtins(settings), seed=settings.seed, base=base)
    rng = np.random.default_rng(settings.seed)
    voices = read_voices(voice_folders(data, speech))
    clips = make_clips(voices, settings.clips, settings.clip_frames, rng)
    check = make_clips(voices, 16, settings.clip_frames, rng)
    captured = _captured(settings, run, sets, base, rng)
    archives = sorted((data / "body").rglob("*.tar.xz")) if data else []
    training = Training(settings, clips, captured, calm_windows(archives, settings.frames))
    if base:
        training.start_from(base)
    first = resume(run, training.modules, training.optimisers)
    with RunLog(run, steps=settings.steps, first_step=first, tracking=settings.tracking) as log:
        for step in range(first, settings.steps):
            metrics = training.step(step)
            log.advance(step + 1)
            if step % 25 == 0:
                note = f"off {metrics['joints_off_cm']:.2f} cm, {metrics['loss/rotation']:.3f}"
                log.scalars(step, metrics, note)
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                log.scalars(step, validate(training.ema.module, check), "")
                save(run, step + 1, training.modules, training.optimisers)
    write_json(run / STYLES_FILE, captured_style(training.encoder, captured))


def _captured(
    settings: Settings, run: Path, sets: Path | None, base: Path | None, rng: np.random.Generator
) -> PoseClips | None:
    """Clips of the data sets that the settings name; writes down what the weights will see."""
    if settings.captures and sets is None:
        raise SystemExit(
            f"The configuration learns from {', '.join(settings.captures)}; expected the folder "
            "that holds these data sets as --sets, found none."
        )
    before = read_seen(base) if base else Seen((), ())
    if not settings.captures or sets is None:
        write_seen(run, before)
        return None
    recordings = read_body_datasets(sets, settings.captures)
    cards = tuple(read_card(sets / name) for name in settings.captures)
    names = tuple(each.name for each in recordings)
    write_seen(run, Seen((*before.cards, *cards), (*before.recordings, *names)))
    clips = clips_of(recordings, settings.clip_frames, rng)
    if clips is None:
        raise SystemExit(
            f"Expected at least {settings.clip_frames} frames in one of "
            f"{', '.join(settings.captures)} in which the performer stays in place, found none; "
            "set a smaller clip_frames."
        )
    return clips


@torch.no_grad()
def captured_style(encoder: StyleEncoder, captured: PoseClips | None) -> dict[str, list[float]]:
    """The style code of whoever was captured, read from all of their clips."""
    if captured is None:
        return {}
    encoder.eval()
    device = encoder.scale.device
    mean, log_variance = encoder(captured.motion.to(device), captured.known.to(device))
    code, _ = combine(mean, log_variance)
    return {"captured": code.tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the pose generator.")
    add_run_options(parser)
    parser.add_argument("--data", type=Path, help="the folder of real captures")
    parser.add_argument("--sets", type=Path, help="the folder of data sets of bodies")
    args = parser.parse_args()
    settings = settings_of(args, Settings)
    train(settings, args.run, data=args.data, speech=args.speech, sets=args.sets, base=args.base)


if __name__ == "__main__":
    main()
