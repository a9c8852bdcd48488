"""What a conversation costs its user: `idol serve` as it is started, with the default character.

    python -m tests.bench.talk [--pause 1.5]

Ten turns of one conversation with somebody whom she knows, one after the other, each some time
after she has said the last one. Of each: tokens of its prompt that had to be read, seconds to the
first words and to the first sound, as a client sees them.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.request import urlopen
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from tests.serving import serving

LINES: Final = (
    "Hi, I'm Sam!", "I just baked some bread.", "With too much salt.", "Do you like soup?",
    "I'm in the garden now.", "There is a squirrel on the roof.", "It dropped a nut on me!",
    "What should I do?", "Okay, I gave it back.", "What would you call it?",
)  # fmt: skip
TEXT: Final = ("response.output_audio_transcript.delta", "response.output_text.delta")
SOUND: Final = "response.output_audio.delta"
PROMPT, CACHED = "idol_lm_prompt_tokens_total", "idol_lm_cached_tokens_total"


@dataclass(frozen=True, slots=True)
class Heard:
    """One turn."""

    read_tokens: float
    first_text_s: float
    first_sound_s: float


async def talk(address: str, lines: Sequence[str], pause_s: float) -> list[Heard]:
    """Says the lines to the server at `host:port`."""
    heard = []
    async with connect(f"ws://{address}/v1/realtime?user={uuid4().hex}") as socket:
        for line in lines:
            heard.append(await _turn(socket, address, line))
            await asyncio.sleep(pause_s)
    return heard


async def _turn(socket: ClientConnection, address: str, line: str) -> Heard:
    clock = asyncio.get_running_loop().time
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": line}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": message}))
    before, started_s = await _read_tokens(address), clock()
    await socket.send(json.dumps({"type": "response.create"}))
    came: dict[str, float] = {}
    async for received in socket:
        if isinstance(received, str):
            kind = json.loads(received)["type"]
            came.setdefault("text" if kind in TEXT else kind, clock() - started_s)
            if kind == "response.done":
                break
    return Heard(await _read_tokens(address) - before, came["text"], came[SOUND])


async def _read_tokens(address: str) -> float:
    def fetch() -> str:
        with urlopen(f"http://{address}/metrics") as page:
            return str(page.read().decode())

    counts = dict(line.rsplit(" ", 1) for line in (await asyncio.to_thread(fetch)).splitlines())
    return float(counts[PROMPT]) - float(counts[CACHED])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pause", type=float, default=1.5, help="seconds before each next line")
    pause_s: float = parser.parse_args().pause
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), "--port", "0") as server:
        heard = asyncio.run(talk(server.address, LINES, pause_s))
    for line, turn in zip(LINES, heard, strict=True):
        print(
            f"{turn.read_tokens:4.0f} tokens read, first words {turn.first_text_s:.2f} s, first "
            f"sound {turn.first_sound_s:.2f} s: {line}"
        )
    later = heard[1:]
    print(
        f"after the first, medians: {statistics.median(each.read_tokens for each in later):.0f} "
        f"tokens read, first words {statistics.median(each.first_text_s for each in later):.2f} s, "
        f"first sound {statistics.median(each.first_sound_s for each in later):.2f} s"
    )


if __name__ == "__main__":
    main()
