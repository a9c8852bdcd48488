"""Songs with known beats, made here: drums, bass, chords, a voice, and what makes them hard.

They are no substitute for real music, but every beat of them is known to the sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from idol_protocol.frames import AUDIO_RATE_HZ

BEATS_A_BAR = 4
LEAD_IN_S = 0.7
"""Silence before the first beat."""

Sound = NDArray[np.float32]

# Steps are sixteenths of a bar of four; a digit is a loudness from 1 to 9.
PATTERNS: Final[dict[str, dict[str, str]]] = {
    "four on the floor": {
        "kick": "9...9...9...9...",
        "snare": "....7.......7...",
        "hat": "..6...6...6...6.",
    },
    "rock": {
        "kick": "9.......9.5.....",
        "snare": "....9.......9...",
        "hat": "6.4.6.4.6.4.6.4.",
    },
    "half time": {
        "kick": "9.....5.........",
        "snare": "........9.......",
        "hat": "5.3.5.3.5.3.5.3.",
    },
    "syncopated": {
        "kick": "9..7..7...8..7..",
        "snare": "....8..3.3..8..3",
        "hat": "6434643464346434",
    },
    "offbeat": {
        "kick": "........9.......",
        "snare": "........5.......",
        "hat": "..7...7...7...7.",
    },
    "busy": {
        "kick": "9..5..9.9..5..9.",
        "snare": "....9..2.2..9.22",
        "hat": "6464646464646464",
    },
    "no drums": {},
}
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a song goes."""

    name: str
    pattern: str
    bpm: float
    seconds: float = 40.0
    swing: float = 0.5
    """Where the second half of a beat begins, as a share of the beat."""
    drift: float = 0.0
    """By how much of itself the tempo wanders up and down in the course of 20 s."""
    attack_s: float = 0.004
    """How long notes of the chords take to come in."""
    lead: float = 0.0
    """Loudness of a voice with vibrato that moves on and off the beat."""
    noise: float = 0.0
    """Loudness of white noise over everything."""
    chords: float = 0.25
    bass: float = 0.3
    human_s: float = 0.0
    """Standard deviation of each note's time."""


@dataclass(frozen=True, slots=True, eq=False)
class Song:
    name: str
    samples: NDArray[np.int16]
    """Shape (n,), at `AUDIO_RATE_HZ`."""
    beats_s: NDArray[np.float64]
    downbeats_s: NDArray[np.float64]


def recipes() -> Iterator[Recipe]:
    """The programme of `tests.bench.beats`."""
    for bpm in (72, 96, 120, 140, 174):
        yield Recipe(f"four on the floor, {bpm}", "four on the floor", bpm)
    for bpm in (84, 112, 132, 165):
        yield Recipe(f"rock, {bpm}", "rock", bpm, lead=0.15, human_s=0.008)
    for bpm in (80, 104, 128):
        yield Recipe(f"swing, {bpm}", "rock", bpm, swing=0.64, lead=0.15, human_s=0.006)
    for bpm in (90, 110, 126):
        yield Recipe(f"syncopated, {bpm}", "syncopated", bpm, lead=0.2)
    for bpm in (140, 150):
        yield Recipe(f"half time, {bpm}", "half time", bpm, lead=0.15)
    for bpm in (76, 92):
        yield Recipe(f"offbeat, {bpm}", "offbeat", bpm, lead=0.1)
    for bpm in (100, 128, 170):
        yield Recipe(f"busy, {bpm}", "busy", bpm, lead=0.2, human_s=0.006)
    for bpm in (78, 118):
        yield Recipe(f"wandering tempo, {bpm}", "rock", bpm, drift=0.06, human_s=0.008, lead=0.1)
    for bpm in (70, 88, 116):
        yield Recipe(f"soft attacks, {bpm}", "no drums", bpm, attack_s=0.06, lead=0.2, bass=0.4)
    for bpm in (98, 122):
        yield Recipe(f"under noise, {bpm}", "rock", bpm, noise=0.25, lead=0.15)
    for bpm in (86, 124):
        yield Recipe(f"a loud singer, {bpm}", "rock", bpm, lead=0.8, human_s=0.01)


def song(recipe: Recipe, seed: int = 0) -> Song:
    """Plays a recipe; the same seed gives the same song, sample by sample."""
    rng = np.random.default_rng(seed)
    times_s = _beat_times(recipe)
    mix: Sound = np.zeros(int((recipe.seconds + LEAD_IN_S + 1) * AUDIO_RATE_HZ), np.float32)
    for name, level in (("kick", 0.8), ("snare", 0.5), ("hat", 0.18)):
        for step_s, loudness in _steps(recipe, times_s, name, rng):
            _add(mix, step_s, level * loudness * _drum(name, rng))
    _add_chords(mix, recipe, times_s, rng)
    if recipe.lead:
        _add_lead(mix, recipe, times_s, rng)
    mix += recipe.noise * rng.standard_normal(len(mix)).astype(np.float32)
    mix *= 0.8 / np.abs(mix).max()
    beats_s = times_s[:-1]
    pcm = (mix * 32767).astype(np.int16)
    return Song(recipe.name, pcm, beats_s, beats_s[::BEATS_A_BAR])


