from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_runtime.errors import InputError
from idol_runtime.music.beats import CERTAIN, GENTLE_BPM, BeatGrid, find_beats
from tests.bench.songs import Recipe, Song, click_track, song

RATE_HZ = 24_000


@cache
def rock() -> Song:
    return song(Recipe("a song", "rock", 112, seconds=24, lead=0.2, human_s=0.006))


def farthest_s(grid: BeatGrid, known_s: NDArray[np.float64]) -> float:
    """How far the farthest known beat is from the nearest found one."""
    times_s, _ = grid.beats_between(known_s[0] - 1, known_s[-1] + 1)
    return float(np.abs(times_s[:, None] - known_s).min(axis=0).max())


@given(st.floats(62, 150), st.floats(0.05, 0.95))
@settings(deadline=None, max_examples=15)
def test_tempo_and_phase_of_a_steady_pulse_are_found(bpm: float, first_s: float) -> None:
    clicks = click_track(bpm, 14.0, first_s)
    grid = find_beats(clicks.samples)
    assert grid.confidence >= CERTAIN
    # A bare pulse may be felt at half its tempo or twice it.
    ratio = grid.bpm / bpm
    assert min(abs(ratio / whole - 1) for whole in (0.5, 1, 2)) < 0.005
    off_s = np.abs(grid.times_s[:, None] - clicks.beats_s).min(axis=1)
    if ratio < 1.5:
        assert off_s.max() < 0.02


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("swing", "rock", 104, seconds=20, swing=0.64, lead=0.15),
        Recipe("syncopated", "syncopated", 110, seconds=20, lead=0.2),
        Recipe("soft", "no drums", 88, seconds=24, attack_s=0.06, bass=0.4),
        Recipe("half time", "half time", 140, seconds=20),
        Recipe("noisy", "rock", 98, seconds=20, noise=0.25),
    ],
    ids=lambda recipe: recipe.name,
)
def test_beats_and_bars_of_songs_are_found(recipe: Recipe) -> None:
    made = song(recipe)
    grid = find_beats(made.samples)
    assert grid.confidence >= CERTAIN
    assert grid.bpm == pytest.approx(recipe.bpm, rel=0.01)
    assert farthest_s(grid, made.beats_s[2:-2]) < 0.07
    times_s, counts = grid.beats_between(made.downbeats_s[1] - 0.1, made.downbeats_s[-1] - 0.1)
    assert np.abs(times_s[counts % 4 == 0] - made.downbeats_s[1:-1]).max() < 0.07


def test_an_eight_begins_with_the_song() -> None:
    made = rock()
    places = find_beats(made.samples).rows(made.downbeats_s[:4:2])[:, 0]
    assert np.minimum(places, 1 - places).max() < 0.01


def test_a_tempo_that_wanders_is_followed() -> None:
    made = song(Recipe("drift", "rock", 110, seconds=30, drift=0.06, human_s=0.006))
    assert farthest_s(find_beats(made.samples), made.beats_s[2:-2]) < 0.07


@pytest.mark.slow
def test_ten_minutes_of_a_steady_pulse_do_not_drift() -> None:
    clicks = click_track(123.4, 600.0, 0.31)
    grid = find_beats(clicks.samples)
    assert grid.bpm == pytest.approx(123.4, rel=1e-3)
    assert farthest_s(grid, clicks.beats_s[-20:]) < 0.015
    assert len(grid.beats_between(0, 600)[0]) == len(clicks.beats_s)


def test_loudness_does_not_matter() -> None:
    quiet = find_beats((rock().samples / 30).astype(np.int16))
    loud = find_beats(rock().samples)
    assert farthest_s(quiet, loud.times_s[1:-1]) < 0.02
    t = np.arange(2, 20, 0.5)
    np.testing.assert_allclose(quiet.rows(t)[:, 1], loud.rows(t)[:, 1], atol=0.05)


def test_the_same_recording_gives_the_same_beats() -> None:
    one, two = find_beats(rock().samples), find_beats(rock().samples)
    np.testing.assert_array_equal(one.times_s, two.times_s)
    np.testing.assert_array_equal(one.intensity, two.intensity)
    assert (one.first_count, one.confidence) == (two.first_count, two.confidence)


