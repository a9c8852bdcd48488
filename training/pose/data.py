"""Clips for the pose generator: real voices, scripted activities, and the teacher's answer.

Speech is real (FACEGOOD recordings, or any folder of recordings); what the character does meanwhile
is scripted at random; the body is the teacher's. Without recordings the voice is filtered noise in
syllables, enough for a smoke run and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from idol_protocol.frames import AUDIO_RATE_HZ, FRAME_SAMPLES
from training.features import log_mel
from training.ingest.sound import RECORDINGS
from training.pose.conditions import PoseConditions
from training.pose.drivers import Drivers
from training.pose.legs import lower_to_reach
from training.pose.model import MOTION, decode, encode, feet_of
from training.pose.script import Script, write_script
from training.pose.teacher import perform

LOOKAHEAD_FRAMES = 2
_PLAIN_RMS = 0.07
"""Speech is brought to this level, then varied by up to 6 dB either way."""
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class PoseClips:
    """B clips of T frames each: what the generator is told, and what the teacher answers."""

    given: PoseConditions
    motion: Tensor
    """[B, T, 95]"""
    known: Tensor
    """[B, 95], 1 where a channel is taught or was captured."""

    def __len__(self) -> int:
        return len(self.motion)

    def taught(self) -> tuple[Tensor, Tensor]:
        """Local rotations [B, T, 22, 3, 3] and hips [B, T, 3] of the teacher."""
        return decode(self.motion, feet_of(self.motion), self.given.style)


def read_voices(folders: list[Path]) -> list[NDArray[np.float32]]:
    """Every recording (or NPZ with `audio` and `sr`) at 24 kHz and plain speech level, mono."""
    voices = []
    for path in (path for folder in folders for path in sorted(folder.iterdir())):
        if path.suffix.lower() in RECORDINGS:
            channels, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            samples = channels.mean(axis=1)
        elif path.suffix == ".npz":
            with np.load(path) as take:
                rate_hz = int(take["sr"]) if "sr" in take else AUDIO_RATE_HZ
                samples = take["audio"].astype(np.float32)
        else:
            continue
        voices.append(plain_level(soxr.resample(samples, rate_hz, AUDIO_RATE_HZ)))
    return voices


def plain_level(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speech [n] at the level that generators hear; silence stays as it is."""
    level = np.sqrt(np.mean(signal**2)) if len(signal) else 0.0
    return (signal * (_PLAIN_RMS / max(float(level), 1e-6))).astype(np.float32)


def noise_voice(seconds: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Syllables of noise: for runs without any recording."""
    count = int(seconds * AUDIO_RATE_HZ)
    time = np.arange(count) / AUDIO_RATE_HZ
    phrases = np.sin(2 * np.pi * 0.2 * time + rng.uniform(0, 6.28)) > -0.4
    syllables = np.clip(np.sin(2 * np.pi * 4.0 * time), 0.0, 1.0)
    signal = 0.15 * rng.standard_normal(count) * syllables * phrases
    return signal.astype(np.float32)


def make_clips(
    voices: list[NDArray[np.float32]], count: int, frames: int, rng: np.random.Generator
) -> PoseClips:
    """Draws `count` clips of `frames` frames and has the teacher perform them."""
    parts = [
        perform_scripts(
            [_script(voices, frames, rng) for _ in range(min(_ROWS_AT_ONCE, count - at))]
        )
        for at in range(0, count, _ROWS_AT_ONCE)
    ]
    return joined(parts)


def joined(parts: Sequence[PoseClips]) -> PoseClips:
    """All clips of parts whose clips are equally long."""
    columns = zip(*(part.given for part in parts), strict=True)
    given = PoseConditions(*(torch.cat(column) for column in columns))
    motion, known = (torch.cat([getattr(p, n) for p in parts]) for n in ("motion", "known"))
    return PoseClips(given, motion, known)


def perform_scripts(scripts: list[PoseConditions]) -> PoseClips:
    """The teacher's answer to conditions [T, ...] of equal length."""
    given = PoseConditions(*(torch.stack(column) for column in zip(*scripts, strict=True)))
    with torch.no_grad():
        start = torch.zeros(len(scripts), Drivers.state_size)
        signals, _ = Drivers()(given, start)
        upper, hips_m, feet = perform(given, signals)
        hips_m = lower_to_reach(hips_m, upper[..., 0, :, :], feet, given.style)
    return PoseClips(given, encode(upper, hips_m, feet), torch.ones(len(scripts), MOTION))


def conditions_of(script: Script, audio: NDArray[np.float32]) -> PoseConditions:
    """A script and the features of its sound [T, 160] as conditions [T, ...]."""
    told = (audio, script.activity, script.emotion, script.gesture, script.beat)
    return PoseConditions(*(torch.from_numpy(each) for each in (*told, script.style, script.noise)))


def _script(
    voices: list[NDArray[np.float32]], frames: int, rng: np.random.Generator
) -> PoseConditions:
    script = write_script(frames, rng)
    return conditions_of(script, voice_features(voices, frames, script.voiced, rng))


def voice_features(
    voices: list[NDArray[np.float32]],
    frames: int,
    voiced: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Features [frames, 160] of speech that is heard in the `voiced` frames [frames]."""
    length = (frames + LOOKAHEAD_FRAMES) * FRAME_SAMPLES
    samples = _stretch_of_speech(voices, length, rng) * 10 ** (rng.uniform(-6, 6) / 20)
    gate = np.pad(voiced, (0, LOOKAHEAD_FRAMES), mode="edge").repeat(FRAME_SAMPLES)
    floor = 10 ** rng.uniform(-5, -3.2) * rng.standard_normal(length)
    return heard((samples * gate + floor).astype(np.float32))


def heard(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features [frames, 160] of a signal that is `LOOKAHEAD_FRAMES` longer than its frames."""
    features: NDArray[np.float32] = log_mel(torch.from_numpy(signal)).numpy()
    return features[LOOKAHEAD_FRAMES:].astype(np.float32)


def _stretch_of_speech(
    voices: list[NDArray[np.float32]], length: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A part of one recording, or short ones in a row with pauses between."""
    if not voices:
        return noise_voice(length / AUDIO_RATE_HZ, rng)[:length]
    parts: list[NDArray[np.float32]] = []
    while (missing := length - sum(map(len, parts))) > 0:
        voice = voices[int(rng.integers(len(voices)))]
        start = int(rng.integers(max(1, len(voice) - missing)))
        pause = np.zeros(int(AUDIO_RATE_HZ * rng.uniform(0.2, 1.2)), np.float32)
        parts += [voice[start : start + missing], pause]
    return np.concatenate(parts)[:length]
