import asyncio
import logging
from contextlib import aclosing

import pytest

from idol_runtime.errors import InputError, StoreError, WorkerError
from idol_runtime.inference.worker import Worker
from tests.inference.worker_services import Count, Counter, open_nothing


@pytest.fixture
async def counter():
    worker = Worker("counter", Counter, window=2)
    yield worker
    await worker.aclose()


async def items(worker, request):
    return [item async for item in worker.stream(request)]


async def test_a_stream_yields_every_item_in_order(counter):
    assert await items(counter, Count(50)) == list(range(50))


async def test_streams_of_one_worker_run_side_by_side(counter):
    first = counter.stream(Count(1_000_000))
    async with aclosing(first):
        assert await anext(first) == 0
        assert await items(counter, Count(5)) == [0, 1, 2, 3, 4]
        assert await anext(first) == 1


async def test_leaving_a_stream_closes_its_iterator_in_the_child(counter):
    async with aclosing(counter.stream(Count(1_000_000))) as stream:
        assert await anext(stream) == 0
    with pytest.raises(InputError, match="1"):
        await items(counter, Count(3, at=1, what="closed"))


async def test_an_error_of_ours_arrives_as_it_was_raised(counter):
    with pytest.raises(InputError, match="Expected an even number"):
        await items(counter, Count(3, at=1, what="refuse"))
    assert await items(counter, Count(2)) == [0, 1]


async def test_a_foreign_error_is_told_by_type_and_place_without_its_words(counter):
    with pytest.raises(WorkerError, match=r"KeyError at worker_services\.py:\d+") as caught:
        await items(counter, Count(3, at=1, what="break"))
    assert "something a user said" not in str(caught.value)


async def test_a_dead_child_fails_its_streams_and_serves_the_next_request(counter, caplog):
    with caplog.at_level(logging.CRITICAL), pytest.raises(WorkerError, match="counter process"):
        await items(counter, Count(3, at=1, what="die"))
    assert await items(counter, Count(2)) == [0, 1]


async def test_a_model_that_cannot_be_opened_is_told_at_start():
    worker = Worker("empty", open_nothing)
    with pytest.raises(StoreError, match="Expected a model"):
        await worker.start()
    await worker.aclose()


async def test_a_stream_waits_for_its_reader(counter):
    async with aclosing(counter.stream(Count(1_000_000))) as stream:
        await anext(stream)
        # Another whole stream has been served meanwhile: the first had the time to run ahead.
        await items(counter, Count(200))
        queue = next(iter(counter._streams.values()))
        assert queue.qsize() <= 2


async def test_cancelling_the_reader_leaves_no_stream_behind(counter):
    await counter.start()
    task = asyncio.create_task(items(counter, Count(10_000_000)))
    while not counter._streams:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert counter._streams == {}
    assert await items(counter, Count(2)) == [0, 1]
