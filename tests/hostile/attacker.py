"""The process of the attackers: `python -m tests.hostile.attacker NAME CONNECTIONS` < target."""

import asyncio
import json
import resource
import sys
from contextlib import suppress

from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.wire import Target


async def again_and_again(attack: Attack, target: Target) -> None:
    while True:
        # Whoever is thrown out comes back.
        with suppress(
            OSError,
            EOFError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
            ExceptionGroup,
        ):
            await attack(target)
        await asyncio.sleep(0)


def open_many_files() -> None:
    """The attackers have as many sockets as the system allows them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def main(name: str, connections: int, target: Target) -> None:
    open_many_files()
    print("begins", flush=True)
    async with asyncio.TaskGroup() as attackers:
        for _ in range(connections):
            attackers.create_task(again_and_again(ATTACKS[name], target))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Target(**json.loads(sys.stdin.readline()))))
