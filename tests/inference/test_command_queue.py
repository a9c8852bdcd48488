import threading

from hypothesis import given
from hypothesis import strategies as st

from idol_runtime.inference.command_queue import CommandQueue
from idol_runtime.inference.messages import Cancel, Command, Start, Taken


def said(queue: CommandQueue[str]) -> list[Command[str]]:
    """All that waits, in the order in which it would be written."""
    commands: list[Command[str]] = []
    while len(queue):
        commands += queue.next() or []
    return commands


def test_streams_are_told_in_the_order_in_which_they_began() -> None:
    queue: CommandQueue[str] = CommandQueue()
    queue.start(1, "first")
    queue.start(2, "second")
    queue.taken(1, 2)
    queue.taken(1, 3)
    assert said(queue) == [Start(1, "first"), Taken(1, 5), Start(2, "second")]


def test_a_stream_cancelled_before_it_was_told_is_never_told() -> None:
    queue: CommandQueue[str] = CommandQueue()
    queue.start(1, "a long history")
    queue.taken(1, 1)
    assert queue.cancel(1)
    assert said(queue) == []


def test_a_stream_cancelled_later_is_cancelled_and_nothing_else() -> None:
    queue: CommandQueue[str] = CommandQueue()
    queue.start(1, "first")
    assert queue.next() == [Start(1, "first")]
    queue.taken(1, 4)
    assert not queue.cancel(1)
    assert said(queue) == [Cancel(1)]


def test_a_stream_that_ended_is_not_mentioned_again() -> None:
    queue: CommandQueue[str] = CommandQueue()
    queue.taken(1, 4)
    queue.forget(1)
    queue.forget(2)
    assert said(queue) == []


def test_whoever_waits_for_something_to_say_gets_it_and_learns_of_the_end() -> None:
    queue: CommandQueue[str] = CommandQueue()
    told: list[list[Command[str]] | None] = []

    def write() -> None:
        while True:
            told.append(queue.next())
            if told[-1] is None:
                return

    writer = threading.Thread(target=write)
    writer.start()
    queue.start(1, "first")
    queue.start(2, "second")
    while len(queue):
        queue.taken(3, 1)
        queue.forget(3)
    queue.close()
    writer.join(10)
    assert not writer.is_alive()
    assert told[-1] is None
    assert [Start(1, "first")] in told
    assert [Start(2, "second")] in told


@given(st.lists(st.tuples(st.sampled_from(["taken", "cancel", "next"]), st.integers(1, 5))))
def test_however_much_happens_no_stream_has_more_than_one_entry(
    happenings: list[tuple[str, int]],
) -> None:
    queue: CommandQueue[str] = CommandQueue()
    for number in range(1, 6):
        queue.start(number, "request")
    started: set[int] = set()
    cancelled: set[int] = set()
    for what, number in happenings:
        if what == "next" and len(queue):
            for command in queue.next() or []:
                if isinstance(command, Start):
                    assert command.stream not in started | cancelled
                    started.add(command.stream)
                else:
                    assert command.stream in started
        elif what == "taken" and number not in cancelled:
            queue.taken(number, 1)
        elif what == "cancel" and number not in cancelled:
            assert queue.cancel(number) == (number not in started)
            cancelled.add(number)
        assert len(queue) <= 5
