"""Our dialogue engine beside a real llama.cpp, on the same weights and the same tokens.

python -m tests.bench.llama FILE.gguf BUNDLE [--threads 2] [--rounds 3] [--sessions 1 8 16]

Needs `npm ci --prefix tests/llama --omit=optional`. Rounds are interleaved and medians are told:
trust the ratios of one run. A session is a persona that was read before
and a question of its own; `read` is a prompt of about 400 tokens that nobody has read.
"""

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from idol_runtime.character import Sampling
from idol_runtime.dialogue.chat import open_chat
from idol_runtime.dialogue.config import read_config
from idol_runtime.dialogue.engine import Dialogue
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    GenerationDone,
    TextDelta,
)
from idol_runtime.dialogue.model import open_decoder
from idol_runtime.inference.bundle import open_verified

LLAMA: Final = Path(__file__).parents[1] / "llama"
NEW: Final = 48
PERSONA: Final = (
    "You are Mira, who keeps the inn at the harbour of Oakvale. You speak warmly and in one or two "
    "short sentences. A room costs nine silver pieces, a stew three. Your brother Tam is a smith "
    "and makes swords for fifty gold. The red ship burned last night, and nobody knows why. You "
    "like rain, old songs and people who wipe their boots. You do not like the tax collector. "
) * 3
QUESTIONS: Final = (
    "Do you have a room for tonight?", "What happened to the red ship?", "Who is your brother?",
    "What does a stew cost?", "Tell me of the harbour.", "Do you like the rain?",
    "Why is the tax collector here?", "Would you sing an old song for me?",
)  # fmt: skip
GREEDY: Final = Sampling(temperature=0.0, repetition_penalty=1.0)


@dataclass(frozen=True, slots=True)
class Race:
    """What one engine did with one job."""

    tokens: int
    """Written."""
    wall_s: float
    first_s: tuple[float, ...]
    gaps_s: tuple[float, ...]
    """Between two pieces of one reply."""
    each: tuple[int, ...]
    """Tokens of each reply."""

    @property
    def rate(self) -> float:
        """Tokens a second of all replies together, their prompts' reading included."""
        return self.tokens / self.wall_s

    @property
    def decode_rate(self) -> float:
        """Tokens a second of one reply, without its prompt."""
        return 1 / statistics.mean(self.gaps_s)

    @property
    def p95_ms(self) -> float:
        return 1000 * sorted(self.gaps_s)[int(0.95 * (len(self.gaps_s) - 1))]


FIGURES: Final[dict[str, Callable[[Race], float]]] = {
    "decode, tokens/s": lambda run: run.decode_rate,
    "all, tokens/s": lambda run: run.rate,
    "between two tokens, p95 ms": lambda run: run.p95_ms,
    "first, median s": lambda run: statistics.median(run.first_s),
}


def asked(persona: str, count: int) -> list[tuple[ChatMessage, ...]]:
    return [
        (ChatMessage("system", persona), ChatMessage("user", QUESTIONS[at % len(QUESTIONS)]))
        for at in range(count)
    ]


def ours(engine: Dialogue, conversations: Sequence[tuple[ChatMessage, ...]]) -> Race:
    """All conversations at once, through the door that the product uses."""
    started = time.perf_counter()
    requests = [DialogueRequest(each, GREEDY, max_tokens=NEW, seed=1) for each in conversations]
    live = [engine.open(request) for request in requests]
    last = dict.fromkeys(live, started)
    firsts: list[float] = []
    gaps: list[float] = []
    lengths: dict[Any, int] = {}
    everybody = tuple(live)
    while live:
        for stream, item in engine.step(live):
            now = time.perf_counter()
            if isinstance(item, TextDelta):
                (gaps if stream in lengths else firsts).append(now - last[stream])
                lengths.setdefault(stream, 0)
                last[stream] = now
            elif isinstance(item, GenerationDone):
                lengths[stream] = item.completion_tokens
                live.remove(stream)
                engine.close(stream)
    wall = time.perf_counter() - started
    each = tuple(lengths[stream] for stream in everybody)
    return Race(sum(each), wall, tuple(firsts), tuple(gaps), each)


def llamas(
    file: Path, threads: int, prefix: list[int], rows: Sequence[tuple[list[int], int]]
) -> Race:
    job = {
        "file": str(file.absolute()),
        "threads": threads,
        "context": max(len(prefix) + len(ids) + new for ids, new in rows) + 64,
        "prefix": prefix,
        "rows": [{"ids": ids, "new": new} for ids, new in rows],
    }
    told = subprocess.run(
        ["node", "bench.mjs"],
        cwd=LLAMA,
        input=json.dumps(job).encode(),
        capture_output=True,
        check=True,
    ).stdout
    found = json.loads(told.splitlines()[-1])
    return Race(
        found["tokens"],
        found["wall_s"],
        tuple(found["first_s"]),
        tuple(found["gaps_s"]),
        tuple(new for _, new in rows),
    )


class Rivals:
    """Both engines, opened on one model."""

    def __init__(self, file: Path, bundle: Path, threads: int) -> None:
        self.file, self.threads = file, threads
        self.engine = open_decoder(bundle, "cpu", threads)
        chat = open_chat(bundle, read_config(open_verified(bundle, "dialogue")))
        self.encode: Callable[[Sequence[ChatMessage]], list[int]] = chat.encode
        self.read = 0

    def sessions(self, count: int) -> tuple[Race, Race]:
        conversations = asked(PERSONA, count)
        ours(self.engine, conversations[:1])  # the persona is warm
        mine = ours(self.engine, conversations)
        encoded = [self.encode(each) for each in conversations]
        shared = _shared(encoded) if count > 1 else max(0, len(encoded[0]) - 16)
        rows = [(ids[shared:], new or NEW) for ids, new in zip(encoded, mine.each, strict=True)]
        return mine, llamas(self.file, self.threads, encoded[0][:shared], rows)

    def reading(self) -> tuple[float, float]:
        """Tokens a second at which either reads what nobody has read before."""
        self.read += 1
        [conversation] = asked(f"Day {self.read * 7919}. {PERSONA}", 1)
        ids = self.encode(conversation)
        mine = ours(self.engine, [conversation])
        theirs = llamas(self.file, self.threads, [], [(ids, 1)])
        return len(ids) / mine.first_s[0], len(ids) / theirs.first_s[0]


def _shared(encoded: Sequence[list[int]]) -> int:
    return next(at for at, column in enumerate(zip(*encoded, strict=False)) if len({*column}) > 1)


def main(options: argparse.Namespace) -> None:
    rivals = Rivals(options.file, options.bundle, options.threads)
    reads = [rivals.reading() for _ in range(options.rounds)]
    _tell("read, tokens/s", *map(statistics.median, zip(*reads, strict=True)))
    for count in options.sessions:
        runs = [rivals.sessions(count) for _ in range(options.rounds)]
        for name, figure in FIGURES.items():
            if count == 1 or figure is not FIGURES["decode, tokens/s"]:
                medians = [statistics.median(map(figure, of)) for of in zip(*runs, strict=True)]
                _tell(f"{count} sessions: {name}", *medians)


def _tell(what: str, mine: float, theirs: float) -> None:
    print(
        f"{what:38} ours {mine:8.2f}  llama.cpp {theirs:8.2f}  ratio {mine / theirs:5.2f}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("file", type=Path, help="a GGUF file")
    parser.add_argument("bundle", type=Path, help="what `idol models import` made of it")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, nargs="*", default=[1, 8, 16])
    main(parser.parse_args())
