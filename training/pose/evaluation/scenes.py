"""The conditions of the judged bodies: the same for the generator and for the teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from idol_protocol.channels import ACTIVITIES, EMOTIONS, GESTURES
from idol_protocol.frames import FPS
from training.noise import draw_noise
from training.pose.conditions import STYLE, PoseConditions
from training.pose.data import conditions_of, voice_features
from training.pose.drivers import NOISE
from training.pose.gesture_times import GESTURE_SECONDS
from training.pose.script import place_gesture, write_script

Array = NDArray[Any]

LEAD: Final = FPS
"""Frames of plain idling before a judged gesture, and after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One gesture per row of some conditions."""

    given: PoseConditions
    gesture: NDArray[np.intp]
    """[B], index in `GESTURES`."""
    length: NDArray[np.intp]
    """[B], frames from `LEAD` on; the gesture is over then."""

    @property
    def nothing(self) -> PoseConditions:
        """The same without any gesture."""
        return self.given._replace(gesture=torch.zeros_like(self.given.gesture))


def conversation(voices: Sequence[Array], rows: int, seconds: int, seed: int) -> PoseConditions:
    """Random scripts of everything a character does, as training draws them."""
    rng = np.random.default_rng(seed)
    scripts = []
    for _ in range(rows):
        script = write_script(seconds * FPS, rng)
        audio = voice_features(list(voices), seconds * FPS, script.voiced, rng)
        scripts.append(conditions_of(script, audio))
    return stacked(scripts)


def alone(
    activity: str,
    seconds: int,
    seeds: Sequence[int],
    *,
    voices: Sequence[Array] | None = None,
    style: Array | None = None,
) -> PoseConditions:
    """One body per seed doing one thing, without mood; seeds draw noise and voices.

    Args:
        activity: one of `ACTIVITIES`.
        seconds: how long.
        seeds: one per row.
        voices: recordings of which each row hears its own part; None is silence.
        style: [B, 16]; None is the plain style for all.
    """
    frames = seconds * FPS
    rows = []
    for at, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        voiced = np.full(frames, voices is not None)
        script = {
            "activity": np.tile(np.eye(len(ACTIVITIES))[ACTIVITIES.index(activity)], (frames, 1)),
            "emotion": np.zeros((frames, len(EMOTIONS))),
            "gesture": np.zeros((frames, 2 * len(GESTURES))),
            "beat": np.zeros((frames, 2)),
            "style": np.tile(np.zeros(STYLE) if style is None else style[at], (frames, 1)),
            "noise": draw_noise(NOISE, frames, FPS, rng),
            "audio": voice_features(list(voices or []), frames, voiced, rng),
        }
        tensors = {name: torch.from_numpy(np.asarray(x, "f4")) for name, x in script.items()}
        rows.append(PoseConditions(**tensors))
    return stacked(rows)


def dancing(seconds: int, bpms: Sequence[float], seed: int) -> PoseConditions:
    """One body per tempo, the music at a steady pace and of middling intensity."""
    frames = seconds * FPS
    rng = np.random.default_rng(seed)
    given = alone("dance", seconds, [seed + row for row in range(len(bpms))],
                  style=rng.standard_normal((len(bpms), STYLE)))  # fmt: skip
    time = np.arange(frames)[None] / FPS
    position = (rng.random((len(bpms), 1)) + time * np.array(bpms)[:, None] / 60 / 8) % 1
    beat = np.stack([position, np.full_like(position, 0.7)], axis=-1)
    return given._replace(beat=torch.from_numpy(beat.astype(np.float32)))


def gesturing(each: int, seed: int, names: Sequence[str] = GESTURES) -> Asked:
    """Every gesture `each` times by idling bodies of different styles."""
    rng = np.random.default_rng(seed)
    which = np.repeat([GESTURES.index(name) for name in names], each)
    length = np.array([round(GESTURE_SECONDS[GESTURES[one]] * FPS) for one in which])
    seconds = int(np.ceil((length.max() + 2 * LEAD) / FPS))
    given = alone("idle", seconds, [1000 * seed + row for row in range(len(which))],
                  style=rng.standard_normal((len(which), STYLE)))  # fmt: skip
    curves = np.zeros((len(which), seconds * FPS, 2, len(GESTURES)), np.float32)
    for row, (one, frames) in enumerate(zip(which, length, strict=True)):
        place_gesture(curves[row], int(one), LEAD, int(frames), int(frames))
    gesture = torch.from_numpy(curves.reshape(len(which), seconds * FPS, -1))
    return Asked(given._replace(gesture=gesture), which, length)


def stacked(rows: Sequence[PoseConditions]) -> PoseConditions:
    """Conditions [T, ...] of equal length as one [B, T, ...]."""
    return PoseConditions(*(torch.stack(column) for column in zip(*rows, strict=True)))
