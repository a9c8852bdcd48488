"""Captured faces on disk: one folder a data set, `card.toml` and one `.npz` a recording.

Every recording repeats the licence it came under, so that neither an edited card nor a file moved
to another folder can turn what may not be shipped into what may.
"""

import tomllib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from zipfile import BadZipFile

import msgspec
import numpy as np
import tomli_w
from numpy.typing import NDArray

from idol_protocol.channels import ARKIT_BLENDSHAPES, FACE_CHANNELS
from training.ingest.resample import resample_curves

AUDIO_RATE_HZ: Final = 16_000
CARD_FILE: Final = "card.toml"
WEIGHTS: Final = len(ARKIT_BLENDSHAPES)

Kind = Literal["video", "livelink", "pairs", "beat", "made"]


class RecordingError(Exception):
    """A recording that cannot be used; the message is a sentence that names it."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One take of one speaker; frame i covers [i / fps, (i + 1) / fps) seconds.

    Raises:
        RecordingError: shapes, ranges or types do not fit.
    """

    name: str
    """Unique in its data set; also the file's name."""
    speaker: str
    fps: float
    face: NDArray[np.float32]
    """[frames, 59] in `FACE_CHANNELS` order: 52 weights in [0, 1], then degrees; unknown is 0."""
    known: NDArray[np.bool_]
    """[59], which channels were captured."""
    audio: NDArray[np.int16] | None = None
    """[n] at `audio_rate_hz`, sample 0 at the start of frame 0; None where there is no sound."""
    audio_rate_hz: int = AUDIO_RATE_HZ

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise RecordingError(f"Recording {self.name!r}: {problem}.")

    @property
    def seconds(self) -> float:
        return len(self.face) / self.fps


class DatasetCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where recordings come from and what may be done with weights that saw them."""

    name: str
    licence: str
    """An SPDX identifier where there is one (`MIT`, `CC-BY-4.0`), else the licence's name."""
    may_ship: bool
    """Whether weights trained on these recordings may be shipped under the project's licence."""
    kind: Kind
    source: str = ""
    attribution: str = ""
    command: str = ""
    notes: tuple[str, ...] = ()
    """What a reader of the curves should know: lost frames, cuts, skipped files."""
    trained_on: tuple[str, ...] = ()
    """Names of the recordings whose faces a model learnt to make these; empty for captures."""


@dataclass(frozen=True, slots=True)
class Dataset:
    card: DatasetCard
    recordings: tuple[Recording, ...]


