"""Real children that are stopped, killed, stuck or orphaned."""

import asyncio
import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from idol_runtime.errors import RequestError, WorkerError
from idol_runtime.inference.messages import BEAT_S
from idol_runtime.inference.process import Room
from idol_runtime.inference.vitals import Patience
from idol_runtime.inference.worker import Worker, WorkerEvent
from tests.inference.services import (
    Count,
    Row,
    Tell,
    open_batched,
    open_counter,
    open_gated,
    open_told,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here"),
    pytest.mark.filterwarnings("error"),
]

ROOT = Path(__file__).parents[2]
HASTY = Patience(silence_s=2 * BEAT_S, step_s=2 * BEAT_S)
Counting = Worker[Count | Tell, int, str]


@dataclass(frozen=True)
class Long(Count):
    """A request that fills the pipe."""

    history: object = ""


@pytest.fixture
async def counter() -> AsyncIterator[Counting]:
    worker = Worker("counter", open_counter, room=Room(window=2))
    await worker.start()
    yield worker
    await worker.aclose()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def stop(worker: Worker[Count | Tell, int, str]) -> int:
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    return worker.pid


async def items(worker: Counting, request: Count | Tell) -> list[int]:
    return [item async for item in worker.stream(request)]


async def test_a_stopped_child_never_holds_up_the_loop(counter: Counting) -> None:
    pid = stop(counter)
    was_late = threading.Event()

    def wake() -> None:  # so that a loop that is held up fails the test instead of hanging it
        was_late.set()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    alarm = threading.Timer(5, wake)
    alarm.start()
    try:
        for _ in range(60):
            request = Long(3, history="h" * 1_000_000)
            reading = asyncio.create_task(anext(counter.stream(request)))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
        assert not was_late.is_set()
    finally:
        alarm.cancel()
    os.kill(pid, signal.SIGCONT)
    assert await items(counter, Count(3)) == [0, 1, 2]
    # Of those that were cancelled, it was told of what the pipe had room for.
    [opened] = await items(counter, Tell("opened"))
    assert opened <= 3
    assert await items(counter, Tell("closed")) == [opened]


async def test_a_stopped_child_is_ended_and_another_one_serves() -> None:
    worker = Worker(
        "counter", open_counter, room=Room(window=2), patience=Patience(silence_s=2 * BEAT_S)
    )
    events: list[WorkerEvent] = []
    worker.on_event = events.append
    try:
        await worker.start()
        assert worker.problem is None
        async with aclosing(worker.stream(Count(1_000_000))) as stream:
            await anext(stream)
            pid = stop(worker)
            with pytest.raises(WorkerError, match=r"counter process gave no sign of life.*ended"):
                async for _ in stream:
                    pass
        assert await items(worker, Count(2)) == [0, 1]
        assert worker.pid != pid
        assert events == ["hang", "restart"]
        assert worker.problem is None
    finally:
        await worker.aclose()


@pytest.mark.parametrize("is_draining", [False, True])
async def test_a_step_that_never_ends_is_a_hang(tmp_path: Path, is_draining: bool) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    patience = Patience() if is_draining else HASTY
    worker = Worker("gated", partial(open_gated, gate), patience=patience)
    try:
        reading = asyncio.create_task(anext(worker.stream(Count(1, at=0, what="wait"))))
        await worker.start()
        if is_draining:
            worker.drain()
        with pytest.raises(WorkerError, match=r"gated process was at one step for \d s"):
            await reading
        if is_draining:
            with pytest.raises(WorkerError, match="stopped with the server"):
                await worker.start()
        else:
            await worker.start()
    finally:
        await worker.aclose()


