import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idol_protocol.channels import GESTURES
from idol_runtime.motion.gestures import FADE_FRAMES, GestureTimes, GestureTrack, Span

Row = NDArray[np.float32]

TIMES = GestureTimes(
    seconds={name: 1.0 + index / 10 for index, name in enumerate(GESTURES)},
    stroke=dict.fromkeys(GESTURES, 0.4),
    fps=30,
)


def rows(track: GestureTrack, frames: int, start: int = 0) -> Row:
    return np.array([shown(track, frame) for frame in range(start, start + frames)])


def shown(track: GestureTrack, frame: int) -> Row:
    row = track.row(frame)
    np.testing.assert_array_equal(track.row(frame), row)  # asking changes nothing
    track.advance(frame)
    return row


def weight(table: Row, name: str) -> Row:
    return table[:, GESTURES.index(name)]


def phase(table: Row, name: str) -> Row:
    return table[:, len(GESTURES) + GESTURES.index(name)]


def test_a_gesture_runs_once_from_its_start_with_a_phase_that_rises_evenly() -> None:
    track = GestureTrack(TIMES)
    span = track.schedule("wave", 10)
    assert span is not None
    assert (span.start, span.stroke, span.end) == (10, 22, 40)
    table = rows(track, 60)
    np.testing.assert_array_equal(weight(table, "wave"), [0.0] * 10 + [1.0] * 30 + [0.0] * 20)
    np.testing.assert_allclose(
        phase(table, "wave")[10:40], np.linspace(0, 1, 30, endpoint=False), atol=1e-6
    )
    assert phase(table, "wave")[span.stroke] == np.float32(TIMES.stroke["wave"])


def test_gestures_that_are_not_made_have_no_weight_and_no_phase() -> None:
    track = GestureTrack(TIMES)
    track.schedule("nod", 3)
    table = rows(track, 90)
    assert not np.delete(table, [GESTURES.index("nod"), 10 + GESTURES.index("nod")], 1).any()


def assert_fades(weights: Row) -> None:
    """From 1 to 0 without a corner, in `FADE_FRAMES`."""
    assert (np.diff(weights[: FADE_FRAMES - 1]) < 0).all()
    assert np.abs(np.diff(np.concatenate([[1, 1], weights, [0]]), n=2)).max() < 0.02
    assert not weights[FADE_FRAMES - 1 :].any()


def test_a_gesture_fades_where_another_needs_the_same_arms() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    track.schedule("clap", 15)
    table = rows(track, 60)
    faded = weight(table, "wave")[15:]
    assert_fades(faded)
    assert len(set(phase(table, "wave")[15:25].tolist())) == 1
    np.testing.assert_array_equal(weight(table, "clap")[15:50], 1)


def test_a_nod_goes_together_with_a_wave() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    track.schedule("nod", 5)
    table = rows(track, 30)
    assert (weight(table, "wave") == 1).all()
    assert (weight(table, "nod")[5:] == 1).all()


def test_a_cut_fades_what_is_made_and_forgets_what_was_planned() -> None:
    track = GestureTrack(TIMES)
    track.schedule("bow", 0)
    track.schedule("wave", 50)
    rows(track, 10)
    track.cut(10)
    table = rows(track, 100, start=10)
    assert_fades(weight(table, "bow"))
    assert not table[30:].any()


def test_after_a_cut_the_same_gesture_begins_again_once_it_has_faded() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    rows(track, 10)
    track.cut(10)
    again = track.schedule("wave", 10)
    assert again is not None
    table = rows(track, 40, start=10)
    assert again.start == 10 + FADE_FRAMES - 1
    assert_fades(weight(table, "wave")[: FADE_FRAMES - 1])
    assert (weight(table, "wave")[FADE_FRAMES - 1 :] == 1).all()
    assert phase(table, "wave")[FADE_FRAMES - 1] == 0


def test_a_gesture_whose_forerunner_is_cut_later_on_waits_for_it_to_fade() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    assert track.schedule("wave", 30) == Span("wave", 30, 42, 60)
    track.schedule("clap", 15)
    table = rows(track, 80)
    faded = 15 + FADE_FRAMES - 1
    assert_fades(weight(table, "wave")[15:faded])
    np.testing.assert_array_equal(weight(table, "wave")[faded : faded + 31], [1] * 30 + [0])
    assert phase(table, "wave")[faded] == 0


def test_the_same_gesture_waits_for_its_own_end_if_that_is_near_and_is_left_out_if_not() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    assert track.schedule("wave", 20) == Span("wave", 30, 42, 60)
    assert track.schedule("wave", 31) is None


def test_frames_that_are_skipped_do_not_delay_the_end() -> None:
    track = GestureTrack(TIMES)
    track.schedule("wave", 0)
    track.advance(0)
    assert track.row(20)[len(GESTURES)] == np.float32(20 / 30)
    assert not track.row(45).any()


@given(
    st.lists(st.tuples(st.sampled_from(GESTURES), st.integers(0, 200)), max_size=20),
    st.sets(st.integers(0, 250), max_size=2),
)
def test_weights_and_phases_never_jump_and_all_comes_to_rest(
    asked: list[tuple[str, int]], cuts: set[int]
) -> None:
    track = GestureTrack(TIMES)
    for name, start in asked:
        track.schedule(name, start)
    before = np.zeros(2 * len(GESTURES), np.float32)
    for frame in range(500):
        if frame in cuts:
            track.cut(frame)
        row = shown(track, frame)
        assert ((row >= 0) & (row <= 1)).all()
        # A phase moves on by a frame, stays while its gesture fades, or begins at 0.
        moved = row[10:] - before[10:]
        assert ((moved < 0.04) & ((moved >= 0) | (row[10:] == 0))).all()
        # A gesture is whole or fades; none is taken away at once but at its end.
        fell = before[:10] - row[:10]
        assert ((fell < 0.1) | (before[10:] > 0.9)).all()
        before = row
    assert not row.any()
