import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.early_stopping import EarlyStopping


def test_it_stops_after_patience_validations_without_a_gain_and_keeps_the_best_step() -> None:
    stopping = EarlyStopping(patience=2)
    seen = []
    for step, value in enumerate([1.0, 0.5, 0.6, 0.4, 0.4, 0.5]):
        assert not stopping.should_stop
        seen.append(stopping.observe(step * 100, value))
    assert seen == [True, True, False, True, False, False]
    assert stopping.should_stop
    assert (stopping.best_step, stopping.best) == (300, 0.4)


def test_a_gain_smaller_than_asked_for_is_none() -> None:
    stopping = EarlyStopping(patience=1, least_gain=0.1)
    assert stopping.observe(0, 1.0)
    assert not stopping.observe(1, 0.95)
    assert stopping.should_stop
    assert stopping.observe(2, 0.85)
    assert not stopping.should_stop


def test_a_number_that_is_not_finite_is_never_the_best() -> None:
    stopping = EarlyStopping(patience=2)
    assert not stopping.observe(0, math.nan)
    assert not stopping.observe(1, -math.inf)
    assert stopping.best_step is None
    assert stopping.should_stop


def test_without_patience_it_never_stops() -> None:
    stopping = EarlyStopping(patience=0)
    for step in range(50):
        stopping.observe(step, 1.0)
    assert not stopping.should_stop


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30),
    st.integers(0, 30),
    st.integers(0, 5),
)
def test_a_run_that_goes_on_decides_as_one_that_was_never_cut(
    values: list[float], cut: int, patience: int
) -> None:
    whole, first = EarlyStopping(patience), EarlyStopping(patience)
    for step, value in enumerate(values):
        whole.observe(step, value)
    for step, value in enumerate(values[:cut]):
        first.observe(step, value)
    second = EarlyStopping(patience)
    second.load_state_dict(first.state_dict())
    for step, value in enumerate(values[cut:], start=cut):
        second.observe(step, value)
    assert second.state_dict() == whole.state_dict()
    assert second.should_stop == whole.should_stop


def test_negative_patience_is_refused() -> None:
    with pytest.raises(ValueError, match="0 or more, found -1"):
        EarlyStopping(-1)
