"""Is a body on time? Dance on the beat, hands on the voice.

A kinematic beat is a minimum of the mean joint speed (Li et al. 2021, AIST++). Its score is
exp(-d^2 / 2 sigma^2), d its distance to the nearest beat of the music, averaged over the kinematic
beats; sigma is 50 ms, AIST++'s three frames at 60 frames/s. A body that makes a beat of every
frame would score without listening, so a score counts only against that of the same motion against
music that is shifted in time. At 30 frames/s.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelmin, find_peaks

from idol_protocol.channels import POSE_BONES
from idol_protocol.frames import FPS
from training.evaluation.measures import correlation
from training.pose.springs import accents, voice_level

Array = NDArray[Any]

SIGMA: Final = 0.05 * FPS
SMOOTH: Final = 2.5
"""Frames of the Gaussian that smooths joint speeds, as in AIST++ (5 at 60 frames/s)."""
PROTOCOL: Final = f"beat-align-1/fps{FPS}/sigma{SIGMA:g}f/smooth{SMOOTH:g}f/all-joints"
VOICE_PROTOCOL: Final = f"stroke-align-1/fps{FPS}/sigma3f/wrist-speed-peaks/best-lag-0-15f"
SHIFTS: Final = 200
_VOICE_SIGMA: Final = 3.0
_LAGS: Final = range(0, 16)
_WRISTS: Final = [POSE_BONES.index("leftHand"), POSE_BONES.index("rightHand")]
_STROKE_M_S: Final = 0.05
"""A wrist's speed rises at least so far over what surrounds a stroke."""
_ACCENT: Final = 0.15


def kinematic_beats(joints: Array) -> Array:
    """Frames at which the mean joint speed is least; joints [T, J, 3]."""
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=2).mean(axis=1)
    # A body that does not move has no minima, only rounding.
    if speed.max() < 1e-5:
        return np.zeros(0)
    found: Array = argrelmin(gaussian_filter1d(speed, SMOOTH))[0] + 0.5
    return found


def music_beats(position: Array) -> Array:
    """Frames, between whole ones, at which a place in the eight-count [T] passes a beat."""
    beats = 8 * np.unwrap(position, period=1.0)
    passed = np.floor(beats)
    at = np.flatnonzero(np.diff(passed) > 0)
    return at + (passed[at + 1] - beats[at]) / (beats[at + 1] - beats[at])


def alignment(events: Array, beats: Array, sigma: float = SIGMA) -> float:
    """Mean of exp(-d^2 / 2 sigma^2) over events; 0 without events or beats."""
    if not len(events) or not len(beats):
        return 0.0
    apart = np.abs(np.subtract.outer(events, beats)).min(axis=1)
    return float(np.exp(-np.square(apart) / (2 * sigma**2)).mean())


def dance_alignment(takes: Sequence[Array], positions: Array, seed: int = 0) -> dict[str, Any]:
    """Dances [T, J, 3] against their music's places in the eight-count [B, T].

    The controls: music shifted by `SHIFTS` random parts of its own beat, and beats of random
    tempo. `above_shifted_se` is the mean over dances of what each gains over its shifted control,
    in standard errors over the dances.
    """
    rng = np.random.default_rng(seed)
    events = [kinematic_beats(take) for take in takes]
    beats = [music_beats(row) for row in positions]
    length = positions.shape[1]
    own = [alignment(e, b) for e, b in zip(events, beats, strict=True)]
    shifted = np.array([
        [alignment(e, (b + rng.uniform(0, length)) % length) for _ in range(SHIFTS)]
        for e, b in zip(events, beats, strict=True)
    ])  # fmt: skip
    random = [
        alignment(e, np.arange(rng.uniform(0, 10), length, 60 * FPS / rng.uniform(70, 160)))
        for e in events for _ in range(20)
    ]  # fmt: skip
    missed = [alignment(b, e) for e, b in zip(events, beats, strict=True)]
    return {
        "protocol": PROTOCOL,
        **_against_shifted(own, shifted),
        "random_tempo": float(np.mean(random)),
        "still": 0.0,
        "music_beats_met": float(np.mean(missed)),
        "kinematic_per_music_beat": sum(map(len, events)) / max(1, sum(map(len, beats))),
        "dances": len(own),
        "by_dance": own,
    }


