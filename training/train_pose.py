"""Trains the pose generator.

    python -m training.train_pose --config training/configs/pose.toml --run runs/pose --data DATA
    python -m training.train_pose --config training/configs/pose_smoke.toml --run runs/pose_smoke

Run it again with the same --run to go on from the last checkpoint. `--data` is the folder of real
captures (see training/README.md): its recordings are the voices, its motion capture the realism
prior. Without it the voices are syllables of noise and there is no prior: good for a smoke run.
`--speech` adds voices synthesised by `training.face.speech`.
"""

import argparse
import os
from pathlib import Path

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from training.checkpoint import resume, save, start_run
from training.config import load_config
from training.gan import Discriminator, Ema, discriminator_loss, generator_loss
from training.losses import channel_scale, normalised_mse, normalised_velocity
from training.pose.data import PoseClips, make_clips, read_voices
from training.pose.drivers import NOISE
from training.pose.mocap import TRUNK_CHANNELS, about_mean, calm_trunks
from training.pose.model import ACTIVITY, MOTION, PoseGenerator, decode, encode
from training.pose.skeleton import forward_kinematics
from training.tracking import RunLog


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    seed: int = 0
    clips: int = 96
    clip_frames: int = 900
    batch: int = 24
    frames: int = 60
    """Length of a window; state is carried from one window to the next of the same clip."""
    width: int = 160
    layers: int = 2
    learning_rate: float = 2e-3
    velocity_weight: float = 0.3
    position_weight: float = 1.0
    adversarial_weight: float = 0.03
    prior_weight: float = 0.01
    adversarial_from: int = 500
    adversarial_every: int = 3
    penalty: float = 1.0
    critic_width: int = 32
    ema: float = 0.998
    save_every: int = 100


class Streams:
    """Every row of a batch walks through a clip window by window, then begins another."""

    def __init__(self, clips: PoseClips, settings: Settings) -> None:
        self.clips, self.frames = clips, settings.frames
        self.windows = clips.audio.shape[1] // settings.frames
        self.seed, self.batch = settings.seed, settings.batch

    def at(self, step: int) -> tuple[Tensor, slice | Tensor, Tensor]:
        """Clip index [B], frames [B, T] and whether a row begins [B, 1], for this step.

        Rows are staggered, so that some row of every batch is in each part of its clip.
        """
        turn = step + np.arange(self.batch) * self.windows // self.batch
        rounds, window = turn // self.windows, turn % self.windows
        clip = [
            int(np.random.default_rng((self.seed, row, int(each))).integers(len(self.clips)))
            for row, each in enumerate(rounds)
        ]
        first = torch.from_numpy(window * self.frames)[:, None]
        begins = torch.from_numpy((window == 0).astype(np.float32))[:, None]
        return torch.tensor(clip), first + torch.arange(self.frames), begins