def sounds() -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    syllables = np.sin(
        np.pi * np.cumsum(rng.uniform(2, 8, len(time_s) // 2400).repeat(2400)) / 24e3
    )
    return {
        "silence": np.zeros(len(time_s)),
        "white noise": 0.1 * rng.standard_normal(len(time_s)),
        "a tone": 0.3 * np.sin(2 * np.pi * 440 * time_s),
        "an offset": np.full(len(time_s), 0.4),
        "one click": np.where(np.arange(len(time_s)) == 100_000, 1.0, 0.0),
        "uneven syllables": 0.2 * syllables**2 * np.sign(np.sin(2 * np.pi * 130 * time_s)),
        "a fifth of a second": 0.1 * rng.standard_normal(RATE_HZ // 5),
        "one sample": np.array([0.5]),
        "full scale": rng.choice([-1.0, 1.0], 2 * RATE_HZ),
    }


@pytest.mark.parametrize("name", sounds())
def test_what_has_no_beat_says_so_and_lets_a_body_sway(name: str) -> None:
    sound = sounds()[name]
    grid = find_beats((sound * 32767).clip(-32768, 32767).astype(np.int16))
    assert 0 <= grid.confidence < CERTAIN
    assert grid.bpm == pytest.approx(GENTLE_BPM)
    rows = grid.rows(np.arange(-1, len(sound) / RATE_HZ + 1, 1 / 30))
    assert np.isfinite(rows).all()
    assert rows[:, 1].max() <= 0.5


def test_silence_has_no_intensity() -> None:
    assert find_beats(np.zeros(RATE_HZ, np.int16)).rows(np.arange(0, 2, 0.1))[:, 1].max() == 0


def test_there_is_no_music_before_the_first_sound_and_after_the_last() -> None:
    quiet = np.zeros(2 * RATE_HZ, np.int16)
    grid = find_beats(np.concatenate([quiet, rock().samples, quiet]))
    end_s = (len(rock().samples) + 4 * RATE_HZ) / RATE_HZ
    assert grid.rows(np.arange(-1, 2.4, 0.05))[:, 1].max() == 0
    assert grid.rows(np.arange(4, 20, 0.05))[:, 1].min() > 0.5
    assert grid.rows(np.arange(end_s - 0.5, end_s + 3, 0.05))[:, 1].max() == 0


def test_a_soft_verse_is_less_intense_than_a_loud_chorus() -> None:
    loud = rock().samples
    grid = find_beats(np.concatenate([(loud * 0.1).astype(np.int16), loud]))
    middle_s = len(loud) / RATE_HZ
    soft = grid.rows(np.arange(4, middle_s - 4, 0.5))[:, 1].mean()
    strong = grid.rows(np.arange(middle_s + 4, 2 * middle_s - 4, 0.5))[:, 1].mean()
    assert soft < 0.5 * strong


beat_times = st.lists(st.floats(0.25, 1.2), min_size=1, max_size=40)


@given(beat_times, st.integers(0, 7), st.floats(-100, 1000), st.floats(0, 500))
def test_places_rise_evenly_without_a_jump_and_stay_in_their_range(
    gaps: list[float], first: int, start_s: float, moved_s: float
) -> None:
    times_s = start_s + np.cumsum([0.0, *gaps])
    grid = BeatGrid(times_s, first, 1.0, np.array([0.2, 0.9], np.float32)).starting_at(moved_s)
    frames_s = np.arange(grid.times_s[0] - 5, grid.times_s[-1] + 5, 1 / 30)
    rows = grid.rows(frames_s)
    assert rows.dtype == np.float32
    assert rows[:, 0].min() >= 0
    assert rows[:, 0].max() < 1
    assert rows[:, 1].min() >= 0
    assert rows[:, 1].max() <= 1
    steps = np.diff(rows[:, 0].astype(np.float64)) % 1
    assert steps.min() > 0
    assert steps.max() <= 1 / 30 / min(gaps) / 8 + 1e-4
    np.testing.assert_array_equal(grid.row(frames_s[3]), rows[3])


@given(beat_times, st.integers(0, 7))
def test_each_beat_lies_on_its_count(gaps: list[float], first: int) -> None:
    grid = BeatGrid(np.cumsum([1.0, *gaps]), first, 1.0, np.ones(1, np.float32))
    times_s, counts = grid.beats_between(-3.0, grid.times_s[-1] + 3.0)
    off = (grid.counts(times_s) - counts + 4) % 8 - 4
    np.testing.assert_allclose(off, 0, atol=1e-6)
    assert np.isin(np.round(grid.times_s, 6), np.round(times_s, 6)).all()
    assert (np.diff(counts) % 8 == 1).all()


@given(st.floats(40, 240), st.floats(-10, 1000), st.floats(0, 1), st.floats(0, 1000))
def test_a_steady_grid_needs_no_recording(
    bpm: float, first_s: float, intensity: float, time_s: float
) -> None:
    grid = BeatGrid.steady(bpm, first_s, intensity)
    place, strength = grid.row(time_s).astype(float)
    expected = (time_s - first_s) * bpm / 60 / 8 % 1
    assert min(abs(place - expected), 1 - abs(place - expected)) < 1e-5
    assert strength == pytest.approx(intensity)
    assert grid.bpm == pytest.approx(bpm)


def test_a_given_tempo_is_held_and_its_phase_is_found() -> None:
    made = rock()
    grid = find_beats(made.samples, bpm=112)
    assert grid.confidence == 1
    np.testing.assert_allclose(np.diff(grid.times_s), 60 / 112)
    assert farthest_s(grid, made.beats_s) < 0.03


@given(st.floats(0, 20), st.sampled_from([None, 112.0, 70.0]))
@settings(deadline=None, max_examples=10)
def test_an_eight_begins_where_it_is_told_to(first_s: float, bpm: float | None) -> None:
    grid = find_beats(rock().samples, bpm=bpm, first_beat_s=first_s)
    place = float(grid.row(first_s)[0])
    assert min(place, 1 - place) < 1e-3


@pytest.mark.parametrize("bpm", [0, -3, 5000, float("nan")])
def test_a_tempo_that_no_music_has_is_refused(bpm: float) -> None:
    with pytest.raises(InputError, match="beats a minute"):
        find_beats(rock().samples, bpm=bpm)
