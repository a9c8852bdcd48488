import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest

from idol_runtime.errors import ConfigError, InputError, StoreError, WorkerError
from idol_runtime.inference.child import Reports, StreamLoop, Work
from idol_runtime.inference.messages import Made, Start, StreamEnded, Taken
from idol_runtime.inference.process import Room
from idol_runtime.inference.worker import Worker
from tests.inference.services import (
    Batched,
    Count,
    Row,
    Tell,
    open_batched,
    open_counter,
    open_gated,
    open_greedy,
    open_nothing,
    open_untold,
)

Item = TypeVar("Item")
Request = TypeVar("Request")
Capabilities = TypeVar("Capabilities")
Counting: TypeAlias = Worker[Count | Tell, int, str]
Batching: TypeAlias = Worker[Count, Row, None]


@pytest.fixture
async def counter() -> AsyncIterator[Counting]:
    worker = Worker("counter", open_counter, room=Room(window=2))
    yield worker
    await worker.aclose()


@pytest.fixture
async def batched() -> AsyncIterator[Batching]:
    worker = Worker("batched", open_batched, room=Room(window=2))
    yield worker
    await worker.aclose()


async def items(worker: Worker[Request, Item, Capabilities], request: Request) -> list[Item]:
    return [item async for item in worker.stream(request)]


async def test_a_stream_yields_every_item_in_order(counter: Counting) -> None:
    assert await items(counter, Count(50)) == list(range(50))


async def test_streams_of_one_worker_run_side_by_side(counter: Counting) -> None:
    async with aclosing(counter.stream(Count(1_000_000))) as first:
        assert await anext(first) == 0
        assert await items(counter, Count(5)) == [0, 1, 2, 3, 4]
        assert await anext(first) == 1


async def test_leaving_a_stream_closes_its_iterator_in_the_child(counter: Counting) -> None:
    async with aclosing(counter.stream(Count(1_000_000))) as stream:
        assert await anext(stream) == 0
        assert await items(counter, Tell("closed")) == [0]
    assert await items(counter, Tell("closed")) == [1]


async def test_an_error_of_ours_arrives_as_it_was_raised(counter: Counting) -> None:
    with pytest.raises(InputError, match="Expected an even number"):
        await items(counter, Count(3, at=1, what="refuse"))
    assert await items(counter, Count(2)) == [0, 1]


async def test_an_engines_own_kind_of_our_error_arrives_as_ours(counter: Counting) -> None:
    with pytest.raises(ConfigError, match=r"^Expected one thing, found another\.$") as caught:
        await items(counter, Count(3, at=1, what="subclass"))
    assert type(caught.value) is ConfigError


async def test_a_foreign_error_is_told_by_type_and_place_without_its_words(
    counter: Counting,
) -> None:
    with pytest.raises(WorkerError, match=r"KeyError at services\.py:\d+") as caught:
        await items(counter, Count(3, at=1, what="break"))
    assert "something a user said" not in str(caught.value)


async def test_a_dead_child_fails_its_streams_and_serves_the_next_request(
    counter: Counting, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        async with aclosing(counter.stream(Count(1_000_000))) as other:
            await anext(other)
            with pytest.raises(WorkerError, match="counter process ended"):
                await items(counter, Count(3, at=1, what="die"))
            with pytest.raises(WorkerError, match="counter process ended"):
                async for _ in other:
                    pass
    assert await items(counter, Count(2)) == [0, 1]


async def test_a_reader_learns_of_a_worker_that_is_closed_under_it(counter: Counting) -> None:
    async with aclosing(counter.stream(Count(1_000_000))) as stream:
        await anext(stream)
        await counter.aclose()
        with pytest.raises(WorkerError, match="counter process ended"):
            async for _ in stream:
                pass


async def test_a_model_that_cannot_be_opened_is_told_at_start() -> None:
    worker = Worker("empty", open_nothing)
    for _ in range(2):
        with pytest.raises(StoreError, match="Expected a model"):
            await worker.start()
    await worker.aclose()


async def test_capabilities_come_with_readiness(counter: Counting) -> None:
    with pytest.raises(WorkerError, match="await `start` first"):
        _ = counter.capabilities
    await counter.start()
    assert counter.capabilities == "counts"


async def test_capabilities_that_cannot_be_sent_are_a_failure_to_open() -> None:
    worker = Worker("untold", open_untold)
    with pytest.raises(WorkerError, match=r"The model failed with \w+ at"):
        await worker.start()
    await worker.aclose()


async def test_a_stream_waits_for_its_reader(counter: Counting) -> None:
    async with aclosing(counter.stream(Count(1_000_000))) as stream:
        await anext(stream)
        # A whole other stream has been served meanwhile: the first had the time to run ahead.
        await items(counter, Count(200))
        # One taken, two ahead; and the other stream's two hundred.
        assert await items(counter, Tell("made")) == [203]


async def test_cancelling_the_reader_cancels_the_stream(counter: Counting) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in counter.stream(Count(10_000_000)):
            begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])
    assert await items(counter, Tell("opened")) == [1]
    assert await items(counter, Tell("closed")) == [1]


