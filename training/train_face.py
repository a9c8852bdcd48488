"""Trains the face generator.

    python -m training.train_face --config training/configs/face.toml --run runs/face \
        --data DATA --speech ~/.cache/idol_training/speech
    python -m training.train_face --config training/configs/face_smoke.toml --run runs/face_smoke

Run it again with the same --run to go on from the last checkpoint. `--data` is the folder of real
captures (see training/README.md); without it the generator learns from taught streams alone, and
without `--speech` from made-up phoneme sounds, which is only good for a smoke run.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.checkpoint import resume, save, start_run
from training.config import load_config
from training.face.data import (
    Stream,
    captured_paths,
    captured_stream,
    load_takes,
    taught_stream,
)
from training.face.model import ANGLES, LIPS, MADE, Conditions, FaceGenerator, FaceModelConfig
from training.face.speech import HELD_OUT_VOICES, hummed_utterances, load_speech
from training.features import FEATURES
from training.gan import Discriminator, Ema, discriminator_loss, generator_loss
from training.losses import channel_scale, closure_error, normalised_mse, normalised_velocity
from training.tracking import RunLog


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    steps: int
    model: FaceModelConfig = FaceModelConfig()
    seed: int = 0
    batch: int = 16
    frames: int = 96
    lookahead_frames: int = 2
    variants: int = 3
    """How often the speech is restaged with other noise, styles and microphones."""
    learning_rate: float = 2e-3
    captured_share: float = 0.3
    """Part of a batch that comes from the paired capture."""
    velocity_weight: float = 0.5
    closure_weight: float = 60.0
    adversarial_weight: float = 0.05
    adversarial_from: int = 600
    adversarial_every: int = 2
    penalty: float = 1.0
    penalty_every: int = 4
    critic_width: int = 32
    ema: float = 0.998
    save_every: int = 250


@dataclass(frozen=True, slots=True)
class Batch:
    given: Conditions
    target: Tensor
    mask: Tensor
    """[B, 51]"""
    closed: Tensor
    captured: Tensor
    """[B], 1 for rows of the paired capture."""


class Windows:
    """Random windows of streams; audio and phonemes run ahead by the look-ahead."""

    def __init__(self, streams: Sequence[Stream], settings: Settings) -> None:
        self._frames, self._ahead = settings.frames, settings.lookahead_frames
        least = self._frames + self._ahead + 1
        usable = [stream for stream in streams if len(stream.audio) >= least]
        self._taught = [stream for stream in usable if not stream.captured]
        self._captured = [stream for stream in usable if stream.captured]
        share = settings.captured_share if self._captured else 0.0
        self._captured_rows = round(share * settings.batch)
        self._rows = settings.batch

    def draw(self, rng: np.random.Generator) -> Batch:
        chosen = [
            self._pick(self._captured if row < self._captured_rows else self._taught, rng)
            for row in range(self._rows)
        ]
        now = [slice(start, start + self._frames) for _, start in chosen]
        ahead = [slice(s.start + self._ahead, s.stop + self._ahead) for s in now]
        streams = [stream for stream, _ in chosen]

        def rows(name: str, spans: list[slice]) -> Tensor:
            cut = [getattr(stream, name)[span] for stream, span in zip(streams, spans, strict=True)]
            return torch.from_numpy(np.stack(cut))

        return Batch(
            Conditions(
                rows("audio", ahead),
                rows("phonemes", ahead),
                rows("activity", now),
                rows("emotion", now),
                rows("style", now),
                rows("noise", now),
            ),
            rows("target", now),
            torch.from_numpy(np.stack([stream.mask for stream in streams])),
            rows("closed", now),
            torch.tensor([float(stream.captured) for stream in streams]),
        )

    def _pick(self, streams: Sequence[Stream], rng: np.random.Generator) -> tuple[Stream, int]:
        lengths = np.array([len(stream.audio) for stream in streams], float)
        stream = streams[rng.choice(len(streams), p=lengths / lengths.sum())]
        return stream, int(rng.integers(len(stream.audio) - self._frames - self._ahead))


def with_captured_style(given: Conditions, captured: Tensor, style: Tensor) -> Conditions:
    """Rows of the paired capture get the learnt style of its speaker."""
    return given._replace(style=torch.where(captured[:, None, None] > 0, style, given.style))


@dataclass(frozen=True, slots=True)
class Adversaries:
    """One judge of lips against sound, one of realism with masked channels."""

    sync: Discriminator
    realism: Discriminator


def opening(made: Tensor) -> Tensor:
    """[B, T, 51] -> [B, T]: jawOpen - mouthClose, plus the lips drawn apart (see face_mouth)."""

    def at(name: str) -> Tensor:
        return made[..., MADE.index(name)]

    apart = (
        at("mouthLowerDownLeft")
        + at("mouthLowerDownRight")
        + at("mouthUpperUpLeft")
        + at("mouthUpperUpRight")
    )
    return (at("jawOpen") - at("mouthClose")).clamp_min(0) + 0.175 * apart


def reconstruction(
    made: Tensor, batch: Batch, scale: Tensor, settings: Settings
) -> tuple[Tensor, dict[str, float]]:
    weight = batch.mask[:, None]
    position = normalised_mse(made, batch.target, scale, weight)
    motion = normalised_velocity(made, batch.target, scale * 0.5, weight)
    shut = closure_error(opening(made), torch.tensor(0.02), batch.closed)
    loss = position + settings.velocity_weight * motion + settings.closure_weight * shut
    return loss, {
        "loss/position": position.item(),
        "loss/velocity": motion.item(),
        "loss/closure": shut.item(),
    }


class Training:
    """Everything a step needs; `step` changes weights, nothing else."""

    def __init__(
        self,
        settings: Settings,
        streams: Sequence[Stream],
        takes: Sequence[NDArray[np.float32]],
        take_mask: NDArray[np.float32],
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.windows = Windows(streams, settings)
        self.takes, self.take_mask = takes, torch.from_numpy(take_mask)
        self.generator = FaceGenerator(settings.model)
        self.ema = Ema(self.generator, settings.ema)
        self.critics = Adversaries(
            Discriminator(len(LIPS), condition_channels=FEATURES, width=settings.critic_width),
            Discriminator(len(MADE), width=settings.critic_width),
        )
        self.scale = _scale(streams)
        self.optimisers = {
            "generator": torch.optim.AdamW(
                self.generator.parameters(), settings.learning_rate, (0.9, 0.98), weight_decay=0.01
            ),
            "critics": torch.optim.AdamW(
                [*self.critics.sync.parameters(), *self.critics.realism.parameters()],
                5e-4,
                (0.0, 0.98),
            ),
        }

    @property
    def modules(self) -> dict[str, torch.nn.Module]:
        return {
            "generator": self.generator,
            "generator_ema": self.ema.module,
            "sync_critic": self.critics.sync,
            "realism_critic": self.critics.realism,
        }

    def step(self, step: int) -> dict[str, float]:
        rng = np.random.default_rng((self.settings.seed, step))
        for group in self.optimisers["generator"].param_groups:
            group["lr"] = self.settings.learning_rate * _schedule(step, self.settings.steps)
        batch = self.windows.draw(rng)
        style = self.generator.captured_style
        given = with_captured_style(batch.given, batch.captured, style)
        state = torch.zeros(len(batch.target), self.generator.state_size)
        made, _ = self.generator(given, state)
        loss, metrics = reconstruction(made, batch, self.scale, self.settings)
        due = step % self.settings.adversarial_every == 0
        if step >= self.settings.adversarial_from and due:
            adversarial, more = self._adversarial(step, made, batch, rng)
            loss = loss + self.settings.adversarial_weight * adversarial
            metrics |= more
        optimiser = self.optimisers["generator"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.generator.parameters(), 1.0)
        optimiser.step()
        self.ema.update(self.generator, step)
        return metrics

    def _adversarial(
        self, step: int, made: Tensor, batch: Batch, rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        lips = slice(0, len(LIPS))
        audio, mask = batch.given.audio, batch.mask
        real, seen = self._real(batch, rng)
        fake = made / self.scale
        lips_real = batch.target[..., lips] / self.scale[lips]

        def sync(motion: Tensor) -> Tensor:
            scores: Tensor = self.critics.sync(motion, audio, mask[:, lips])
            return scores

        def realism(motion: Tensor) -> Tensor:
            scores: Tensor = self.critics.realism(motion, mask=seen)
            return scores

        lazily = step % (self.settings.penalty_every * self.settings.adversarial_every) == 0
        penalty = self.settings.penalty * self.settings.penalty_every if lazily else 0.0
        d_sync, sync_metrics = discriminator_loss(sync, lips_real, fake[..., lips], penalty=penalty)
        d_real, real_metrics = discriminator_loss(realism, real, fake, penalty=penalty)
        self.optimisers["critics"].zero_grad()
        (d_sync + d_real).backward()
        self.optimisers["critics"].step()
        adversarial = generator_loss(sync, lips_real, fake[..., lips])
        adversarial = adversarial + generator_loss(realism, real, fake)
        metrics = {f"sync/{name}": value for name, value in sync_metrics.items()}
        metrics |= {f"realism/{name}": value for name, value in real_metrics.items()}
        return adversarial, metrics | {"loss/adversarial": adversarial.item()}

    def _real(self, batch: Batch, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Real motion [B, T, 51] and its mask: captures first, then half takes, half taught."""
        real, mask = batch.target.clone(), batch.mask.clone()
        frames = real.shape[1]
        for row in range(len(real)):
            if self.takes and not batch.captured[row] and row % 2:
                real[row] = torch.from_numpy(_calm_window(self.takes, frames, rng))
                mask[row] = self.take_mask
        return real / self.scale, mask


