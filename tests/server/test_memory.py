"""What sessions held goes back to the system when they have left."""

import asyncio
import gc
import subprocess
import sys

import pytest

from idol_runtime.conversation.items import Items
from idol_runtime.server.journal import Journal
from idol_runtime.server.memory import FreedMemory
from idol_runtime.server.session import Session
from tests.server.conftest import OpenScene

HOLES = """
from idol_runtime.server.memory import trim

def resident_mb():
    with open("/proc/self/status") as status:
        return next(int(each.split()[1]) / 1024 for each in status if each.startswith("VmRSS"))

texts = [str(at) * 2_000 for at in range(10_000)]
kept = texts[::50]
texts.clear()
before_mb = resident_mb()
trim()
print(before_mb - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has holes to give back")
def test_holes_between_what_is_in_use_are_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    assert float(ran.stdout) > 20


async def test_all_who_ask_at_once_are_served_at_once() -> None:
    trimmed: list[float] = []
    loop = asyncio.get_running_loop()
    memory = FreedMemory(lambda: trimmed.append(loop.time()), after_s=0.0)
    for _ in range(3):
        memory.give_back_soon()
    assert trimmed == []
    await settle()
    assert len(trimmed) == 1
    memory.give_back_soon()
    await settle()
    assert len(trimmed) == 2


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_session_that_leaves_gives_its_memory_back(open_scene: OpenScene) -> None:
    given_back = asyncio.Event()
    scene = await open_scene(memory=FreedMemory(given_back.set, after_s=0.0))
    async with scene.client() as client:
        await client.say("Hi.")
        assert not given_back.is_set()
    async with asyncio.timeout(10):
        await given_back.wait()


@pytest.mark.parametrize("lane", ["realtime", "idol.v1"])
async def test_what_a_session_held_is_free_when_it_has_left(
    open_scene: OpenScene, lane: str
) -> None:
    """Without waiting for a search for circles, which may be minutes away."""
    scene = await open_scene()
    gc.collect()
    gc.disable()
    try:
        async with scene.client(lane) as client:
            await client.ask("Hi.")
            await client.alive()
            assert held()
        async with asyncio.timeout(20):
            while held():
                await asyncio.sleep(0)
    finally:
        gc.enable()


def held() -> list[object]:
    # By type: asking some lazy object of a library for its class makes it warn.
    return [each for each in gc.get_objects() if type(each) in (Session, Items, Journal)]