class Training:
    """Everything a step needs; `step` changes weights and the carried state."""

    def __init__(self, settings: Settings, clips: PoseClips, trunks: Tensor) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.clips, self.trunks = settings, clips, trunks
        self.streams = Streams(clips, settings)
        self.motion = encode(clips.local, clips.hips_m)
        self.generator = PoseGenerator(settings.width, settings.layers)
        # Angles below about a degree and millimetres of the hips are noise to the eye.
        floor = torch.full((MOTION,), 0.02)
        floor[-3:] = 0.004
        self.scale = torch.maximum(channel_scale(self.motion, 0.0), floor)
        self.generator.mean.copy_(self.motion.mean(dim=(0, 1)))
        self.generator.scale.copy_(self.scale)
        self.ema = Ema(self.generator, settings.ema)
        told = 40 + ACTIVITY + NOISE.size
        width = settings.critic_width
        self.critic = Discriminator(MOTION, condition_channels=told, width=width)
        self.prior = Discriminator(len(TRUNK_CHANNELS), width=width, strides=(1, 3))
        self.state = self.generator.initial_state(settings.batch)
        critics = [*self.critic.parameters(), *self.prior.parameters()]
        self.optimisers = {
            "generator": torch.optim.AdamW(
                self.generator.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=0.01
            ),
            "critics": torch.optim.AdamW(critics, 5e-4, (0.0, 0.98)),
        }

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {
            "generator": self.generator,
            "generator_ema": self.ema.module,
            "critic": self.critic,
            "prior": self.prior,
        }

    def step(self, step: int) -> dict[str, float]:
        settings = self.settings
        for group in self.optimisers["generator"].param_groups:
            group["lr"] = settings.learning_rate * _schedule(step, settings.steps)
        clip, frames, begins = self.streams.at(step)
        row = clip[:, None]
        clips = self.clips
        style, noise = clips.style[row, frames], clips.noise[row, frames]
        audio, activity = clips.audio[row, frames], clips.activity[row, frames]
        made, after = self.generator(
            audio, activity, clips.emotion[row, frames], style, noise, self.state * (1 - begins)
        )
        self.state = after.detach()
        target = self.motion[row, frames]
        joints, _ = forward_kinematics(clips.local[row, frames], clips.hips_m[row, frames])
        loss, metrics = self._reconstruction(made, target, style, joints)
        if step >= settings.adversarial_from and step % settings.adversarial_every == 0:
            condition = torch.cat([audio[..., -40:], activity, noise], dim=-1)
            adversarial, more = self._adversarial(made, target, condition, step)
            loss, metrics = loss + adversarial, metrics | more
        optimiser = self.optimisers["generator"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
        optimiser.step()
        self.ema.update(self.generator, step)
        return metrics

    def _reconstruction(
        self, made: Tensor, target: Tensor, style: Tensor, joints: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        one = torch.ones(1)
        rotation = normalised_mse(made, target, self.scale, one)
        speed = normalised_velocity(made, target, self.scale * 0.1, one)
        placed, _ = forward_kinematics(*decode(made, style))
        # In units of 3 cm: hands are what is seen to be wrong first.
        position = F.mse_loss(placed / 0.03, joints / 0.03)
        loss = rotation + self.settings.velocity_weight * speed
        loss = loss + self.settings.position_weight * position
        off_cm = (placed - joints).norm(dim=-1).mean() * 100
        return loss, {
            "loss/rotation": rotation.item(),
            "loss/velocity": speed.item(),
            "loss/position": position.item(),
            "joints_off_cm": off_cm.item(),
        }

    def _adversarial(
        self, made: Tensor, target: Tensor, condition: Tensor, step: int
    ) -> tuple[Tensor, dict[str, float]]:
        settings = self.settings
        real = (target - self.generator.mean) / self.scale
        fake = (made - self.generator.mean) / self.scale

        def fits(motion: Tensor) -> Tensor:
            scores: Tensor = self.critic(motion, condition)
            return scores

        def moves(motion: Tensor) -> Tensor:
            scores: Tensor = self.prior(motion)
            return scores

        judged = [(fits, real, fake, settings.adversarial_weight, "critic")]
        if len(self.trunks):
            rng = np.random.default_rng((settings.seed, step))
            chosen = torch.from_numpy(rng.integers(len(self.trunks), size=len(made)))
            columns = list(TRUNK_CHANNELS)
            spread = self.scale[columns]
            trunk = about_mean(made[..., columns]) / spread
            real_trunk = self.trunks[chosen] / spread
            judged.append((moves, real_trunk, trunk, settings.prior_weight, "prior"))
        total = made.new_zeros(())
        metrics: dict[str, float] = {}
        for critic, true, taught, weight, name in judged:
            judgement, more = discriminator_loss(critic, true, taught, penalty=settings.penalty)
            self.optimisers["critics"].zero_grad()
            judgement.backward()
            self.optimisers["critics"].step()
            total = total + weight * generator_loss(critic, true, taught)
            metrics |= {f"{name}/{key}": value for key, value in more.items()}
        return total, metrics


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over 50 steps, then a cosine to 3 %."""
    warm = min(1.0, (step + 1) / 50)
    return warm * float(0.03 + 0.97 * 0.5 * (1 + np.cos(np.pi * min(step / steps, 1))))


def voice_folders(data: Path | None, speech: Path | None) -> list[Path]:
    paired = ["facegood_audio_only", "facegood"]
    real = [data / "face" / name for name in paired] if data else []
    return [folder for folder in [*real, speech] if folder]


def train(settings: Settings, run: Path, *, data: Path | None, speech: Path | None) -> None:
    start_run(run, msgspec.to_builtins(settings), seed=settings.seed)
    rng = np.random.default_rng(settings.seed)
    voices = read_voices(voice_folders(data, speech))
    archives = sorted((data / "body").rglob("*.tar.xz")) if data else []
    clips = make_clips(voices, settings.clips, settings.clip_frames, rng)
    training = Training(settings, clips, calm_trunks(archives, settings.frames))
    first = resume(run, training.modules, training.optimisers)
    with RunLog(run, steps=settings.steps, first_step=first) as log:
        for step in range(first, settings.steps):
            metrics = training.step(step)
            log.advance(step + 1)
            if step % 25 == 0:
                note = f"off {metrics['joints_off_cm']:.2f} cm, {metrics['loss/rotation']:.3f}"
                log.scalars(step, metrics, note)
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                save(run, step + 1, training.modules, training.optimisers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the pose generator.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="the folder of real captures")
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(load_config(args.config, Settings), args.run, data=args.data, speech=args.speech)


if __name__ == "__main__":
    main()
