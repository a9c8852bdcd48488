"""What a character does in a training clip, drawn at random, as the stage would tell it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES
from idol_protocol.frames import FPS
from training.noise import draw_noise
from training.pose.conditions import STYLE
from training.pose.drivers import NOISE
from training.pose.gesture_times import GESTURE_SECONDS

GLIDE: Final = 0.2
"""The share of the rest by which activities change in a frame, as on the stage."""
FADE_FRAMES: Final = 22
"""How long a gesture that was cut takes to give way, as on the stage."""
_SPEAK, _DANCE = ACTIVITIES.index("speak"), ACTIVITIES.index("dance")
_STAY_S: Final = ((4.0, 14.0), (2.0, 7.0), (1.0, 5.0), (3.0, 12.0), (8.0, 24.0))
"""Least and greatest length of a stretch of each activity."""
_NEXT: Final = (
    (0.0, 0.50, 0.10, 0.20, 0.20),
    (0.1, 0.0, 0.60, 0.25, 0.05),
    (0.1, 0.10, 0.0, 0.75, 0.05),
    (0.5, 0.30, 0.05, 0.0, 0.15),
    (0.5, 0.10, 0.05, 0.35, 0.0),
)
"""Chances of what follows each activity."""
_GESTURES_A_SECOND: Final = 0.22
_OF_THE_HEAD: Final = ("nod", "shake")
"""These go together with gestures of the arms."""
_CUT: Final = 0.25
"""Chance that a gesture is cut before its end."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """T frames; the arrays are those of `Conditions`, without the sound."""

    activity: Array
    emotion: Array
    gesture: Array
    beat: Array
    style: Array
    noise: Array
    voiced: NDArray[np.bool_]
    """[T], where somebody is heard."""


def write_script(frames: int, rng: np.random.Generator) -> Script:
    doing = activities(frames, rng)
    dancing = doing == _DANCE
    sings = rng.random() < 0.4
    return Script(
        activity=glided(np.eye(len(ACTIVITIES), dtype=np.float32)[doing]),
        emotion=_emotions(frames, rng),
        gesture=gestures(frames, rng, rate=_GESTURES_A_SECOND, busy=dancing),
        beat=beats(frames, dancing, rng),
        style=np.tile(rng.standard_normal(STYLE).astype(np.float32), (frames, 1)),
        noise=draw_noise(NOISE, frames, FPS, rng),
        voiced=(doing == _SPEAK) | (dancing & sings),
    )


def activities(frames: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Index of the activity per frame; conversations mostly go idle, listen, think, speak."""
    doing = np.zeros(frames, np.intp)
    at, now = 0, int(rng.integers(len(ACTIVITIES)))
    while at < frames:
        end = at + int(FPS * rng.uniform(*_STAY_S[now]))
        doing[at:end] = now
        at = end
        now = int(rng.choice(len(ACTIVITIES), p=_NEXT[now]))
    return doing


def glided(steps: Array) -> Array:
    """Curves [T, n] that follow steps as the stage makes them follow."""
    curves = steps.copy()
    for frame in range(1, len(steps)):
        curves[frame] = curves[frame - 1] + GLIDE * (steps[frame] - curves[frame - 1])
    return curves


def gestures(
    frames: int, rng: np.random.Generator, *, rate: float, busy: NDArray[np.bool_]
) -> Array:
    """[T, 20]: gestures drawn at `rate` a second, fewer where `busy` [T], some of them cut."""
    curves = np.zeros((frames, 2, len(GESTURES)), np.float32)
    rates = rate / FPS * np.where(busy, 0.15, 1.0)
    for names, share in ((GESTURES, 1.0), (_OF_THE_HEAD, 0.2)):
        free_from = 0
        for frame in np.flatnonzero(rng.random(frames) < share * rates).tolist():
            which = GESTURES.index(names[int(rng.integers(len(names)))])
            if frame < free_from or curves[frame, 0, which]:
                continue
            length = round(GESTURE_SECONDS[GESTURES[which]] * FPS)
            cut = int(length * rng.uniform(0.05, 0.95)) if rng.random() < _CUT else length
            # A new one may begin while the last one, cut, still fades.
            free_from = frame + cut + int(rng.integers(0, 10))
            place_gesture(curves, which, frame, length, cut)
    return curves.reshape(frames, -1)


def place_gesture(curves: Array, which: int, start: int, length: int, cut: int) -> None:
    """Writes one gesture of `length` frames, cut after `cut` of them, into curves [T, 2, 10]."""
    played = np.arange(min(cut, len(curves) - start))
    curves[start : start + len(played), 0, which] = 1
    curves[start : start + len(played), 1, which] = (played + 1) / length
    if cut < length:
        fade = faded(np.arange(1, FADE_FRAMES))[: max(0, len(curves) - start - cut)]
        curves[start + cut : start + cut + len(fade), 0, which] = fade
        curves[start + cut : start + cut + len(fade), 1, which] = cut / length


def faded(frames: NDArray[np.int_]) -> NDArray[np.float64]:
    """The weight of a gesture so many frames after it was cut: a minimum-jerk way from 1 to 0."""
    share = np.clip(frames / FADE_FRAMES, 0, 1)
    weight: NDArray[np.float64] = 1 - share**3 * (10 - 15 * share + 6 * share**2)
    return weight


def beats(frames: int, dancing: NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """[T, 2]: a tempo that drifts a little while somebody dances, 0 elsewhere."""
    bpm = rng.uniform(72, 152)
    drift = 1 + 0.02 * np.sin(np.arange(frames) / FPS * rng.uniform(0.05, 0.3) + rng.uniform(0, 6))
    position = (rng.random() + np.cumsum(bpm * drift) / 60 / FPS / 8) % 1
    swell = np.sin(np.arange(frames) / FPS * rng.uniform(0.1, 0.5) + rng.uniform(0, 6))
    intensity = np.clip(rng.uniform(0.3, 0.95) + 0.2 * swell, 0, 1)
    # Music often begins before the dance and goes on after it.
    reach = int(rng.integers(FPS, 3 * FPS))
    plays = maximum_filter1d(dancing, 2 * reach + 1, mode="constant")
    return (np.stack([position, intensity], axis=1) * plays[:, None]).astype(np.float32)


def _emotions(frames: int, rng: np.random.Generator) -> Array:
    """One mood per clip, half of the time a plain one; it may come in the middle."""
    mood = np.zeros(len(EMOTIONS), np.float32)
    mood[:2] = np.clip(0.4 * rng.standard_normal(2), -1, 1)
    if rng.random() < 0.6:
        mood[rng.integers(2, len(EMOTIONS))] = rng.uniform(0.3, 1.0)
    change = int(rng.integers(1, frames))
    fade = np.clip((np.arange(frames) - change) / 30, 0, 1)[:, None].astype(np.float32)
    first = mood if rng.random() < 0.5 else np.zeros_like(mood)
    curves: Array = first + fade * (mood - first)
    return curves
