"""What pages take for granted, under the names that they use."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from tests.dialogue.tiny_models import save_checkpoint, tiny_model, write_gguf

RATE_HZ = 24_000


def lay_out(page: str, desk: Path, binaries: Path, captures: Path | None) -> None:
    """Makes the files that a page names and does not make.

    Args:
        page: Its name.
        desk: Where its commands are typed.
        binaries: Of the clone's environment.
        captures: Real recordings (`face/grid/*.mpg`), where there are any.
    """
    hoshi = desk / "idol_runtime" / "characters" / "hoshi"
    if page == "README.md":
        for name in ("DIR", "A", "B"):
            shutil.copytree(hoshi, desk / name)
        (desk / "idol.toml").write_text('[[cast]]\ncharacter = "hoshi"\n')
        _sound(desk / "talk.wav", 4)
        _song(desk / "song.wav")
        _sound(desk / "vocals.wav", 8)
        write_gguf(tiny_model("llama"), desk / "FILE.gguf", {"": "F16"})
        save_checkpoint(tiny_model("llama"), desk / "CHECKPOINT")
    if page == "docs/film_yourself.md":
        _sound(desk / "ANY.wav", 4)
        (desk / "DANCES").mkdir()
        _song(desk / "song.wav")
        dance = ["animate", str(desk / "song.wav"), "--activity", "dance", "--out"]
        subprocess.run([str(binaries / "idol"), *dance, str(desk / "danced")], check=True)
        shutil.copy(desk / "danced" / "pose.bvh", desk / "DANCES" / "dance.bvh")
    if page in ("README.md", "docs/film_yourself.md") and captures is not None:
        (desk / "FILMS").mkdir(exist_ok=True)
        for film in sorted((captures / "face" / "grid").glob("*.mpg"))[:3]:
            shutil.copy(film, desk / "FILMS")


def _sound(path: Path, seconds: float) -> None:
    """A voice-like hum in syllables."""
    t = np.arange(round(RATE_HZ * seconds)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    soundfile.write(path, 0.1 * tones * np.clip(np.sin(2 * np.pi * 3 * t), 0, 1), RATE_HZ)


def _song(path: Path) -> None:
    """Clicks at 120 beats a minute, every fourth one louder."""
    rng = np.random.default_rng(0)
    sound = np.zeros(RATE_HZ * 8)
    for beat in range(16):
        start = beat * RATE_HZ // 2
        click = rng.standard_normal(1200) * np.exp(-np.arange(1200) / 200)
        sound[start : start + 1200] += click * (0.5 if beat % 4 == 0 else 0.3)
    soundfile.write(path, sound, RATE_HZ)
