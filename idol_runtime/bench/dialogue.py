"""What one dialogue model carries: sessions together, a long prompt among them, a drawn token."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from idol_runtime.bench.turn import machine
from idol_runtime.character import Sampling
from idol_runtime.conversation.models import DIALOGUE_ENGINES
from idol_runtime.dialogue.engine import Dialogue
from idol_runtime.dialogue.messages import (
    ChatMessage,
    DialogueRequest,
    GenerationDone,
    GenerationOptions,
    TextDelta,
)
from idol_runtime.dialogue.repetition import RepeatedRuns
from idol_runtime.dialogue.sampling import Sampler
from idol_runtime.errors import InputError
from idol_runtime.inference.service import StreamEnd
from idol_runtime.inference.session import Provider

PERSONA: Final = (
    "You are Orla, who looks after the lamp of a lighthouse and has done so for thirty years. You "
    "know every ship by its lights. You speak kindly and in short sentences, you like tea with "
    "honey, and you do not care for gulls. Your cat is called Compass. Last winter the sea took "
    "the lower stairs, and you built them anew with your own hands. "
) * 4
QUESTIONS: Final = (
    "Who are you?",
    "What was the last ship you saw?",
    "Is it not lonely out here?",
    "Tell me about your cat, please.",
    "How did you build the stairs?",
)
VOCABULARIES: Final = (49_152, 151_936)
"""Of SmolLM2 and of Qwen."""
WRITTEN: Final = 64
TALKERS: Final = 8
"""Who write on while the long prompt is read."""


@dataclass
class Times:
    """When the pieces of some replies came."""

    started_s: float
    first_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    """Between two pieces of one reply."""
    last: dict[Any, float] = field(default_factory=dict)
    tokens: int = 0
    cached: int = 0
    prompts: int = 0

    def take(self, stream: Any, item: object, now_s: float) -> None:
        if isinstance(item, TextDelta):
            if stream in self.last:
                self.gaps_s.append(now_s - self.last[stream])
            else:
                self.first_s.append(now_s - self.started_s)
            self.last[stream] = now_s
        elif isinstance(item, GenerationDone):
            self.tokens += item.completion_tokens
            self.cached += item.cached_tokens
            self.prompts += item.prompt_tokens


def bench_dialogue(
    folder: Path,
    *,
    provider: Provider,
    threads: int,
    sessions: Sequence[int],
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Runs the model of a bundle in this process, and reports medians of `rounds`.

    Every session knows the same persona, which was read before, and asks all at once; in its
    rounds it goes on with its own conversation. Sessions of all sizes take turns in each round.
    """
    service = DIALOGUE_ENGINES.of(folder)(folder, provider, threads)
    _serve(service, [_request(0, ())], clock)
    said: dict[tuple[int, int], tuple[ChatMessage, ...]] = {}
    measured: dict[int, list[Times]] = {size: [] for size in sessions}
    seconds: dict[int, list[float]] = {size: [] for size in sessions}
    steps = rounds * len(sessions) + 1
    for number in range(rounds):
        for place, size in enumerate(sessions):
            progress(number * len(sessions) + place, steps)
            keys = [(size, each) for each in range(size)]
            requests = [_request(each + number, said.get((size, each), ())) for _, each in keys]
            started_s = clock()
            times, replies = _serve(service, requests, clock)
            seconds[size].append(clock() - started_s)
            measured[size].append(times)
            for key, request, reply in zip(keys, requests, replies, strict=True):
                said[key] = (*request.messages[1:], ChatMessage("assistant", reply))
    progress(steps - 1, steps)
    report = {
        "machine": machine(),
        "threads": threads,
        "sessions": [
            {"sessions": size, **_summary(measured[size], seconds[size])} for size in sessions
        ],
        "long_prompt": _beside_a_long_prompt(service, clock),
        "sampling_us": {size: _sampling_us(size, clock) for size in VOCABULARIES},
    }
    progress(steps, steps)
    return report


def describe(report: dict[str, Any]) -> str:
    """The report as tables for people."""
    alone = report["sessions"][0]["tokens_per_s"]
    rows = [f"{'sessions':>8}{'tokens/s':>10}{'times':>7}{'first, p95 ms':>18}{'gap, p95 ms':>16}"]
    for each in report["sessions"]:
        first = f"{each['first_ms']:.0f}, {each['first_p95_ms']:.0f}"
        gap = f"{each['gap_ms']:.0f}, {each['gap_p95_ms']:.0f}"
        speed = each["tokens_per_s"]
        rows.append(f"{each['sessions']:>8}{speed:>10.1f}{speed / alone:>7.2f}{first:>18}{gap:>16}")
    long = report["long_prompt"]
    rows.append(
        f"{TALKERS} sessions while {long['tokens']} tokens are read in {long['first_s']:.1f} s: "
        f"gap {long['gap_ms']:.0f} ms, p95 {long['gap_p95_ms']:.0f}"
    )
    drawn = ", ".join(f"{us:.0f} of {size}" for size, us in report["sampling_us"].items())
    rows.append(f"a token drawn in us: {drawn}")
    rows.append(f"{report['threads']} threads, {report['machine']['cpu']}")
    return "\n".join(rows)


