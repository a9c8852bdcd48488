"""What a session was told is kept for a while."""

from idol_protocol.idol_events import IdolClockPong, IdolGoaway
from idol_runtime.server.journal import Journal


def goodbye(number: int) -> IdolGoaway:
    return IdolGoaway(reason="r", in_ms=number)


def test_a_journal_replays_what_follows_an_event() -> None:
    journal = Journal(max_events=10, max_bytes=10_000)
    texts = [journal.note(goodbye(number)) for number in range(4)]
    assert journal.after("event_2") == (texts[2:], True)
    assert journal.after(None) == (texts, True)
    assert journal.after("event_4") == ([], True)
    assert journal.after("not one of ours") == (texts, True)


def test_a_journal_says_when_it_lost_something() -> None:
    journal = Journal(max_events=2, max_bytes=10_000)
    texts = [journal.note(goodbye(number)) for number in range(4)]
    assert journal.after("event_1") == (texts[2:], False)
    assert journal.after("event_2") == (texts[2:], True)


def test_a_journal_is_bounded_in_bytes_and_keeps_no_media() -> None:
    journal = Journal(max_events=100, max_bytes=200)
    for number in range(50):
        journal.note(goodbye(number))
    kept, complete = journal.after(None)
    assert 0 < sum(map(len, kept)) <= 200
    assert not complete
    journal = Journal(max_events=100, max_bytes=200)
    journal.note(IdolClockPong(id=1, client_us=1, pts_us=1))
    assert journal.after(None) == ([], True)