def strokes(joints: Array) -> Array:
    """Frames at which either wrist is fastest, relative to the hips; joints [T, 22, 3]."""
    wrists = joints[:, _WRISTS] - joints[:, :1]
    speed = np.linalg.norm(np.diff(wrists, axis=0), axis=2).max(axis=1) * FPS
    peaks, _ = find_peaks(gaussian_filter1d(speed, 1.0), prominence=_STROKE_M_S)
    return peaks + 0.5


def voice_accents(audio: Array) -> Array:
    """Frames at which a voice is most accented, of features [T, 160]."""
    curve = accents(voice_level(torch.from_numpy(audio)[None]))[0].numpy()
    peaks, _ = find_peaks(curve, prominence=_ACCENT)
    found: Array = peaks.astype(np.float64)
    return found


def stroke_alignment(takes: Sequence[Array], audio: Array, seed: int = 0) -> dict[str, Any]:
    """Strokes of speaking bodies [T, 22, 3] against accents of voices [B, T, 160].

    Every voice accent is looked up, so a body gains nothing by waving all the time or hardly ever
    beyond what its shifted control gains as well. Hands follow the voice by a delay: the score and
    every shifted control take the delay of 0 to 0.5 s that suits them best.
    """
    rng = np.random.default_rng(seed)
    events = [strokes(take) for take in takes]
    said = [voice_accents(row) for row in audio]
    length = audio.shape[1]
    lag, own = _best_lag(events, said)
    far = 5 * FPS
    shifted = []
    for _ in range(SHIFTS):
        moved = [(s + rng.uniform(far, length - far)) % length for s in said]
        shifted.append(_best_lag(events, moved)[1])
    return {
        "protocol": VOICE_PROTOCOL,
        **_against_shifted(own, np.array(shifted).T),
        "still": 0.0,
        "lag_frames": lag,
        "strokes_a_minute": sum(map(len, events)) * FPS * 60 / (length * len(events)),
        "accents_a_minute": sum(map(len, said)) * FPS * 60 / (length * len(said)),
        "speakers": len(own),
    }


def _best_lag(events: Sequence[Array], said: Sequence[Array]) -> tuple[int, list[float]]:
    """The delay with the highest mean score, and each body's score with it."""
    scores = {
        lag: [alignment(s + lag, e, _VOICE_SIGMA) for e, s in zip(events, said, strict=True)]
        for lag in _LAGS
    }
    lag = max(scores, key=lambda each: float(np.mean(scores[each])))
    return lag, scores[lag]


def _against_shifted(own: Sequence[float], shifted: Array) -> dict[str, Any]:
    """Scores [B] against those of shifted controls [B, shifts]."""
    gain = np.array(own) - shifted.mean(axis=1)
    error = float(gain.std(ddof=1) / np.sqrt(len(gain))) if len(gain) > 1 else float("nan")
    over_shifts = shifted.mean(axis=0)
    return {
        "score": float(np.mean(own)),
        "shifted_mean": float(shifted.mean()),
        "shifted_sd": float(over_shifts.std()),
        "shifted_highest": float(over_shifts.max()),
        "gain": float(gain.mean()),
        "gain_se": error,
        "above_shifted_se": float(gain.mean() / error) if error > 0 else float("nan"),
    }


def voice_relation(joints: Array, audio: Array) -> dict[str, Any]:
    """R of the hands' height [B, T, 22, 3] and the voice's level, of features [B, T, 160].

    The controls shift the voice by 5 s and more; score and controls take their best delay.
    """
    height = joints[:, :, _WRISTS, 1].mean(axis=-1) - joints[:, :, 0, 1]
    level = voice_level(torch.from_numpy(audio)).numpy()
    lag, own = _best_correlation(height, level)
    shifts = range(5 * FPS, level.shape[1] - 5 * FPS, FPS)
    shifted = [_best_correlation(height, np.roll(level, by, axis=1))[1] for by in shifts]
    mean, spread = float(np.mean(shifted)), float(np.std(shifted))
    return {
        "r": own, "lag_frames": lag, "shifted_mean": mean, "shifted_sd": spread,
        "shifted_highest": float(np.max(shifted)), "shifts": len(shifted),
        "above_shifted_sd": (own - mean) / max(spread, 1e-9),
    }  # fmt: skip


def _best_correlation(effort: Array, level: Array) -> tuple[int, float]:
    found = {
        lag: np.nan_to_num(correlation(effort[:, lag:], level[:, : level.shape[1] - lag]))
        for lag in range(0, 31, 3)
    }
    lag = max(found, key=lambda each: found[each])
    return lag, found[lag]
