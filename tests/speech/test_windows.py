import itertools

from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.speech.kokoro.windows import plan


@given(st.integers(0, 60), st.integers(1, 2000), st.integers(0, 60))
def test_windows_cover_a_clause_once_and_see_no_further_than_it(
    start: int, length: int, rest: int
) -> None:
    stop, frames = start + length, start + length + rest
    windows = plan(start, stop, frames, first=24, later=48)
    assert windows[0].start == start
    assert windows[-1].stop == stop
    assert all(a.stop == b.start for a, b in itertools.pairwise(windows))
    assert all(each.seen[0] >= 0 and each.seen[1] <= frames for each in windows)
