import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from idol_runtime.conversation.run_ahead import run_ahead


async def numbers(
    count: int, made: list[int], fail_at: int | None = None
) -> AsyncGenerator[int, None]:
    for number in range(count):
        if number == fail_at:
            raise ValueError("broken")
        made.append(number)
        yield number


async def test_items_arrive_in_order() -> None:
    made: list[int] = []
    assert [item async for item in run_ahead(numbers(20, made), limit=3)] == list(range(20))


async def test_items_are_made_ahead_up_to_the_limit() -> None:
    made: list[int] = []
    async with aclosing(run_ahead(numbers(20, made), limit=3)) as items:
        await anext(items)
        for _ in range(10):
            await asyncio.sleep(0)
        assert made == [0, 1, 2, 3, 4]  # one read, three waiting, one at the door


async def test_an_error_arrives_after_the_items_before_it() -> None:
    seen: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        async for item in run_ahead(numbers(5, [], fail_at=2), limit=10):
            seen.append(item)
    assert seen == [0, 1]


async def test_closing_early_stops_the_maker() -> None:
    closed = asyncio.Event()

    async def forever() -> AsyncGenerator[int, None]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    source = forever()
    async with aclosing(source), aclosing(run_ahead(source, limit=2)) as items:
        await anext(items)
    assert closed.is_set()
