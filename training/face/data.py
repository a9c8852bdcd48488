"""What the face is trained on: taught streams, a paired capture, unpaired takes.

taught    synthesised speech and silences with the teacher's curves, all channels
captured  FACEGOOD recordings with mouth curves (MIT), phonemes unknown
takes     Live Link Face recordings (MIT), no sound: real motion for the discriminator only

Streams hold frames at 30 fps; a training window is cut from one stream.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import lfilter, resample_poly

from idol_protocol.channels import ACTIVITIES, EMOTIONS
from training.face.model import LIPS, MADE, STYLE_SIZE
from training.face.mouth import CHANNELS, MouthStyle, closures, mouth_curves
from training.face.phonemes import INPUT_COLUMNS, Segment, activations
from training.face.speech import Utterance
from training.face.upper import FPS, NOISE, Situation, upper_curves
from training.features import FRAME_SAMPLES, RATE_HZ, log_mel
from training.noise import draw_noise

HELD_OUT_CAPTURE = "facegood_3_15"
SIDES = ("Left", "Right")
_TAKE_CHANNELS = ("eyeBlink", "eyeSquint", "eyeWide", "brow", "cheekSquint", "noseSneer")


@dataclass(frozen=True, slots=True)
class Stream:
    """One stretch of continuous time; arrays share their first axis, frames."""

    audio: NDArray[np.float32]
    phonemes: NDArray[np.float32]
    activity: NDArray[np.float32]
    emotion: NDArray[np.float32]
    style: NDArray[np.float32]
    noise: NDArray[np.float32]
    target: NDArray[np.float32]
    """[frames, 51] in `MADE` order."""
    closed: NDArray[np.float32]
    """[frames], 1 where the lips must touch."""
    mask: NDArray[np.float32]
    """[51], 1 where `target` is known."""
    captured: bool = False


def loudness(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """[frames], 0 in silence, 1 at the recording's own loud vowels (95th percentile)."""
    padded = np.pad(samples, (400, max(0, frames * FRAME_SAMPLES + 400 - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES + 800)
    level = 20 * np.log10(np.sqrt((windows[::FRAME_SAMPLES][:frames] ** 2).mean(axis=1)) + 1e-5)
    loud = max(float(np.percentile(level, 95)), -45.0)
    return np.clip((level - loud + 30) / 30, 0, 1.3)


def augment(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Level, spectral tilt and room noise of another microphone."""
    tilt = rng.uniform(-0.35, 0.35)
    shaped = lfilter([1, tilt], [1], samples)
    shaped = shaped * (10 ** (rng.uniform(-11, 5) / 20))
    noise = rng.standard_normal(len(shaped)) * 10 ** (rng.uniform(-100, -55) / 20)
    return np.clip(shaped + noise, -1, 1).astype(np.float32)


def taught_stream(
    utterances: Sequence[Utterance],
    rng: np.random.Generator,
    *,
    style: NDArray[np.float32] | None = None,
    known: float = 0.55,
    clean: bool = False,
) -> Stream:
    """A character who idles, listens, thinks and says these utterances.

    Args:
        utterances: what is said, in order.
        rng: the only source of chance.
        style: [16]; drawn when absent.
        known: how often an utterance comes with its phonemes.
        clean: leave the sound as it is.
    """
    style = rng.standard_normal(STYLE_SIZE).astype(np.float32) if style is None else style
    sound, spans, activity, heard = _script(utterances, rng, known)
    frames = len(activity)
    loud = loudness(sound, frames)
    emotion = _moods(frames, rng)
    noise = draw_noise(NOISE, frames, FPS, rng)
    amounts = MouthStyle(
        float(np.exp(0.18 * np.clip(style[0], -2, 2))),
        float(np.exp(0.15 * np.clip(style[1], -2, 2))),
    )
    curves = _both_sides(mouth_curves(spans, loud, frames, FPS, amounts))
    curves |= upper_curves(
        noise, Situation(activity.astype(float), emotion.astype(float), style.astype(float), loud)
    )
    target = np.zeros((frames, len(MADE)), np.float32)
    for index, name in enumerate(MADE):
        if name in curves:
            target[:, index] = curves[name]
    phonemes = activations(spans, frames, FPS) * heard[:, None]
    if not clean:
        sound = augment(sound, rng)
    features = log_mel(torch.from_numpy(sound)).numpy()[:frames]
    return Stream(
        features,
        phonemes,
        activity,
        emotion,
        np.tile(style, (frames, 1)),
        noise,
        target,
        closures(spans, frames, FPS).astype(np.float32),
        np.ones(len(MADE), np.float32),
    )


def _script(
    utterances: Sequence[Utterance], rng: np.random.Generator, known: float
) -> tuple[NDArray[np.float32], list[Segment], NDArray[np.float32], NDArray[np.float32]]:
    """Sound [frames * 800], spans, activity [frames, 4] and whether phonemes are told [frames]."""
    sounds: list[NDArray[np.float32]] = []
    spans: list[Segment] = []
    doing: list[int] = []
    told: list[float] = []
    clock = 0

    def silence(name: str, low_s: float, high_s: float) -> None:
        nonlocal clock
        frames = round(rng.uniform(low_s, high_s) * FPS)
        sounds.append(np.zeros(frames * FRAME_SAMPLES, np.float32))
        doing.extend([ACTIVITIES.index(name)] * frames)
        told.extend([float(rng.random() < 0.4)] * frames)
        clock += frames

    for index, utterance in enumerate(utterances):
        if index % 3 == 0:
            for name, low_s, high_s in (("idle", 1, 7), ("listen", 1.5, 6), ("think", 0.8, 3.5)):
                if rng.random() < 0.8:
                    silence(name, low_s, high_s)
        frames = -(-len(utterance.samples) // FRAME_SAMPLES)
        padded = np.pad(utterance.samples, (0, frames * FRAME_SAMPLES - len(utterance.samples)))
        sounds.append(padded)
        spans.extend(
            (name, start + clock / FPS, end + clock / FPS) for name, start, end in utterance.spans
        )
        doing.extend([ACTIVITIES.index("speak")] * frames)
        told.extend([float(rng.random() < known)] * frames)
        clock += frames
        silence("speak", 0.05, 0.5)
    return (
        np.concatenate(sounds),
        spans,
        np.eye(len(ACTIVITIES), dtype=np.float32)[doing],
        np.array(told, np.float32),
    )


def _moods(frames: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Emotion [frames, 8]: neutral half of the time, else one mood with its valence and arousal."""
    moods = np.zeros((frames, len(EMOTIONS)), np.float32)
    pull = {"happy": (0.8, 0.5), "angry": (-0.7, 0.7), "sad": (-0.7, -0.4),
            "relaxed": (0.5, -0.5), "surprised": (0.2, 0.8), "curious": (0.2, 0.3)}  # fmt: skip
    start = 0
    while start < frames:
        end = start + int(rng.uniform(4, 12) * FPS)
        if rng.random() < 0.5:
            name = rng.choice(list(pull))
            amount = rng.uniform(0.3, 1)
            moods[start:end, EMOTIONS.index(name)] = amount
            moods[start:end, :2] = np.array(pull[name]) * amount
        start = end
    return moods


def _both_sides(curves: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    made: dict[str, NDArray[np.float64]] = {}
    for name in CHANNELS:
        if name in LIPS:
            made[name] = curves[name]
        else:
            made |= {f"{name}{side}": curves[name] for side in SIDES}
    return made


def read_sound(path: Path) -> NDArray[np.float32]:
    """A 16-bit mono recording at 24 kHz, in [-1, 1]."""
    rate, samples = wavfile.read(path)
    divisor = int(np.gcd(rate, RATE_HZ))
    resampled = resample_poly(
        samples.astype(np.float64) / 32768, RATE_HZ // divisor, rate // divisor
    )
    return resampled.astype(np.float32)


def captured_stream(csv_path: Path, rng: np.random.Generator, *, clean: bool = False) -> Stream:
    """A FACEGOOD recording: sound and mouth curves; everything else is unknown."""
    with csv_path.open() as file:
        rows = list(csv.DictReader(file))
    sound = read_sound(csv_path.with_suffix(".wav"))
    features = log_mel(torch.from_numpy(sound if clean else augment(sound, rng))).numpy()
    frames = min(len(rows), len(features))
    target, mask = np.zeros((frames, len(MADE)), np.float32), np.zeros(len(MADE), np.float32)
    for index, name in enumerate(MADE):
        if name in rows[0]:
            target[:, index] = [float(row[name]) for row in rows[:frames]]
            mask[index] = 1
    activity = np.zeros((frames, len(ACTIVITIES)), np.float32)
    activity[:, ACTIVITIES.index("speak")] = 1
    return Stream(
        features[:frames],
        np.zeros((frames, len(INPUT_COLUMNS)), np.float32),
        activity,
        np.zeros((frames, len(EMOTIONS)), np.float32),
        np.zeros((frames, STYLE_SIZE), np.float32),
        draw_noise(NOISE, frames, FPS, rng),
        target,
        np.zeros(frames, np.float32),
        mask,
        captured=True,
    )


def captured_paths(data: Path) -> Iterator[Path]:
    """The paired recordings to train on: all but the held-out one."""
    for path in sorted((data / "face" / "facegood").glob("*.csv")):
        if path.stem != HELD_OUT_CAPTURE:
            yield path


def load_takes(data: Path) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Live Link Face takes [frames, 51] and the mask [51] of the channels they are used for."""
    mask = np.array([name.startswith(_TAKE_CHANNELS) for name in MADE], np.float32)
    takes = []
    for path in sorted((data / "face" / "livelink").glob("*.csv")):
        with path.open() as file:
            # A recording that was cut off ends in half a row.
            rows = [row for row in csv.DictReader(file) if None not in row.values()]
        names = {key[0].lower() + key[1:]: key for key in rows[0]}
        take = np.zeros((len(rows), len(MADE)), np.float32)
        for index in np.flatnonzero(mask):
            take[:, index] = [float(row[names[MADE[index]]]) for row in rows]
        takes.append(take)
    return takes, mask
