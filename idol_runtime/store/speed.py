"""How fast a dialogue model is on this machine: measured once, kept beside its bundle."""

import os
import platform
from pathlib import Path
from typing import Final

import msgspec
import psutil

from idol_runtime.store.verified import replaced

OTHERS_BYTES: Final = 1_500_000_000
"""What voice, stage and system take beside a dialogue model."""
_OF_EIGHT_BITS: Final = 1.1
_OF_FOUR_BITS: Final = 1.8
"""A bundle of 8-bit blocks, in sizes of a file of 8 or of about 4.5 bits a weight."""
_OVERHEAD_BYTES: Final = 350_000_000
"""ONNX Runtime, the tokenizer, and the attention of a few conversations."""


class Speed(msgspec.Struct, frozen=True):
    tokens_per_s: float
    """Written, one reply at a time."""
    read_tokens_per_s: float
    memory_bytes: int
    """Of the process that holds the model."""
    machine: str


def this_machine() -> str:
    """What a measurement is true for."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def recall_speed(bundle: Path) -> Speed | None:
    """What was measured here; None where nothing was, or on another machine."""
    try:
        speed = msgspec.json.decode(_record(bundle).read_bytes(), type=Speed)
    except (OSError, msgspec.DecodeError):
        return None
    return speed if speed.machine == this_machine() else None


def remember_speed(bundle: Path, speed: Speed) -> None:
    """A folder that cannot be written to forgets it."""
    replaced(_record(bundle), msgspec.json.encode(speed))


def memory_needed(name: str, size: int) -> int:
    """About what a GGUF file of that name and size takes, once converted and open."""
    growth = _OF_EIGHT_BITS if "q8_0" in name.lower() else _OF_FOUR_BITS
    return int(size * growth) + _OVERHEAD_BYTES


def fits(memory_bytes: int) -> bool:
    """Whether this machine has room for it beside everything else."""
    return memory_bytes + OTHERS_BYTES <= int(psutil.virtual_memory().total)


def _record(bundle: Path) -> Path:
    return bundle.with_name(f"{bundle.name}.speed.json")
