import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.music.metronome import Metronome


def test_eight_beats_are_one_count_from_the_first_beat_on() -> None:
    music = Metronome(bpm=120, first_beat_s=1.0, intensity=0.6)
    np.testing.assert_allclose(music.row(1.0), [0, 0.6])
    np.testing.assert_allclose(music.row(1.5), [1 / 8, 0.6])
    np.testing.assert_allclose(music.row(5.0), [0, 0.6])
    np.testing.assert_allclose(music.row(0.5), [7 / 8, 0.6])


@given(st.floats(40, 240), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_place_stays_in_the_count(bpm: float, first_beat_s: float, time_s: float) -> None:
    place, _ = Metronome(bpm, first_beat_s, 1.0).row(time_s)
    assert 0 <= place < 1
