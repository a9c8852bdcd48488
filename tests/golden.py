"""What a character says and does for the same seeds, as hashes: run it at two commits, compare.

python -m tests.golden > before.txt    # at one commit
python -m tests.golden > after.txt     # at another, on the same machine
diff before.txt after.txt              # nothing, when nothing a user gets has changed

Files are made by the command line with the models that ship and those of the catalog. Names that
are drawn at random, such as those of utterances, are left out of the comparison.
"""

import contextlib
import hashlib
import io
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from idol_runtime.cli.main import main as idol

QUESTIONS = {"Hello! Who are you?": 3, "Wave at me, please, and tell me about your room.": 7}
_DRAWN = re.compile(rb"\b(utt|turn|resp)_[0-9a-f]+")


def record(folder: Path) -> None:
    """Two turns, and a recording heard in each activity, with fixed seeds on one thread."""
    for number, (question, seed) in enumerate(QUESTIONS.items()):
        out = str(folder / f"say_{number}")
        _run("say", question, "--seed", str(seed), "--threads", "1", "--out", out)
    recording = folder / "recording.wav"
    wavfile.write(recording, 24_000, _murmur())
    for activity in ("speak", "idle", "listen", "think", "dance"):
        out = str(folder / f"animate_{activity}")
        _run("animate", str(recording), "--activity", activity, "--seed", "2", "--out", out)


def digests(folder: Path) -> list[str]:
    """A line a file: its hash and its place in the folder."""
    return [
        f"{hashlib.sha256(_DRAWN.sub(b'drawn', file.read_bytes())).hexdigest()}  "
        f"{file.relative_to(folder).as_posix()}"
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]


def _run(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        status = idol(arguments)
    if status:
        sys.exit(status)


def _murmur() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Four seconds of a tone whose loudness comes and goes as that of syllables does."""
    times_s = np.arange(4 * 24_000) / 24_000
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * times_s)
    breath = np.random.default_rng(0).normal(size=len(times_s)) * 200
    return (np.sin(2 * np.pi * 180 * times_s) * syllables * 8_000 + breath).astype(np.int16)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        record(Path(made))
        print("\n".join(digests(Path(made))))
