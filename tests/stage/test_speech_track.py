import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.stage.speech_track import SpeechTrack
from idol_runtime.timeline import FRAME_SAMPLES, Phoneme, frame_pts, pts_of

Parts = list[tuple[int, int]]

pieces = st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 6000)), max_size=8)


@given(pieces, st.integers(0, 9000), st.integers(1, 3000))
def test_reading_gives_what_was_placed_and_silence_elsewhere(
    parts: Parts, start: int, count: int
) -> None:
    track, whole = SpeechTrack(), np.zeros(40_000, np.float32)
    for length, not_before in parts:
        value = np.full(length, 16384, np.int16)
        at = track.append(value, not_before)
        assert at >= not_before
        assert not whole[at : at + length].any(), "pieces never overlap"
        whole[at : at + length] = 0.5
    np.testing.assert_array_equal(track.read(start, count), whole[start : start + count])


@given(pieces, st.integers(0, 9000))
def test_after_a_cut_nothing_sounds_from_there_on(parts: Parts, cut: int) -> None:
    track = SpeechTrack()
    for length, not_before in parts:
        track.append(np.ones(length, np.int16), not_before)
    before = track.read(0, cut) if cut else None
    track.cut(cut)
    assert not track.read(cut, 20_000).any()
    if before is not None:
        np.testing.assert_array_equal(track.read(0, cut), before)


@given(pieces, st.integers(0, 9000))
def test_forgetting_the_past_changes_nothing_that_is_still_to_come(parts: Parts, now: int) -> None:
    track = SpeechTrack()
    for length, not_before in parts:
        track.append(np.ones(length, np.int16), not_before)
    ahead = track.read(now, 20_000)
    track.forget_before(now)
    np.testing.assert_array_equal(track.read(now, 20_000), ahead)


def test_phonemes_are_placed_on_the_media_clock() -> None:
    track = SpeechTrack()
    track.append_phonemes((Phoneme("h", 0.0, 0.05), Phoneme("i", 0.05, 0.2)), 24_000)
    assert [each.symbol for each in track.phonemes_between(1.04, 1.06)] == ["h", "i"]
    assert [each.symbol for each in track.phonemes_between(1.1, 1.15)] == ["i"]
    assert track.phonemes_between(1.2, 2.0) == []


def test_a_frame_is_a_whole_number_of_samples_so_the_clocks_agree_for_ever() -> None:
    assert FRAME_SAMPLES == 800
    day = 24 * 3600 * 30
    assert frame_pts(day) == pts_of(day * FRAME_SAMPLES) == 24 * 3600 * 1_000_000
