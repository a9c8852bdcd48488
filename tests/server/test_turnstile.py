"""Work of all connections, one piece after another, and never for long."""

import asyncio
from functools import partial

import pytest

from idol_runtime.server.turnstile import SLICE_S, Turnstile


class Work:
    """Time that goes on only while somebody works."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.done: list[str] = []

    def clock(self) -> float:
        return self.now_s

    def take(self, name: str, seconds: float = 0.0) -> None:
        self.now_s += seconds
        self.done.append(name)


async def test_everyone_gets_a_turn_before_anyone_gets_a_second() -> None:
    turns, work = Turnstile(), Work()

    async def client(name: str, wishes: int) -> None:
        for _ in range(wishes):
            await turns.turn()
            work.take(name)

    async with asyncio.timeout(5):
        await asyncio.gather(client("a", 100), client("b", 2), client("c", 2))
    assert sorted(work.done[:3]) == ["a", "b", "c"]
    assert sorted(work.done[3:6]) == ["a", "b", "c"]


async def test_the_loop_turns_between_two_pieces_of_work() -> None:
    turns, work = Turnstile(), Work()
    loop = asyncio.get_running_loop()

    def frame() -> None:
        work.take("frame")
        if len(work.done) < 10:
            loop.call_soon(frame)

    for _ in range(5):
        turns.queue(lambda: work.take("event"))
    loop.call_soon(frame)
    async with asyncio.timeout(5):
        await turns.turn()
    between = "".join(each[0] for each in work.done)
    assert "ee" not in between.lstrip("e")


async def test_what_a_piece_of_work_wakes_counts_as_its_work() -> None:
    work = Work()
    turns = Turnstile(0.5, clock=work.clock)
    loop = asyncio.get_running_loop()

    def wake(name: str) -> None:
        loop.call_soon(work.take, name, SLICE_S)

    for name in "abc":
        turns.queue(partial(wake, name))
    began_s = loop.time()
    async with asyncio.timeout(5):
        await turns.turn()
    assert work.done == ["a", "b", "c"]
    assert loop.time() - began_s >= 3 * SLICE_S * 0.9


async def test_after_a_slice_of_work_there_is_a_rest() -> None:
    work = Work()
    turns = Turnstile(0.5, clock=work.clock)
    loop = asyncio.get_running_loop()
    for name in "abc":
        turns.queue(partial(work.take, name, SLICE_S))
    began_s = loop.time()
    async with asyncio.timeout(5):
        await turns.turn()
    assert work.done == ["a", "b", "c"]
    assert loop.time() - began_s >= 3 * SLICE_S * 0.9


async def test_work_that_waits_counts_a_slice_at_most() -> None:
    work = Work()
    turns = Turnstile(0.5, clock=work.clock)
    with turns.working():
        work.take("long", 3600)
    async with asyncio.timeout(5):
        await turns.turn()


async def test_work_that_fails_does_not_close_the_way(caplog: pytest.LogCaptureFixture) -> None:
    turns, work = Turnstile(), Work()

    def fail() -> None:
        raise ValueError("what a user said")

    turns.queue(fail)
    turns.queue(lambda: work.take("next"))
    async with asyncio.timeout(5):
        await turns.turn()
    assert work.done == ["next"]
    assert "what a user said" not in caplog.text


async def test_who_has_given_up_keeps_nobody() -> None:
    turns = Turnstile()
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await turns.turn()
        await turns.turn()
