"""Clips for the pose generator: real voices, scripted activities, and the teacher's answer.

Speech is real (FACEGOOD recordings, or any folder of WAV files); what the character does meanwhile
is scripted at random; the body is the teacher's. Without recordings the voice is filtered noise in
syllables, enough for a smoke run and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly
from torch import Tensor

from idol_protocol.channels import ACTIVITIES, EMOTIONS
from training.features import FPS, FRAME_SAMPLES, RATE_HZ, log_mel
from training.noise import draw_noise
from training.pose.drivers import NOISE, Drivers
from training.pose.teacher import perform

LOOKAHEAD_FRAMES = 2
STYLE_SIZE = 16
_PLAIN_RMS = 0.07
"""Speech is brought to this level, then varied by up to 6 dB either way."""


@dataclass(frozen=True, slots=True, eq=False)
class PoseClips:
    """B clips of T frames each: what the generator is told, and what the teacher answers."""

    audio: Tensor
    """[B, T, 160], frame f holds the features of frame f + look-ahead."""
    activity: Tensor
    emotion: Tensor
    style: Tensor
    """[B, T, 16], constant within a clip."""
    noise: Tensor
    local: Tensor
    """[B, T, 22, 3, 3]"""
    hips_m: Tensor

    def __len__(self) -> int:
        return len(self.audio)


def read_voices(folders: list[Path]) -> list[NDArray[np.float32]]:
    """Every recording (WAV, or NPZ with `audio` and `sr`) at 24 kHz and plain speech level."""
    voices = []
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        if path.suffix == ".wav":
            rate, samples = wavfile.read(path)
            signal = resample_poly(samples.astype(np.float32), RATE_HZ, rate)
        elif path.suffix == ".npz":
            with np.load(path) as take:
                rate = int(take["sr"]) if "sr" in take else RATE_HZ
                signal = resample_poly(take["audio"].astype(np.float32), RATE_HZ, rate)
        else:
            continue
        voices.append((signal * _PLAIN_RMS / np.sqrt(np.mean(signal**2))).astype(np.float32))
    return voices


def noise_voice(seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Syllables of noise: for runs without any recording."""
    count = int(seconds * RATE_HZ)
    time = np.arange(count) / RATE_HZ
    phrases = np.sin(2 * np.pi * 0.2 * time + rng.uniform(0, 6.28)) > -0.4
    syllables = np.clip(np.sin(2 * np.pi * 4.0 * time), 0.0, 1.0)
    signal = 0.15 * rng.standard_normal(count) * syllables * phrases
    return signal.astype(np.float32)


def make_clips(
    voices: list[NDArray[np.float32]], count: int, frames: int, rng: np.random.Generator
) -> PoseClips:
    """Draws `count` clips of `frames` frames and has the teacher perform them."""
    rows = [_script(voices, frames, rng) for _ in range(count)]
    audio, activity, emotion, style, noise = (
        torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True)
    )
    offset = style[..., :1]
    with torch.no_grad():
        drivers = Drivers()
        start = torch.zeros(count, Drivers.state_size)
        signals, _ = drivers(noise, emotion[..., 1:2], offset, start)
        local, hips_m = perform(audio, activity, emotion, style, signals)
    return PoseClips(audio, activity, emotion, style, noise, local, hips_m)


def _script(
    voices: list[NDArray[np.float32]], frames: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], ...]:
    doing = _activities(frames, rng)
    speaking = doing == ACTIVITIES.index("speak")
    blend = np.eye(len(ACTIVITIES), dtype=np.float32)[doing]
    for index in range(1, frames):
        # The stage glides from one activity to the next in the same way.
        blend[index] = blend[index - 1] + 0.2 * (blend[index] - blend[index - 1])
    audio = voice_features(voices, frames, speaking, rng)
    style = np.tile(rng.standard_normal(STYLE_SIZE).astype(np.float32), (frames, 1))
    return audio, blend, _emotions(frames, rng), style, draw_noise(NOISE, frames, FPS, rng)


def _activities(frames: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Index of the activity per frame; conversations mostly go idle, listen, think, speak."""
    doing = np.zeros(frames, np.intp)
    at, now = 0, int(rng.integers(len(ACTIVITIES)))
    while at < frames:
        low, high = ((4.0, 14.0), (2.0, 7.0), (1.0, 5.0), (3.0, 12.0))[now]
        end = at + int(FPS * rng.uniform(low, high))
        doing[at:end] = now
        at = end
        now = (now + 1) % 4 if rng.random() < 0.75 else int(rng.integers(4))
    return doing


def voice_features(
    voices: list[NDArray[np.float32]],
    frames: int,
    speaking: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    length = (frames + LOOKAHEAD_FRAMES) * FRAME_SAMPLES
    samples = _stretch_of_speech(voices, length, rng) * 10 ** (rng.uniform(-6, 6) / 20)
    gate = np.pad(speaking, (0, LOOKAHEAD_FRAMES), mode="edge").repeat(FRAME_SAMPLES)
    floor = 10 ** rng.uniform(-5, -3.2) * rng.standard_normal(length)
    signal = torch.from_numpy((samples * gate + floor).astype(np.float32))
    features: NDArray[np.float32] = log_mel(signal)[LOOKAHEAD_FRAMES:].numpy().astype(np.float32)
    return features


def _stretch_of_speech(
    voices: list[NDArray[np.float32]], length: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A part of one recording, or short ones in a row with pauses between."""
    if not voices:
        return noise_voice(length / RATE_HZ, rng)[:length]
    parts: list[NDArray[np.float32]] = []
    while (missing := length - sum(map(len, parts))) > 0:
        voice = voices[int(rng.integers(len(voices)))]
        start = int(rng.integers(max(1, len(voice) - missing)))
        pause = np.zeros(int(RATE_HZ * rng.uniform(0.2, 1.2)), np.float32)
        parts += [voice[start : start + missing], pause]
    return np.concatenate(parts)[:length]


def _emotions(frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One mood per clip, half of the time a plain one; intensity breathes with the sequence."""
    mood = np.zeros(len(EMOTIONS), np.float32)
    mood[:2] = np.clip(0.4 * rng.standard_normal(2), -1, 1)
    if rng.random() < 0.6:
        mood[rng.integers(2, len(EMOTIONS))] = rng.uniform(0.3, 1.0)
    change = int(rng.integers(1, frames))
    fade = np.clip((np.arange(frames) - change) / 30, 0, 1)[:, None].astype(np.float32)
    first = mood if rng.random() < 0.5 else np.zeros_like(mood)
    return first + fade * (mood - first)
