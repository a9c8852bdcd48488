"""How fast a dialogue bundle reads and writes here, and the memory it takes.

python -m idol_runtime.bench.dialogue_speed FOLDER THREADS
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import psutil

from idol_runtime.character import Sampling
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, GenerationDone, TextDelta
from idol_runtime.dialogue.model import open_decoder
from idol_runtime.errors import BundleError
from idol_runtime.store.speed import Speed, this_machine

TOKENS: Final = 24
PERSONA: Final = (
    "You are Mira, who keeps the inn at the harbour. You answer warmly, in one or two sentences. A "
    "room costs nine silver pieces, a stew three. Your brother is a smith who makes swords."
)


def measure_speed(bundle: Path, threads: int) -> Speed:
    """In a process of its own, so that the memory told is the model's.

    Raises:
        BundleError: the model does not open, or does not answer.
    """
    command = [sys.executable, "-m", "idol_runtime.bench.dialogue_speed", str(bundle), str(threads)]
    ran = subprocess.run(command, capture_output=True, check=False)
    try:
        return msgspec.json.decode(ran.stdout, type=Speed)
    except msgspec.DecodeError:
        last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise BundleError(
            f"{bundle}: expected a model that answers, but {' '.join(last) or 'it ended'}; import "
            "it again."
        ) from None


def measured(bundle: Path, threads: int) -> Speed:
    """Opens the model here, and has it read a persona and write a reply."""
    engine = open_decoder(bundle, "cpu", threads)
    messages = (ChatMessage("system", PERSONA), ChatMessage("user", "Do you have a room?"))
    sampling = Sampling(temperature=0.0, enough_tokens=0)
    started = time.perf_counter()
    stream = engine.open(DialogueRequest(messages, sampling, max_tokens=TOKENS, seed=1))
    first_s, done = 0.0, None
    while done is None:
        for _, item in engine.step([stream]):
            if isinstance(item, TextDelta) and not first_s:
                first_s = time.perf_counter() - started
            if isinstance(item, GenerationDone):
                done = item
    engine.close(stream)
    wrote_s = max(time.perf_counter() - started - first_s, 1e-6)
    return Speed(
        tokens_per_s=round((done.completion_tokens - 1) / wrote_s, 1),
        read_tokens_per_s=round(done.prompt_tokens / max(first_s, 1e-6), 1),
        memory_bytes=int(psutil.Process().memory_info().rss),
        machine=this_machine(),
    )


if __name__ == "__main__":
    print(msgspec.json.encode(measured(Path(sys.argv[1]), int(sys.argv[2]))).decode())