def _calm_window(
    takes: Sequence[NDArray[np.float32]], frames: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A window without a grimace: of several, the one whose brows and squints are least."""
    best: NDArray[np.float32] | None = None
    for _ in range(6):
        take = takes[int(rng.integers(len(takes)))]
        start = rng.integers(len(take) - frames)
        window = take[start : start + frames]
        if best is None or window.mean() < best.mean():
            best = window
    assert best is not None
    return best


def _scale(streams: Sequence[Stream]) -> Tensor:
    """Spread of every channel over its streams, with a floor so that still ones stay still."""
    floor = torch.full((len(MADE),), 0.03)
    floor[-ANGLES:] = 1.0
    taught = np.concatenate([stream.target for stream in streams if not stream.captured])
    return torch.maximum(channel_scale(torch.from_numpy(taught), 0.0), floor)


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up over 50 steps, then a cosine to 5 %."""
    warm = min(1.0, (step + 1) / 50)
    return warm * float(0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * min(step / steps, 1))))


def make_streams(settings: Settings, speech: Path | None, data: Path | None) -> list[Stream]:
    rng = np.random.default_rng(settings.seed)
    if speech:
        utterances = [u for u in load_speech(speech) if u.voice not in HELD_OUT_VOICES]
    else:
        utterances = hummed_utterances(8, settings.seed)
    streams = []
    for _ in range(settings.variants):
        order = rng.permutation(len(utterances))
        for start in range(0, len(order), 4):
            said = [utterances[index] for index in order[start : start + 4]]
            streams.append(taught_stream(said, rng))
        if data:
            streams.extend(captured_stream(path, rng) for path in captured_paths(data))
    return streams


def train(settings: Settings, run: Path, *, speech: Path | None, data: Path | None) -> None:
    start_run(run, msgspec.to_builtins(settings), seed=settings.seed)
    takes, take_mask = load_takes(data) if data else ([], np.zeros(len(MADE), np.float32))
    training = Training(settings, make_streams(settings, speech, data), takes, take_mask)
    first = resume(run, training.modules, training.optimisers)
    with RunLog(run, steps=settings.steps, first_step=first) as log:
        for step in range(first, settings.steps):
            metrics = training.step(step)
            log.advance(step + 1)
            if step % 25 == 0:
                log.scalars(step, metrics, f"position {metrics['loss/position']:.3f}")
            if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
                save(run, step + 1, training.modules, training.optimisers)


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains the face generator.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--speech", type=Path, help="what training.face.speech wrote")
    parser.add_argument("--data", type=Path, help="the folder of real captures")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(load_config(args.config, Settings), args.run, speech=args.speech, data=args.data)


if __name__ == "__main__":
    main()
