"""What a turn costs on this machine, measured with the real models and the real pace."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from idol_runtime.character import Character
from idol_runtime.conversation.conversation import Conversation
from idol_runtime.conversation.models import ModelFolders
from idol_runtime.conversation.turn_metrics import TurnMetrics
from idol_runtime.engine.engine import CastEntry, Engine, EngineConfig, open_engine
from idol_runtime.inference.session import Provider, resolve_provider

QUESTIONS = (
    "Hello! Who are you?",
    "What do you like most about singing?",
    "I had a long day at work and I am a little tired.",
    "Can you tell me about your room?",
    "What should I eat for dinner tonight?",
)
"""Said in turn, one conversation, so that warm turns reuse the conversation's prefix."""


async def bench_turn(
    character: Character,
    folders: ModelFolders,
    *,
    provider: Provider,
    threads: int,
    turns: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measures one cold turn and `turns` warm ones.

    Cold is the first turn after the processes were started, with nothing warmed up: its times
    include starting the workers and opening their models. Warm turns follow in one conversation.
    """
    progress(0, turns + 2)
    started = time.perf_counter()
    entry = CastEntry("measured", character, folders)
    async with open_engine([entry], EngineConfig(provider, threads)) as engine:
        stage_open_s = time.perf_counter() - started
        conversation = engine.cast.join(entry.name)
        cold = await _turn(conversation, QUESTIONS[0])
        progress(1, turns + 2)
        await engine.cast.leave(conversation)
        conversation = engine.cast.join(entry.name)
        warm = []
        for index in range(turns + 1):
            warm.append(await _turn(conversation, QUESTIONS[index % len(QUESTIONS)]))
            progress(index + 2, turns + 2)
        return {
            "machine": machine(),
            "provider": resolve_provider(provider),
            "threads": threads,
            "stage_open_s": stage_open_s,
            "cold": msgspec.to_builtins(cold),
            # The first warm turn still reads the persona into a fresh row of the cache.
            "warm_median": _median(warm[1:]),
            "warm": [msgspec.to_builtins(each) for each in warm[1:]],
            "skipped_frames": engine.stage.skipped_frames,
            "peak_memory_mb": _peak_memory(engine),
        }


def machine() -> dict[str, Any]:
    """What a measurement was made on, and how busy it was, where the system tells."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load_average": load,
        "python": platform.python_version(),
    }


def describe(report: dict[str, Any]) -> str:
    """The report as a table for people."""
    rows = [f"{'':28}{'cold':>12}{'warm':>12}"]
    for name, warm in report["warm_median"].items():
        cold = report["cold"][name]
        rows.append(f"{name:28}{_number(cold):>12}{_number(warm):>12}")
    memory = ", ".join(f"{name} {mb:.0f}" for name, mb in report["peak_memory_mb"].items())
    cpu = report["machine"]["cpu"]
    rows.append(f"provider {report['provider']}, {report['threads']} threads, {cpu}")
    rows.append(f"peak memory in MB: {memory}; frames skipped: {report['skipped_frames']}")
    return "\n".join(rows)


async def _turn(conversation: Conversation, text: str) -> TurnMetrics:
    conversation.hear(text)
    return (await conversation.reply()).result()


def _median(turns: list[TurnMetrics]) -> dict[str, float | None]:
    medians: dict[str, float | None] = {}
    for name in TurnMetrics.__struct_fields__:
        values = [getattr(turn, name) for turn in turns]
        numbers = [value for value in values if isinstance(value, (int, float))]
        if numbers or all(value is None for value in values):
            medians[name] = statistics.median(numbers) if numbers else None
    return medians


def _peak_memory(engine: Engine) -> dict[str, float]:
    """Peak resident memory of each process in MB, where the system tells (Linux)."""
    [models] = engine.models.values()
    processes = {
        "stage": os.getpid(),
        "dialogue": models.dialogue.pid,
        "speech": models.speech.pid,
    }
    return {
        name: peak for name, pid in processes.items() if pid and (peak := _peak_mb(pid)) is not None
    }


def _peak_mb(pid: int) -> float | None:
    if not sys.platform.startswith("linux"):
        return None
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return None


def _cpu_name() -> str:
    if sys.platform.startswith("linux"):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _number(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, (int, float)) else "-"