def _request(question: int, said: tuple[ChatMessage, ...]) -> DialogueRequest:
    asked = ChatMessage("user", QUESTIONS[question % len(QUESTIONS)])
    sampling = Sampling(temperature=0.7, enough_tokens=0)
    persona = ChatMessage("system", PERSONA)
    return DialogueRequest((persona, *said, asked), sampling, WRITTEN, seed=question)


def _serve(
    service: Dialogue, requests: Sequence[DialogueRequest], clock: Callable[[], float]
) -> tuple[Times, list[str]]:
    """Answers all at once, to the end of the last."""
    times = Times(clock())
    texts = {service.open(request): "" for request in requests}
    live = list(texts)
    while live:
        for stream, item in service.step(live):
            times.take(stream, item, clock())
            if isinstance(item, TextDelta):
                texts[stream] += item.text
            elif isinstance(item, StreamEnd):
                _end(service, stream, item)
                live = [each for each in live if each is not stream]
    return times, list(texts.values())


def _beside_a_long_prompt(service: Dialogue, clock: Callable[[], float]) -> dict[str, Any]:
    """Some write all the time; then somebody comes with as long a prompt as there is room for."""
    asked = TALKERS
    live = [service.open(_request(number, ())) for number in range(asked)]
    long = None
    times, prompt_tokens, steps = Times(clock()), 0, 0
    while not prompt_tokens:
        steps += 1
        if steps == WRITTEN // 2:
            long, times = _open_long(service), Times(clock())
            live.append(long)
        for stream, item in service.step(live):
            times.take(stream, item, clock())
            if isinstance(item, GenerationDone) and stream is long:
                prompt_tokens = item.prompt_tokens
            if isinstance(item, StreamEnd):
                _end(service, stream, item)
                live = [each for each in live if each is not stream]
                if stream is not long:
                    live.append(service.open(_request(asked, ())))
                    asked += 1
    first_s = clock() - times.started_s
    for stream in live:
        service.close(stream)
    gaps = {"gap_ms": _ms(times.gaps_s, 0.5), "gap_p95_ms": _ms(times.gaps_s, 0.95)}
    return {"tokens": prompt_tokens, "first_s": first_s, **gaps}


def _open_long(service: Dialogue) -> Any:
    """A word is a token or more: the longest prompt that finds room, by halves."""
    words = service.capabilities.context_length - WRITTEN
    while True:
        story = ChatMessage("system", "sea " * words)
        try:
            return service.open(
                DialogueRequest((story, ChatMessage("user", "Hello.")), Sampling(), 2)
            )
        except InputError:
            words //= 2


def _end(service: Dialogue, stream: Any, end: StreamEnd) -> None:
    service.close(stream)
    if end.error is not None:
        raise end.error


def _sampling_us(size: int, clock: Callable[[], float]) -> float:
    """A token of a made-up reply, with the defaults of a character and eight earlier replies."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2.5, size).astype(np.float32)
    logits[rng.integers(0, size, 50)] += 12
    earlier = [rng.integers(0, size, 60).tolist() for _ in range(8)]
    options = GenerationOptions(seed=0)
    sampler = Sampler(options, runs=RepeatedRuns(options.dry_length, earlier, lambda _: False))
    took = []
    for _ in range(300):
        drawn_from = logits.copy()
        started_s = clock()
        sampler.push(sampler.draw(drawn_from))
        took.append(clock() - started_s)
    return statistics.median(took) * 1e6


def _summary(rounds: Sequence[Times], seconds: Sequence[float]) -> dict[str, float]:
    speeds = [times.tokens / took_s for times, took_s in zip(rounds, seconds, strict=True)]
    first = [each for times in rounds for each in times.first_s]
    gaps = [each for times in rounds for each in times.gaps_s]
    return {
        "tokens_per_s": statistics.median(speeds),
        "first_ms": _ms(first, 0.5),
        "first_p95_ms": _ms(first, 0.95),
        "gap_ms": _ms(gaps, 0.5),
        "gap_p95_ms": _ms(gaps, 0.95),
        "reused": sum(times.cached for times in rounds) / sum(times.prompts for times in rounds),
    }


def _ms(seconds: Sequence[float], share: float) -> float:
    return float(np.quantile(seconds, share)) * 1000 if seconds else 0.0
