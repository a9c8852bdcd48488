"""Every measure of the face against a form that is known in closed form."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.measures import correlation, mean_known, runs
from training.face.evaluation.measures import (
    band_share,
    best_lag,
    blinks,
    closure_score,
    derivative,
    ks_distance,
    pairwise_distance,
    rms,
    spectrum,
    spread,
)

flags = st.lists(st.booleans(), min_size=1, max_size=60).map(np.array)
samples = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30).map(np.array)


def voice(time: np.ndarray, seed: int = 0) -> np.ndarray:
    """A smooth curve, defined at all times, in frames."""
    rng = np.random.default_rng(seed)
    pace, phase = rng.uniform(0.05, 0.5, 12), rng.uniform(0, 6, 12)
    curve: np.ndarray = np.sin(np.outer(time, pace) + phase).sum(axis=1)
    return curve


@given(st.floats(0.1, 5), st.floats(-3, 3), st.integers(0, 50))
def test_r_does_not_depend_on_level_or_gain_but_on_the_sign(
    gain: float, level: float, seed: int
) -> None:
    curve, other = voice(np.arange(90), seed), voice(np.arange(90), seed + 1)
    r = correlation(curve, other)
    assert -1 <= r <= 1
    assert correlation(gain * curve + level, other) == pytest.approx(r, abs=1e-6)
    assert correlation(-curve, other) == pytest.approx(-r, abs=1e-6)


def test_a_curve_that_stands_still_has_no_correlation() -> None:
    assert np.isnan(correlation(np.ones(20), np.arange(20.0)))
    assert np.isnan(best_lag(np.ones(90), voice(np.arange(90))))


@given(st.floats(-4.5, 4.5), st.integers(0, 20))
def test_a_known_lag_is_recovered_to_a_part_of_a_frame(lag: float, seed: int) -> None:
    time = np.arange(300)
    assert best_lag(voice(time - lag, seed), voice(time, seed)) == pytest.approx(lag, abs=0.12)


def test_a_lag_out_of_reach_stays_at_the_reach() -> None:
    time = np.arange(300)
    assert abs(best_lag(voice(time - 20), voice(time), reach=3)) <= 3


def test_velocity_and_jerk_of_a_cubic_are_its_derivatives() -> None:
    time_s = np.arange(60) / 30
    cubic = 2 * time_s**3 - time_s**2 + 5
    assert derivative(cubic, 3, 30) == pytest.approx(np.full(57, 12.0), rel=1e-6)
    middle = (time_s[1:] + time_s[:-1]) / 2
    assert derivative(cubic, 1, 30) == pytest.approx(6 * middle**2 - 2 * middle, abs=2e-3)
    assert rms(derivative(np.stack([cubic, cubic], axis=1), 3, 30)) == pytest.approx(12.0)


@given(flags)
def test_runs_cover_what_is_true_and_nothing_else(flags: np.ndarray) -> None:
    spans = runs(flags)
    rebuilt = np.zeros(len(flags), bool)
    for start, end in spans:
        assert start < end
        rebuilt[start:end] = True
    assert (rebuilt == flags).all()
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def marked(length: int, *spans: tuple[int, int]) -> np.ndarray:
    found = np.zeros(length, bool)
    for start, end in spans:
        found[start:end] = True
    return found


WANTED = marked(100, (10, 13), (40, 43), (70, 73))


def test_shutting_at_every_closure_and_nowhere_else_is_perfect() -> None:
    score = closure_score(WANTED, WANTED, WANTED)
    assert (score.recall, score.precision, score.f1) == (1, 1, 1)


def test_a_shutting_may_be_a_frame_off_but_not_three() -> None:
    assert closure_score(np.roll(WANTED, 1), WANTED, WANTED).f1 == 1
    assert closure_score(np.roll(WANTED, 6), WANTED, WANTED).f1 == 0


def test_a_missed_closure_and_a_false_one_are_counted_apart() -> None:
    shut = marked(100, (10, 13), (40, 43), (55, 58), (85, 90))
    score = closure_score(shut, WANTED, WANTED)
    assert score.recall == pytest.approx(2 / 3)
    assert score.precision == pytest.approx(2 / 4)
    assert score.f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))


def test_a_mouth_that_never_opens_finds_one_closure_of_three() -> None:
    score = closure_score(np.ones(100, bool), WANTED, WANTED)
    assert score.recall == pytest.approx(1 / 3)
    assert score.precision == 0


def test_a_mouth_that_never_shuts_finds_nothing() -> None:
    assert closure_score(np.zeros(100, bool), WANTED, WANTED).f1 == 0


def test_two_closures_without_an_opening_between_them_are_one() -> None:
    taught = WANTED | marked(100, (10, 43))
    score = closure_score(taught, WANTED, taught)
    assert (score.recall, score.precision) == (1, 1)


def test_a_pause_that_a_right_mouth_shuts_in_is_no_mistake() -> None:
    taught = WANTED | marked(100, (80, 95))
    assert closure_score(taught, WANTED, taught).precision == 1


@given(flags)
def test_a_right_mouth_is_always_right(taught: np.ndarray) -> None:
    wanted = taught & (np.arange(len(taught)) % 3 == 0)
    score = closure_score(taught, wanted, taught)
    assert not wanted.any() or score.f1 == 1


def test_blinks_of_a_made_lid_have_their_rate_lengths_and_intervals() -> None:
    lid = np.zeros(30 * 60)
    for start, length in ((100, 4), (220, 5), (400, 4), (900, 60)):
        lid[start : start + length] = 0.9
    found = blinks([lid], 30)
    assert found.per_minute == 3  # eyes held shut for two seconds are no blink
    np.testing.assert_allclose(found.lengths_s * 30, [4, 5, 4])
    np.testing.assert_allclose(found.intervals_s, [4, 6])
    assert found.summary()["length_ms_median"] == pytest.approx(1000 * 4 / 30)


def test_no_interval_reaches_from_one_take_into_the_next() -> None:
    lid = np.zeros(90)
    lid[40:44] = 1
    found = blinks([lid, lid], 30)
    assert len(found.lengths_s) == 2
    assert len(found.intervals_s) == 0
    assert np.isnan(found.summary()["interval_s_median"])


@given(samples, samples)
def test_the_distance_of_distributions_is_their_largest_gap(a: np.ndarray, b: np.ndarray) -> None:
    gaps = [abs((a <= at).mean() - (b <= at).mean()) for at in (*a, *b)]
    assert ks_distance(a, b) == pytest.approx(max(gaps), abs=1e-9)


def test_who_never_blinks_is_as_far_from_real_as_can_be() -> None:
    assert ks_distance(np.array([]), np.array([1.0])) == 1
    assert np.isnan(ks_distance(np.array([]), np.array([])))


def test_power_sums_to_the_variance_and_lies_at_the_frequency_of_a_sine() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(30 * 2000)
    hz, power = spectrum([noise], 60, 30)
    assert power[1:].sum() * (hz[1] - hz[0]) == pytest.approx(1, abs=0.06)
    sine = np.sin(2 * np.pi * 3 * np.arange(600) / 30)
    hz, power = spectrum([sine], 60, 30)
    assert hz[power.argmax()] == pytest.approx(3)
    assert band_share(hz, power, 2, 4.1) > 0.99
    assert band_share(hz, power, 8, 15) < 0.01


def test_a_slow_trend_has_no_power() -> None:
    _, power = spectrum([np.arange(300.0)], 60, 30)
    assert power.max() < 1e-12


def test_spread_is_taken_inside_windows_and_needs_one() -> None:
    steps = np.repeat([0.0, 100.0], 60)
    assert spread([steps], 60) == 0
    assert spread([np.tile([0.0, 2.0], 60)], 60) == 1
    assert np.isnan(spread([np.zeros(10)], 60))


def test_seeds_differ_by_the_mean_over_all_pairs() -> None:
    motions = [np.full((4, 2), value) for value in (0.0, 1.0, 3.0)]
    assert pairwise_distance(motions) == pytest.approx((1 + 3 + 2) / 3)
    assert pairwise_distance(motions[:1]) == 0


def test_what_is_not_known_is_left_out_of_a_mean() -> None:
    assert mean_known([1.0, float("nan"), 3.0]) == 2
    assert np.isnan(mean_known([float("nan")]))