async def test_one_step_advances_every_stream_that_is_live(batched: Batching) -> None:
    rows = await asyncio.gather(*(items(batched, Count(20)) for _ in range(3)))
    assert [[row.number for row in each] for each in rows] == [list(range(20))] * 3
    assert max(row.batch for each in rows for row in each) == 3


async def test_a_stream_that_fails_in_a_batch_leaves_its_neighbours(batched: Batching) -> None:
    fine, failing, refused = await asyncio.gather(
        items(batched, Count(20)),
        items(batched, Count(20, at=3, what="refuse")),
        items(batched, Count(-1)),
        return_exceptions=True,
    )
    assert isinstance(fine, list)
    assert [row.number for row in fine] == list(range(20))
    assert isinstance(failing, InputError)
    assert isinstance(refused, InputError)


async def test_a_batch_that_names_a_stream_it_was_not_given_is_a_defect(batched: Batching) -> None:
    with pytest.raises(WorkerError, match="KeyError"):
        await items(batched, Count(20, at=3, what="stray"))
    assert len(await items(batched, Count(20))) == 20


async def test_a_step_that_raises_ends_what_it_was_given_and_no_other(batched: Batching) -> None:
    async with aclosing(batched.stream(Count(10))) as lagging:
        await anext(lagging)
        await items(batched, Count(20))  # meanwhile it has come to the end of its window
        with pytest.raises(WorkerError, match=r"KeyError at services\.py"):
            await items(batched, Count(20, at=3, what="break"))
        assert [row.number async for row in lagging] == list(range(1, 10))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the gate is a named pipe")
async def test_what_a_step_yields_is_read_while_the_step_goes_on(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    worker = Worker("gated", partial(open_gated, gate))
    behind = asyncio.create_task(items(worker, Count(1, at=0, what="wait")))
    try:
        async with aclosing(worker.stream(Count(1_000_000))) as stream:
            async for row in stream:
                if row.batch == 2:  # made by the step that is now waiting at the gate
                    break
        assert not behind.done()
        await asyncio.to_thread(gate.write_text, "open")
        assert [row.number for row in await behind] == [0]
    finally:
        await worker.aclose()


async def test_a_service_may_make_more_at_once_than_a_reader_has_room_for() -> None:
    worker = Worker("greedy", open_greedy, room=Room(window=2))
    try:
        assert [row.number for row in await items(worker, Count(25))] == list(range(25))
    finally:
        await worker.aclose()


def test_no_more_is_sent_ahead_of_a_reader_than_the_window() -> None:
    ours, theirs = Pipe()
    stream_loop = StreamLoop(theirs, Reports(theirs), open_greedy(), 2, Work())
    loop = threading.Thread(target=run_loop, args=(stream_loop,))
    loop.start()
    ours.send(Start(1, Count(25)))
    ours.send(Start(2, Count(1)))
    reports = []
    while not isinstance(report := ours.recv(), StreamEnded):
        reports.append(report)
    assert report.stream == 2
    assert [each.item.number for each in reports if each.stream == 1] == [0, 1]
    ours.send(Taken(1))
    more = ours.recv()
    assert isinstance(more, Made)
    assert (more.stream, more.item.number) == (1, 2)
    ours.close()
    loop.join()


def run_loop(loop: StreamLoop[Count, Batched, Row, None]) -> None:
    with suppress(EOFError):
        loop.run()
