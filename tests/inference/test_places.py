import asyncio

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import DataObject, data, integers

from idol_runtime.errors import RequestError, WorkerError
from idol_runtime.inference.places import Places


async def settled() -> None:
    """Lets everything that can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_waits_comes_in_order_and_who_leaves_the_queue_is_passed_over() -> None:
    places = Places("dialogue", 1, 3)
    await places.take()
    first, second, third = (asyncio.create_task(places.take()) for _ in range(3))
    await settled()
    second.cancel()
    await settled()
    places.give_back()
    await settled()
    assert first.done()
    assert not third.done()
    places.give_back()
    await third


async def test_a_full_queue_is_told_at_once() -> None:
    places = Places("dialogue", 2, 1)
    await places.take()
    await places.take()
    waiting = asyncio.create_task(places.take())
    await settled()
    with pytest.raises(RequestError, match=r"works on 2 requests and 1 wait.*ask again") as refused:
        await places.take()
    assert refused.value.code == "server_overloaded"
    places.give_back()
    await waiting


async def test_a_place_given_to_one_who_is_being_cancelled_is_not_lost() -> None:
    places = Places("dialogue", 1, 3)
    await places.take()
    leaving = asyncio.create_task(places.take())
    await settled()
    places.give_back()  # `leaving` has it, but has not run since
    leaving.cancel()
    await asyncio.wait([leaving])
    assert leaving.cancelled()
    await asyncio.wait_for(places.take(), 5)


async def test_all_who_wait_and_all_who_come_are_told_of_the_end() -> None:
    places = Places("dialogue", 1, 3)
    await places.take()
    waiting = asyncio.create_task(places.take())
    await settled()
    places.close(WorkerError("The dialogue process ended."))
    with pytest.raises(WorkerError, match="ended"):
        await waiting
    with pytest.raises(WorkerError, match="ended"):
        await places.take()


class PlacesMachine(RuleBasedStateMachine):
    """Guests come, leave the queue and give places back, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.places = Places("dialogue", 3, 4)
        self.seated = 0
        self.queue: list[asyncio.Task[None]] = []

    def settle(self) -> None:
        self.loop.run_until_complete(settled())

    @rule()
    def come(self) -> None:
        guest = self.loop.create_task(self.places.take())
        self.settle()
        if len(self.queue) == 4:
            assert isinstance(guest.exception(), RequestError)
        elif self.seated == 3:
            assert not guest.done()
            self.queue.append(guest)
        else:
            assert guest.done()
            self.seated += 1

    @precondition(lambda self: self.seated > 0)
    @rule()
    def go(self) -> None:
        self.places.give_back()
        self.settle()
        if self.queue:
            assert self.queue.pop(0).done()
        else:
            self.seated -= 1

    @precondition(lambda self: self.queue)
    @rule(picked=data())
    def lose_patience(self, picked: DataObject) -> None:
        at = picked.draw(integers(0, len(self.queue) - 1))
        guest = self.queue.pop(at)
        guest.cancel()
        self.settle()
        assert guest.cancelled()

    @invariant()
    def nobody_waits_beside_an_empty_place(self) -> None:
        assert not self.queue or self.seated == 3
        assert not any(guest.done() for guest in self.queue)

    def teardown(self) -> None:
        for guest in self.queue:
            guest.cancel()
        self.settle()
        self.loop.close()


TestPlaces = PlacesMachine.TestCase
TestPlaces.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
