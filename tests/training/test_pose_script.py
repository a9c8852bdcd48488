import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from idol_protocol.channels import ACTIVITIES, GESTURES
from training.pose.gesture_times import GESTURE_SECONDS
from training.pose.script import FADE_FRAMES, place_gesture, write_script


@given(st.integers(0, 2**16))
@settings(max_examples=20, deadline=None)
def test_a_script_is_what_the_stage_could_tell(seed: int) -> None:
    script = write_script(300, np.random.default_rng(seed))
    np.testing.assert_allclose(script.activity.sum(axis=1), 1, atol=1e-5)
    weights, phases = np.split(script.gesture, 2, axis=1)
    for values in (script.activity, weights, phases, script.beat):
        assert values.min() >= 0
        assert values.max() <= 1
    assert (script.beat[:, 0] < 1).all()
    assert (np.diff(script.style, axis=0) == 0).all()
    assert not script.voiced[script.activity[:, ACTIVITIES.index("listen")] > 0.9].any()


def test_a_gesture_that_is_cut_keeps_its_phase_and_fades() -> None:
    curves = np.zeros((60, 2, len(GESTURES)), np.float32)
    place_gesture(curves, 3, start=5, length=40, cut=20)
    weight, phase = curves[:, 0, 3], curves[:, 1, 3]
    assert (weight[5:25] == 1).all()
    np.testing.assert_allclose(phase[5:25], np.arange(1, 21) / 40)
    faded = weight > 0
    faded[:25] = False
    assert faded.sum() == FADE_FRAMES - 1
    assert (phase[faded] == phase[24]).all()
    assert np.abs(np.diff(weight[24:], n=2)).max() < 0.025
    assert curves[:, :, [0, 1, 2, *range(4, 10)]].max() == 0


def test_a_whole_gesture_ends_at_its_last_phase() -> None:
    curves = np.zeros((60, 2, len(GESTURES)), np.float32)
    place_gesture(curves, 0, start=0, length=40, cut=40)
    assert curves[39, 1, 0] == 1
    assert curves[40:].max() == 0


def test_every_gesture_has_a_duration_that_a_script_can_play() -> None:
    assert set(GESTURE_SECONDS) == set(GESTURES)
    assert all(0.5 < seconds < 6 for seconds in GESTURE_SECONDS.values())
