"""A server whose process has hardly an open file left: `python -m tests.server.crowded`."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from idol_runtime.engine.cast import LiveCast
from idol_runtime.server.config import ServerConfig
from idol_runtime.server.server import Server, open_server
from tests.server.conftest import SteppedStage

LEFT = 4
"""Open files that remain for connections."""


async def main() -> None:
    stage = SteppedStage()
    server = Server(ServerConfig(port=0), LiveCast(stage, [stage.member()]))
    async with open_server(server):
        taken: list[TextIO] = []
        with suppress(OSError):
            while True:
                taken.append(Path("/dev/null").open())  # noqa: ASYNC230, SIM115 - held on purpose
        for each in taken[:LEFT]:
            each.close()
        print(server.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
