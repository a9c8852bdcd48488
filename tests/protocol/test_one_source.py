"""What training and runtime share is written once, in `idol_protocol`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = {
    "AUDIO_RATE_HZ", "FPS", "FRAME_SAMPLES", "FFT_SIZE", "LOG_MEL",
    "PARENTS", "PARENT_OF", "OFFSETS_M",
    "AudioFeatures", "HoldGroup", "NoiseLaw",
    "ARKIT_BLENDSHAPES", "HEAD_EYE_CHANNELS", "FACE_CHANNELS", "POSE_BONES",
    "FACE_ACTIVITIES", "ACTIVITIES", "GESTURES", "EMOTIONS",
}  # fmt: skip
NUMBERS = {24_000, 7600.0, 0.885, 0.384, 0.378, 0.218}
"""The sound's rate, the upper end of its bands, and lengths of the reference body."""
OTHER_MODELS = ("idol_runtime/speech/kokoro/",)
"""Kokoro has a rate and frames of its own."""


def second_copies(code: str) -> list[str]:
    """Shared names that the code defines, and shared numbers that it spells out."""
    found = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                if name in SHARED:
                    found.append(name)
            case ast.Constant(value=int() | float() as value):
                if value in NUMBERS:
                    found.append(str(value))
    return found


def test_nothing_that_the_wire_defines_is_defined_again() -> None:
    copies = {
        f"{path.relative_to(ROOT)}: {name}"
        for room in ("idol_runtime", "training", "export")
        for path in (ROOT / room).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(OTHER_MODELS)
        for name in second_copies(path.read_text())
    }
    assert not copies, f"import these from idol_protocol: {sorted(copies)}"


@pytest.mark.parametrize(
    "copy",
    [
        "FPS = 30",
        "RATE = 24_000",
        "class NoiseLaw: ...",
        "PARENTS: tuple = ()",
        "hips = (0, 0.885)",
    ],
)
def test_a_second_copy_is_found(copy: str) -> None:
    assert second_copies(copy)