async def test_a_child_that_keeps_dying_is_started_later_each_time(counter: Counting) -> None:
    events: list[WorkerEvent] = []
    counter.on_event = events.append
    with pytest.raises(WorkerError, match="ended before it finished"):
        await items(counter, Count(3, at=1, what="die"))
    with pytest.raises(WorkerError, match="ended before it finished"):
        await items(counter, Count(3, at=1, what="die"))
    assert events == ["restart"]
    for _ in range(50):  # at once, and without a process
        with pytest.raises(WorkerError, match=r"ended before.*It is started again in 1 s"):
            await items(counter, Count(1))
    assert counter.problem is not None
    assert "started again in 1 s" in counter.problem
    assert counter.pid is None


async def test_closing_does_not_wait_for_a_stopped_child(counter: Counting) -> None:
    pid = stop(counter)
    await asyncio.wait_for(counter.aclose(), 5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_no_more_streams_are_live_than_there_are_places() -> None:
    room = Room(window=2, streams=2, waiting=3)
    worker: Worker[Count, Row, None] = Worker("batched", open_batched, room=room)
    try:
        await worker.start()
        tasks = [asyncio.create_task(rows(worker, 20)) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(RequestError, match="2 requests and 3 wait") as refused:
            await rows(worker, 1)
        assert refused.value.code == "server_overloaded"
        made = await asyncio.gather(*tasks)
        assert [len(each) for each in made] == [20] * 5
        assert max(row.batch for each in made for row in each) == 2
    finally:
        await worker.aclose()


async def test_a_request_that_leaves_the_queue_is_never_made(counter: Counting) -> None:
    worker = Worker("counter", open_counter, room=Room(window=2, streams=1, waiting=9))
    try:
        async with aclosing(worker.stream(Count(1_000_000))) as stream:
            await anext(stream)
            waiting = [asyncio.create_task(items(worker, Count(2))) for _ in range(3)]
            await asyncio.sleep(0)
            for each in waiting[:2]:
                each.cancel()
            await asyncio.wait(waiting[:2])
        assert await waiting[2] == [0, 1]
        assert await items(worker, Tell("opened")) == [2]
    finally:
        await worker.aclose()


async def rows(worker: Worker[Count, Row, None], number: int) -> list[Row]:
    return [row async for row in worker.stream(Count(number))]


async def test_a_request_that_cannot_be_sent_fails_alone(counter: Counting) -> None:
    request = Long(1, history=lambda: "cannot be pickled")
    with pytest.raises(WorkerError, match="The model failed with"):
        await items(counter, request)
    assert await items(counter, Count(2)) == [0, 1]


async def test_a_child_knows_its_environment_before_anything_is_imported() -> None:
    worker = Worker("told", partial(open_told, "NUMPY_MADVISE_HUGEPAGE"))
    try:
        await worker.start()
        assert worker.capabilities == ("0", False)
    finally:
        await worker.aclose()
    assert "NUMPY_MADVISE_HUGEPAGE" not in os.environ


PARENT = """
import asyncio, sys
from pathlib import Path
from functools import partial
from idol_runtime.inference.worker import Worker
from tests.inference.services import open_counter

async def main():
    if sys.argv[1] == "opening":
        worker = Worker("opening", partial(Path(sys.argv[2]).read_text))
        opening = asyncio.create_task(worker.start())
    else:
        worker = Worker("counter", open_counter)
        await worker.start()
    while worker.pid is None:
        await asyncio.sleep(0.01)
    print(worker.pid, flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="its end is awaited by pidfd")
@pytest.mark.parametrize("child", ["idle", "opening", "stopped"])
def test_no_child_outlives_a_killed_parent(tmp_path: Path, child: str) -> None:
    script, gate = tmp_path / "parent.py", tmp_path / "gate"
    script.write_text(PARENT)
    os.mkfifo(gate)
    path = os.pathsep.join([str(ROOT), str(ROOT / "protocol")])
    with subprocess.Popen(
        [sys.executable, str(script), child, str(gate)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        handle = os.pidfd_open(pid)
        if child == "stopped":
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    gone, _, _ = select.select([handle], [], [], 10)
    os.close(handle)
    assert gone