def read_card(folder: Path) -> DatasetCard:
    """The card of a data set.

    Raises:
        SystemExit: there is none, or it does not fit.
    """
    path = folder / CARD_FILE
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), DatasetCard)
    except (FileNotFoundError, NotADirectoryError):
        raise SystemExit(
            f"{folder}: expected a data set with a {CARD_FILE}, found none; "
            "make one with `python -m training.ingest`."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SystemExit(f"{path}: expected a data set's card, but {error}.") from None


def write_card(folder: Path, card: DatasetCard) -> None:
    """Writes `card.toml`; a folder keeps the name, licence and kind that it began with.

    Raises:
        SystemExit: the folder holds recordings of something else, or without a card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CARD_FILE
    if path.exists():
        before = read_card(folder)
        for field in ("name", "licence", "may_ship", "kind"):
            if getattr(before, field) != getattr(card, field):
                raise SystemExit(
                    f"{folder}: holds data set {before.name!r} with {field} "
                    f"{getattr(before, field)!r}, expected {getattr(card, field)!r}; "
                    "one folder holds one data set: give another --out, or delete this one."
                )
    elif _recording_paths(folder):
        raise SystemExit(
            f"{folder}: holds .npz files but no {CARD_FILE}, so nobody knows their licence; "
            "give an empty folder."
        )
    partial = path.with_suffix(".part")
    partial.write_text(tomli_w.dumps(msgspec.to_builtins(card)), "utf-8")
    partial.replace(path)


def write_recording(folder: Path, card: DatasetCard, recording: Recording) -> Path:
    """Writes `NAME.npz` whole or not at all."""
    path = folder / f"{recording.name}.npz"
    partial = path.with_name(f".{path.name}.part")
    sound = {} if recording.audio is None else {"audio": recording.audio}
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            speaker=np.array(recording.speaker),
            fps=np.array(recording.fps),
            face=recording.face,
            known=recording.known,
            audio_rate_hz=np.array(recording.audio_rate_hz),
            licence=np.array(card.licence),
            may_ship=np.array(card.may_ship),
            **sound,  # type: ignore[arg-type]  # numpy types **arrays as its flag
        )
    partial.replace(path)
    return path


def read_recording(path: Path, card: DatasetCard) -> Recording:
    """One `.npz`, checked against the card beside it.

    Raises:
        RecordingError: the file is damaged, or came under another licence than the card says.
    """
    try:
        # Of a path, numpy leaves the file open when it turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            licence, may_ship = str(held["licence"]), bool(held["may_ship"])
            recording = Recording(
                name=path.stem,
                speaker=str(held["speaker"]),
                fps=float(held["fps"]),
                face=held["face"],
                known=held["known"],
                audio=held.get("audio"),
                audio_rate_hz=int(held["audio_rate_hz"]),
            )
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile, zlib.error) as error:
        raise RecordingError(
            f"{path}: expected a recording written by `python -m training.ingest`, but {error}; "
            "delete it and run the ingest command again."
        ) from None
    if (licence, may_ship) != (card.licence, card.may_ship):
        raise RecordingError(
            f"{path}: was captured under {licence!r} (may ship: {may_ship}), but the card beside "
            f"it says {card.licence!r} (may ship: {card.may_ship}); ingest it again."
        )
    return recording


def read_dataset(folder: Path) -> Dataset:
    """All recordings of a data set, by name.

    Raises:
        SystemExit: no card, no recordings, or a damaged one.
    """
    card = read_card(folder)
    try:
        recordings = tuple(read_recording(path, card) for path in _recording_paths(folder))
    except RecordingError as error:
        raise SystemExit(str(error)) from None
    if not recordings:
        raise SystemExit(f"{folder}: expected at least one recording beside {CARD_FILE}, found 0.")
    return Dataset(card, recordings)


def write_dataset(folder: Path, card: DatasetCard, recordings: Iterable[Recording]) -> None:
    """Writes the card, then every recording; files of the same name are replaced."""
    write_card(folder, card)
    for recording in recordings:
        write_recording(folder, card, recording)


def resampled(recording: Recording, fps: float) -> Recording:
    """The same take at another frame rate; the sound stays as it is.

    Down: what the new rate cannot carry is filtered out first. Up: monotone cubic interpolation,
    which never leaves the range of the frames around it.
    """
    if fps == recording.fps:
        return recording
    face = resample_curves(recording.face, recording.fps, fps)
    face[:, :WEIGHTS] = face[:, :WEIGHTS].clip(0, 1)
    return Recording(
        recording.name, recording.speaker, fps, face, recording.known,
        recording.audio, recording.audio_rate_hz,
    )  # fmt: skip


def _recording_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))


def _problems(recording: Recording) -> Iterable[str]:
    """What is wrong, worst first."""
    name, face, known, audio = recording.name, recording.face, recording.known, recording.audio
    if not name or name != Path(name).name or name.startswith("."):
        yield "expected a name that can be a file's name"
    if not recording.speaker:
        yield "expected a speaker's name, got an empty one"
    if not 1 <= recording.fps <= 1000:
        yield f"expected 1 to 1000 frames a second, got {recording.fps}"
    if face.ndim != 2 or face.shape[1] != len(FACE_CHANNELS) or face.dtype != np.float32:
        yield (
            f"expected float32 curves [frames, {len(FACE_CHANNELS)}], "
            f"got {face.dtype} {list(face.shape)}"
        )
        return
    if not len(face):
        yield "expected at least one frame, got 0"
    if known.shape != (len(FACE_CHANNELS),) or known.dtype != np.bool_:
        yield (
            f"expected known channels as bool [{len(FACE_CHANNELS)}], "
            f"got {known.dtype} {list(known.shape)}"
        )
        return
    if not np.isfinite(face).all():
        yield "expected finite numbers, got some that are not"
    weights = face[:, :WEIGHTS]
    if weights.size and (weights.min() < 0 or weights.max() > 1):
        yield f"expected weights in [0, 1], got {weights.min():.3f} to {weights.max():.3f}"
    if face[:, ~known].any():
        yield "expected zeros in channels that are not known"
    if audio is not None and (audio.ndim != 1 or audio.dtype != np.int16 or not audio.size):
        yield f"expected mono 16-bit sound, got {audio.dtype} {list(audio.shape)}"
    if recording.audio_rate_hz <= 0:
        yield f"expected a positive sample rate, got {recording.audio_rate_hz}"
