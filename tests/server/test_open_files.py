"""More connections than the system has files for."""

import asyncio
import socket
import subprocess
import sys
from contextlib import ExitStack

from websockets.asyncio.client import connect


async def test_a_server_without_files_says_so_once_and_lets_the_honest_in() -> None:
    server = await asyncio.create_subprocess_exec(
        *("sh", "-c", 'ulimit -n 64 && exec "$0" -m tests.server.crowded', sys.executable),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        async with asyncio.timeout(60):
            port = int(await server.stdout.readline())
            with ExitStack() as silent:
                for _ in range(60):
                    silent.enter_context(socket.create_connection(("127.0.0.1", port)))
                url = f"ws://127.0.0.1:{port}/v1/realtime"
                async with connect(url, open_timeout=50) as client:
                    assert b"session.created" in await client.recv(decode=False)
    finally:
        server.terminate()
        _, said = await server.communicate()
    told = said.decode()
    assert told.count("ulimit -n") == 2, told  # few places at the start, and none now
    assert "Traceback" not in told
    assert len(told) < 1000
