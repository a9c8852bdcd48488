"""A served character with a token, as a host has it, and processes that attack it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.hostile.wire import Target
from tests.serving import serving

TOKEN = "the-word-of-viewers"
OPEN_FILES = 1024
MOST_LOGGED = 4096
"""Bytes of log, whatever happens: who can make a server write fills its disk."""


@dataclass(frozen=True, slots=True)
class Served:
    target: Target
    pid: int

    def workers(self) -> list[int]:
        """The processes that hold the models."""
        return [each for each in _family(self.pid) if b"spawn_main" in _command(each)]

    def resident_mb(self) -> float:
        """Of the server and its workers."""
        return sum(_resident_kb(each) for each in _family(self.pid)) / 1000


@pytest.fixture(scope="session")
def hostile_served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`idol serve` with the real models."""
    folder = tmp_path_factory.mktemp("hostile")
    config = folder / "idol.toml"
    config.write_text("[server]\nport = 0\n[engine]\nthreads = 1\n", encoding="utf-8")
    # As many open files as most systems allow: fewer than an attack has sockets.
    limited = ["sh", "-c", f'ulimit -n {OPEN_FILES} && exec "$0" "$@"']
    arguments = ["--config", str(config)]
    with serving(folder, *arguments, env={"IDOL_TOKEN": TOKEN}, before=limited) as server:
        host, port = server.address.split(":")
        yield Served(Target(host, int(port), TOKEN), server.pid)
    said = server.log.read_text()
    assert "Traceback" not in said
    assert len(said) < MOST_LOGGED, said[:MOST_LOGGED]


@asynccontextmanager
async def attacked(target: Target, name: str, connections: int) -> AsyncIterator[None]:
    """Meanwhile so many connections of another process do their worst."""
    attacker = await asyncio.create_subprocess_exec(
        *("nice", "-n", "19", sys.executable, "-m", "tests.hostile.attacker"),
        *(name, str(connections)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert attacker.stdin is not None
    assert attacker.stdout is not None
    attacker.stdin.write(json.dumps(asdict(target)).encode() + b"\n")
    try:
        assert await attacker.stdout.readline() == b"begins\n"
        yield
        assert attacker.returncode is None, "the attackers gave up"
    finally:
        if attacker.returncode is None:
            attacker.kill()
        await attacker.wait()


def _family(pid: int) -> list[int]:
    """A process and all that came of it."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(each) for task in tasks.iterdir() for each in _children(task)]
    return [pid, *(each for child in children for each in _family(child))]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(task: Path) -> list[str]:
    return (task / "children").read_text().split()


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmRSS:"))
