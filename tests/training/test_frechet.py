"""Frechet distances against their closed forms, and the features they are taken on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.frechet import (
    RealFeatures,
    frechet_distance,
    gaussian_distance,
    interleaved,
    thinned,
)

NAMES = ("browInnerUp", "eyeBlinkLeft", "noseSneerLeft")


def covariance(rng: np.random.Generator, size: int) -> np.ndarray:
    root = rng.standard_normal((size, size))
    return root @ root.T + 0.1 * np.eye(size)


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.01, 9), st.floats(0.01, 9))
def test_in_one_dimension_it_is_the_gap_of_means_and_of_deviations(
    mean_a: float, mean_b: float, variance_a: float, variance_b: float
) -> None:
    found = gaussian_distance(
        np.array([mean_a]), np.array([[variance_a]]), np.array([mean_b]), np.array([[variance_b]])
    )
    wanted = (mean_a - mean_b) ** 2 + (np.sqrt(variance_a) - np.sqrt(variance_b)) ** 2
    assert found == pytest.approx(wanted, abs=1e-6)


@given(st.integers(0, 1000), st.integers(2, 6))
def test_it_is_symmetric_and_nothing_to_itself(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = covariance(rng, size), covariance(rng, size)
    at_a, at_b = rng.standard_normal(size), rng.standard_normal(size)
    forth, back = gaussian_distance(at_a, a, at_b, b), gaussian_distance(at_b, b, at_a, a)
    assert forth == pytest.approx(back, rel=1e-6, abs=1e-6)
    assert gaussian_distance(at_a, a, at_a, a) == pytest.approx(0, abs=1e-6)
    assert forth >= np.square(at_a - at_b).sum() - 1e-6


@given(st.integers(0, 1000))
def test_covariances_that_commute_have_the_closed_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    a, b = rng.uniform(0.1, 5, 4), rng.uniform(0.1, 5, 4)
    zero = np.zeros(4)
    found = gaussian_distance(zero, axes * a @ axes.T, zero, axes * b @ axes.T)
    assert found == pytest.approx(np.square(np.sqrt(a) - np.sqrt(b)).sum(), abs=1e-6)


def test_samples_of_two_gaussians_come_near_their_formula() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((20_000, 3))
    b = 2 * rng.standard_normal((20_000, 3)) + [1, 0, 0]
    assert frechet_distance(a, b) == pytest.approx(1 + 3, rel=0.03)


def test_too_few_samples_have_no_distance() -> None:
    assert np.isnan(frechet_distance(np.zeros((3, 3)), np.zeros((50, 3))))


def takes(seed: int, count: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.cumsum(rng.standard_normal((400, 3)), axis=0) * 0.01 for _ in range(count)]


def test_real_features_are_centred_and_have_a_total_variance_of_one() -> None:
    real = takes(0)
    features = RealFeatures.fit(real, NAMES, components=8, family="fd-1").of(real)
    assert features.shape[1] == 8
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-9)
    assert features.var(axis=0, ddof=1).sum() == pytest.approx(1)
    spread = np.cov(features, rowvar=False)
    np.testing.assert_allclose(spread, np.diag(np.diag(spread)), atol=1e-9)


def test_motion_of_the_same_law_is_nearer_than_shaken_or_still_motion() -> None:
    real = takes(0, 6)
    fitted = RealFeatures.fit(real, NAMES, components=8, family="fd-1")
    first, second = interleaved(real, 100)
    floor = frechet_distance(fitted.of(first), fitted.of(second))
    still = fitted.of([np.zeros((800, 3))])
    rng = np.random.default_rng(1)
    shaken = fitted.of([take[rng.permutation(len(take))] for take in real])
    assert floor < frechet_distance(still, fitted.of(first))
    assert floor < frechet_distance(shaken, fitted.of(first))


def test_a_protocol_names_its_features() -> None:
    real = takes(0)
    fitted = RealFeatures.fit(real, NAMES, family="fd-1")
    assert fitted.protocol == RealFeatures.fit(real, NAMES, family="fd-1").protocol
    assert fitted.protocol != RealFeatures.fit(takes(1), NAMES, family="fd-1").protocol
    assert fitted.protocol != RealFeatures.fit(real, NAMES, window=16, family="fd-1").protocol
    assert fitted.protocol != RealFeatures.fit(real, NAMES, family="fd-2").protocol
    assert fitted.protocol.startswith("fd-1/w32/")


def test_too_little_real_motion_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 windows"):
        RealFeatures.fit([np.zeros((60, 3))], NAMES, family="fd-1")


def test_a_take_shorter_than_a_window_gives_no_features() -> None:
    fitted = RealFeatures.fit(takes(0), NAMES, components=4, family="fd-1")
    assert fitted.of([np.zeros((20, 3))]).shape == (0, 4)


def test_blocks_by_turns_share_out_every_frame_once() -> None:
    first, second = interleaved([np.arange(25), np.arange(100, 110)], 10)
    assert sorted(np.concatenate([*first, *second])) == [*range(25), *range(100, 110)]
    assert len(first) == len(second) == 2


def test_thinning_keeps_rows_and_their_number() -> None:
    rows = np.arange(20)[:, None]
    kept = thinned(rows, 5, np.random.default_rng(0))
    assert len(np.unique(kept)) == 5
    assert thinned(rows, 50, np.random.default_rng(0)) is rows
