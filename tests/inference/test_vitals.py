from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.inference.messages import BEAT_S
from idol_runtime.inference.vitals import BackOff, Patience, Vitals

PATIENCE = Patience(silence_s=4 * BEAT_S, step_s=6 * BEAT_S, opening_s=10 * BEAT_S)


def opened(patience: Patience = PATIENCE) -> Vitals:
    vitals = Vitals(patience)
    vitals.opened()
    return vitals


def told(vitals: Vitals) -> tuple[str | None, str | None]:
    return vitals.doubt, vitals.hang


def test_silence_is_doubted_first_and_a_hang_later() -> None:
    vitals = opened()
    for _ in range(4):
        vitals.look()
    assert told(vitals) == ("has given no sign of life for 2 s", None)
    vitals.look()
    assert told(vitals)[1] == "gave no sign of life for 2 s"
    vitals.heard()
    assert told(vitals) == (None, None)


def test_a_step_that_does_not_end_is_a_hang_though_the_heart_beats() -> None:
    vitals = opened()
    for _ in range(7):
        vitals.look()
        vitals.beat(41)
    assert vitals.hang is None
    vitals.beat(41)
    assert vitals.hang == "was at one step for 4 s"


def test_the_longest_work_is_no_hang_while_it_comes_on() -> None:
    vitals = opened()
    for done in range(1000):
        vitals.look()
        vitals.beat(done // 5)
        assert vitals.hang is None


def test_having_nothing_to_do_is_no_step() -> None:
    vitals = opened()
    for _ in range(1000):
        vitals.look()
        vitals.beat(None)
    assert vitals.hang is None


def test_a_model_may_take_long_to_open_but_not_for_ever() -> None:
    vitals = Vitals(PATIENCE)
    for _ in range(10):
        vitals.look()
        vitals.beat(None)
    assert vitals.hang is None
    vitals.look()
    assert vitals.hang == "did not open its model in 6 s"


def test_one_that_a_busy_machine_leaves_little_to_is_not_silent() -> None:
    for vitals in (Vitals(PATIENCE), opened()):
        for moment in range(6):
            vitals.look(0.01 * (moment // 3 + 1))
        assert told(vitals) == (None, None)
        for _ in range(5):
            vitals.look(0.02)
        assert vitals.hang is not None


def test_one_that_works_and_says_nothing_is_at_one_step() -> None:
    vitals = opened()
    for moment in range(6):
        vitals.look(float(moment + 1))
    assert vitals.hang is None
    vitals.look(7.0)
    assert vitals.hang == "was at one step for 4 s"


def test_patience_may_end_while_it_waits() -> None:
    vitals = opened(Patience(silence_s=100))
    for _ in range(3):
        vitals.look()
    assert vitals.hang is None
    vitals.patience = Patience(silence_s=BEAT_S)
    assert vitals.hang is not None


@given(st.lists(st.integers(0, 4), max_size=200))
def test_whoever_beats_between_two_looks_is_never_silent(beats: list[int]) -> None:
    vitals = opened()
    for many in beats:
        vitals.look()
        assert vitals.hang is None
        for _ in range(many + 1):
            vitals.beat(None)


def test_each_death_makes_the_next_start_later_up_to_a_limit() -> None:
    back_off = BackOff(first_s=1, longest_s=30, settled_s=60)
    delays_s = [back_off.delay_s(0.3) for _ in range(9)]
    assert delays_s == [0, 1, 2, 4, 8, 16, 30, 30, 30]


def test_one_that_worked_for_a_while_is_started_again_at_once() -> None:
    back_off = BackOff(settled_s=60)
    for _ in range(9):
        back_off.delay_s(59.9)
    assert back_off.delay_s(60) == 0
    assert back_off.delay_s(1) == 1


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5000))
def test_a_delay_is_always_one_a_person_can_wait_for(worked_s: list[float]) -> None:
    back_off = BackOff()
    assert all(0 <= back_off.delay_s(each) <= 30 for each in worked_s)
