"""What the face is trained on: taught streams, paired captures, unpaired takes.

taught    synthesised speech and silences with the teacher's curves, all channels
captured  recordings with sound and some captured channels, phonemes unknown
takes     recordings without sound: real motion for the discriminator only

Streams hold frames at 30 fps; a training window is cut from one stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from idol_protocol.channels import EMOTIONS, FACE_ACTIVITIES, FACE_CHANNELS
from idol_protocol.frames import AUDIO_RATE_HZ, FPS, FRAME_SAMPLES
from training.face.augment import augment
from training.face.model import LIPS, MADE, STYLE_SIZE
from training.face.mouth import CHANNELS, MouthStyle, closures, mouth_curves
from training.face.phonemes import CLASSES, INPUT_COLUMNS, Segment, activations
from training.face.speech import SyntheticUtterance
from training.face.upper import NOISE, Situation, upper_curves
from training.features import log_mel
from training.ingest.recording import Recording, resampled
from training.noise import draw_noise

SIDES = ("Left", "Right")
_UNTOUCHED = 0.25
"""Share of the taught streams whose sound stays as the voice made it: at run time it mostly is."""
_COLUMNS = [FACE_CHANNELS.index(name) for name in MADE]
_TAKE_CHANNELS = ("eyeBlink", "eyeSquint", "eyeWide", "brow", "cheekSquint", "noseSneer")


@dataclass(frozen=True, slots=True)
class Stream:
    """One stretch of continuous time; arrays share their first axis, frames."""

    audio: NDArray[np.float32]
    phonemes: NDArray[np.float32]
    """[frames, 21], what the generator is told."""
    spoken: NDArray[np.float32]
    """[frames, 20], the share of each class in the frame, told or not; zeros when nobody knows."""
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
    speaker: str = ""
    """Whose capture this is; empty for taught streams."""

    @property
    def captured(self) -> bool:
        return bool(self.speaker)


def loudness(samples: NDArray[np.float32], frames: int) -> NDArray[np.float64]:
    """[frames], 0 in silence, 1 at the recording's own loud vowels (95th percentile)."""
    padded = np.pad(samples, (400, max(0, frames * FRAME_SAMPLES + 400 - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES + 800)
    level = 20 * np.log10(np.sqrt((windows[::FRAME_SAMPLES][:frames] ** 2).mean(axis=1)) + 1e-5)
    loud = max(float(np.percentile(level, 95)), -45.0)
    return np.clip((level - loud + 30) / 30, 0, 1.3)


def taught_stream(
    utterances: Sequence[SyntheticUtterance],
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
    if not clean:
        utterances = [each.played(rng.uniform(0.9, 1.12)) for each in utterances]
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
    spoken = activations(spans, frames, FPS)
    if not clean and rng.random() > _UNTOUCHED:
        sound = augment(sound, rng)
    features = log_mel(torch.from_numpy(sound)).numpy()[:frames]
    return Stream(
        audio=features,
        phonemes=spoken * heard[:, None],
        spoken=spoken[:, : len(CLASSES)],
        activity=activity,
        emotion=emotion,
        style=np.tile(style, (frames, 1)),
        noise=noise,
        target=target,
        closed=closures(spans, frames, FPS).astype(np.float32),
        mask=np.ones(len(MADE), np.float32),
    )


def _script(
    utterances: Sequence[SyntheticUtterance], rng: np.random.Generator, known: float
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
        doing.extend([FACE_ACTIVITIES.index(name)] * frames)
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
        doing.extend([FACE_ACTIVITIES.index("speak")] * frames)
        told.extend([float(rng.random() < known)] * frames)
        clock += frames
        silence("speak", 0.05, 0.5)
    return (
        np.concatenate(sounds),
        spans,
        np.eye(len(FACE_ACTIVITIES), dtype=np.float32)[doing],
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


def captured_stream(
    recording: Recording, rng: np.random.Generator, *, clean: bool = False, speed: float = 1.0
) -> Stream:
    """A recording with sound and some captured channels; everything else is unknown.

    Args:
        recording: at any frame rate.
        rng: draws the microphone and the noise.
        clean: leave the sound as it is.
        speed: play sound and face this much faster; pitch and formants move along.

    Raises:
        ValueError: the recording has no sound.
    """
    sound = sound_of(recording, speed)
    features = log_mel(torch.from_numpy(sound if clean else augment(sound, rng))).numpy()
    at_s = np.arange(len(features)) * speed / FPS
    given = resampled(recording, FPS).face
    features = features[: int(len(given) / speed)]
    at = np.clip(at_s[: len(features)] * FPS, 0, len(given) - 1)
    low = np.minimum(at.astype(int), max(len(given) - 2, 0))
    part = (at - low)[:, None].astype(np.float32)
    face = given[low] * (1 - part) + given[np.minimum(low + 1, len(given) - 1)] * part
    stream = speaking_stream(features, rng=rng)
    return replace(
        stream,
        target=face[:, _COLUMNS],
        mask=recording.known[_COLUMNS].astype(np.float32),
        speaker=recording.speaker,
    )


def sound_of(recording: Recording, speed: float = 1.0) -> NDArray[np.float32]:
    """The recording's sound at 24 kHz, in [-1, 1], played this much faster.

    Raises:
        ValueError: it has none.
    """
    if recording.audio is None:
        raise ValueError(f"Recording {recording.name!r}: expected sound, found none.")
    sound: NDArray[np.float32] = soxr.resample(
        recording.audio / np.float32(32768), recording.audio_rate_hz * speed, AUDIO_RATE_HZ
    )
    return sound


def speaking_stream(
    features: NDArray[np.float32],
    activity: str = "speak",
    *,
    rng: np.random.Generator | None = None,
) -> Stream:
    """Features [frames, 160] of someone about whom nothing else is known: no phonemes, no mood,
    the average style, no captured channel.
    """
    frames = len(features)
    doing = np.zeros((frames, len(FACE_ACTIVITIES)), np.float32)
    doing[:, FACE_ACTIVITIES.index(activity)] = 1
    return Stream(
        audio=features,
        phonemes=np.zeros((frames, len(INPUT_COLUMNS)), np.float32),
        spoken=np.zeros((frames, len(CLASSES)), np.float32),
        activity=doing,
        emotion=np.zeros((frames, len(EMOTIONS)), np.float32),
        style=np.zeros((frames, STYLE_SIZE), np.float32),
        noise=draw_noise(NOISE, frames, FPS, rng or np.random.default_rng(0)),
        target=np.zeros((frames, len(MADE)), np.float32),
        closed=np.zeros(frames, np.float32),
        mask=np.zeros(len(MADE), np.float32),
    )


def calm_takes(
    recordings: Sequence[Recording],
) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """Motion [frames, 51] of takes without sound, for realism, and the mask [51] of its channels.

    Only the upper face is used: in takes of people who show their range of motion, the mouth does
    what no talking mouth does.
    """
    upper = np.array([name.startswith(_TAKE_CHANNELS) for name in MADE])
    known = np.logical_and.reduce([recording.known[_COLUMNS] for recording in recordings])
    mask = (upper & known).astype(np.float32)
    return [resampled(each, FPS).face[:, _COLUMNS] * mask for each in recordings], mask
