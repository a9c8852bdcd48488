"""Nobody who connects can hurt the others: a victim looks on while attackers do their worst."""

import asyncio

import pytest

from tests.hostile.attacks import ATTACKS
from tests.hostile.conftest import Served, attacked
from tests.hostile.victim import Victim, victim_of

pytestmark = [pytest.mark.models, pytest.mark.slow]

MANY = 16
WORST_GAP_MS = 100.0
GIVEN_BACK_TO_MB = 10.0
TRIES = 3
"""A busy machine is late now and then, under an attack that works it is every time."""


@pytest.mark.parametrize("name", ATTACKS)
async def test_the_others_notice_nothing(hostile_served: Served, name: str) -> None:
    async with asyncio.timeout(120), victim_of(hostile_served.target) as victim:
        await victim.watch(0.1)
        for connections in (1, MANY):
            gaps_ms = [await worst_gap_ms(victim, hostile_served, name, connections)]
            while len(gaps_ms) < TRIES and min(gaps_ms) > WORST_GAP_MS:
                gaps_ms.append(await worst_gap_ms(victim, hostile_served, name, connections))
            assert min(gaps_ms) <= WORST_GAP_MS, f"{connections} connections: {gaps_ms} ms"
        # What an attack takes it gives back: all that it ever will have taken the first time.
        before_mb = await settled_mb(victim, hostile_served)
        async with attacked(hostile_served.target, name, MANY):
            await victim.watch(0.5)
        assert await settled_mb(victim, hostile_served) <= before_mb + GIVEN_BACK_TO_MB


async def worst_gap_ms(victim: Victim, served: Served, name: str, connections: int) -> float:
    """Between two faces, while many attack, the victim talks and others come to look on."""
    async with attacked(served.target, name, connections):
        victim.begin()
        if connections > 1:
            assert (await victim.turn("Hi!"))["status"] != "cancelled"
        async with victim_of(served.target) as honest:
            await honest.watch(0.1)
        await victim.watch(0.2)
    return max(victim.worst_gap_ms, victim.worst_skip_ms)


async def settled_mb(victim: Victim, served: Served) -> float:
    """What the server has when it gives nothing more back."""
    before_mb, now_mb = 1e9, served.resident_mb()
    while now_mb < before_mb - 1:
        await victim.watch(0.3)
        before_mb, now_mb = now_mb, served.resident_mb()
    return now_mb