def click_track(bpm: float, seconds: float, first_s: float) -> Song:
    """Nothing but a steady pulse."""
    times_s = np.arange(first_s, seconds, 60 / bpm)
    mix: Sound = np.zeros(int(seconds * AUDIO_RATE_HZ), np.float32)
    rng = np.random.default_rng(0)
    for time_s in times_s:
        _add(mix, time_s, 0.5 * _drum("kick", rng))
    return Song(f"clicks, {bpm:g}", (mix * 32767).astype(np.int16), times_s, times_s[::4])


def _beat_times(recipe: Recipe) -> NDArray[np.float64]:
    """[beats + 1]"""
    times = [LEAD_IN_S]
    while times[-1] < LEAD_IN_S + recipe.seconds:
        wander = 1 + recipe.drift * np.sin(2 * np.pi * times[-1] / 20)
        times.append(times[-1] + 60 / (recipe.bpm * wander))
    return np.array(times)


def _steps(
    recipe: Recipe, times_s: NDArray[np.float64], drum: str, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """When a drum is hit, and how hard in [0, 1]."""
    pattern = PATTERNS[recipe.pattern].get(drum, "." * 16)
    for beat in range(len(times_s) - 1):
        for quarter in range(4):
            hit = pattern[4 * (beat % BEATS_A_BAR) + quarter]
            if hit != ".":
                yield _time(recipe, times_s, beat, quarter / 4, rng), int(hit) / 9


def _time(
    recipe: Recipe,
    times_s: NDArray[np.float64],
    beat: int,
    share: float,
    rng: np.random.Generator,
) -> float:
    swung = share * 2 * recipe.swing
    if share >= 0.5:
        swung = recipe.swing + (share - 0.5) * 2 * (1 - recipe.swing)
    at = times_s[beat] + swung * (times_s[beat + 1] - times_s[beat])
    return float(max(0.0, at + recipe.human_s * rng.standard_normal()))


def _add(mix: Sound, time_s: float, sound: Sound) -> None:
    start = round(time_s * AUDIO_RATE_HZ)
    room = mix[start : start + len(sound)]
    room += sound[: len(room)]


def _drum(name: str, rng: np.random.Generator) -> Sound:
    time_s = np.arange(int(0.25 * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    hiss = rng.standard_normal(len(time_s))
    if name == "kick":
        sound = np.sin(2 * np.pi * (50 * time_s - 4 * np.exp(-30 * time_s))) * np.exp(-14 * time_s)
    elif name == "snare":
        sound = (0.6 * hiss + 0.5 * np.sin(2 * np.pi * 190 * time_s)) * np.exp(-20 * time_s)
    else:
        sound = np.diff(hiss, prepend=0.0) * np.exp(-60 * time_s)
    drum: Sound = sound.astype(np.float32)
    return drum


def _note(hz: float, seconds: float, attack_s: float, harmonics: int) -> Sound:
    time_s = np.arange(int(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
    partials = np.arange(1, harmonics + 1)[:, None]
    tone = (np.sin(2 * np.pi * partials * hz * time_s) / partials).sum(axis=0)
    rise = np.minimum(time_s / attack_s, 1.0)
    fall = np.minimum((seconds - time_s) / 0.03, 1.0)
    sound: Sound = (tone * rise * fall * np.exp(-1.2 * time_s)).astype(np.float32)
    return sound


def _add_chords(
    mix: Sound, recipe: Recipe, times_s: NDArray[np.float64], rng: np.random.Generator
) -> None:
    for bar, first in enumerate(range(0, len(times_s) - BEATS_A_BAR, BEATS_A_BAR)):
        chord = _CHORDS[bar % len(_CHORDS)]
        bar_s = times_s[first + BEATS_A_BAR] - times_s[first]
        for semitones in chord:
            note = _note(196 * 2 ** (semitones / 12), bar_s, recipe.attack_s, 6)
            _add(mix, times_s[first], recipe.chords * 0.4 * note)
        for beat in range(first, first + BEATS_A_BAR):
            length_s = 0.9 * (times_s[beat + 1] - times_s[beat])
            hz = 98 * 2 ** (chord[0] / 12) / 2
            at = _time(recipe, times_s, beat, 0.0, rng)
            _add(mix, at, recipe.bass * _note(hz, length_s, recipe.attack_s, 4))


def _add_lead(
    mix: Sound, recipe: Recipe, times_s: NDArray[np.float64], rng: np.random.Generator
) -> None:
    """Notes of one to three eighths with pauses, each with vibrato and a slow attack."""
    eighth, last = 0, 2 * (len(times_s) - 2)
    while eighth < last:
        length = int(rng.integers(1, 4))
        start_s = _time(recipe, times_s, eighth // 2, (eighth % 2) / 2, rng)
        seconds = length * 0.5 * (times_s[1] - times_s[0])
        if rng.random() < 0.75:
            time_s = np.arange(int(seconds * AUDIO_RATE_HZ)) / AUDIO_RATE_HZ
            hz = 392 * 2 ** (rng.choice([0, 2, 4, 7, 9]) / 12)
            bend = hz * (1 + 0.015 * np.sin(2 * np.pi * 5.5 * time_s))
            phase = 2 * np.pi * np.cumsum(bend) / AUDIO_RATE_HZ
            tone = sum(np.sin(k * phase) / k for k in range(1, 9))
            shape = np.minimum(time_s / 0.05, 1) * np.minimum((seconds - time_s) / 0.05, 1)
            _add(mix, start_s, (recipe.lead * 0.5 * tone * shape).astype(np.float32))
        eighth += length
