"""Captured faces to ingest, and the command that does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from scipy.io import wavfile

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.ingest.recording import Dataset

DATA = Path(__file__).parents[3] / "shared" / "data" / "face"
TRACKED = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
real = pytest.mark.skipif(not DATA.exists(), reason="the real captures are not at hand")
many = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
Run = Callable[..., Dataset]


def column(name: str) -> int:
    return FACE_CHANNELS.index(name)


def timecode(count: int, start_s: int = 0, rate: int = 60, step: int = 2) -> str:
    frames = start_s * rate + count * step
    seconds = frames // rate % 86_400
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours:02}:{minutes:02}:{seconds % 60:02}:{frames % rate:02}.169"


def livelink_text(
    rows: int,
    weights: Mapping[str, Sequence[float]] | None = None,
    head: Sequence[float] = (0, 0, 0),
    lost: Sequence[int] = (),
) -> str:
    names = [name[0].upper() + name[1:] for name in ARKIT_BLENDSHAPES]
    lines = [",".join(["Timecode", "BlendShapeCount", *names, *TRACKED])]
    for row in range(rows):
        if row in lost:
            lines.append(f"{timecode(row)},0")
            continue
        values = [(weights or {}).get(name, [0.0] * rows)[row] for name in ARKIT_BLENDSHAPES]
        values += [*head, 0, 0, 0, 0, 0, 0]
        lines.append(",".join([timecode(row), "61", *(f"{value:.10f}" for value in values)]))
    return "\n".join(lines) + "\n"


def write_wav(path: Path, seconds: float, rate: int = 16_000, start_s: float = 0.0) -> None:
    """A tone that begins at `start_s`."""
    times_s = np.arange(round(seconds * rate)) / rate
    tone = np.where(times_s >= start_s, 0.5 * np.sin(2 * np.pi * 220 * times_s), 0)
    wavfile.write(path, rate, (tone * 32767).astype(np.int16))
