"""The recordings of a data set on disk: `card.toml` and one `.npz` a take.

Every recording repeats the licence it came under, so that neither an edited card nor a file moved
to another folder can turn what may not be shipped into what may.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.ingest.card import (
    CARD_FILE,
    DatasetCard,
    RecordingError,
    read_card,
    recording_paths,
)

CAPTURE_RATE_HZ: Final = 16_000

Holds = Literal["face", "body"]
_MARK: Final[dict[Holds, str]] = {"face": "face", "body": "local_6d"}
"""The array that only such recordings have."""
Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")


def write_arrays(folder: Path, card: DatasetCard, name: str, arrays: Arrays) -> Path:
    """Writes `NAME.npz` whole or not at all, with the card's licence in it."""
    path = folder / f"{name}.npz"
    partial = path.with_name(f".{path.name}.part")
    licence = {"licence": np.array(card.licence), "may_ship": np.array(card.may_ship)}
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays, **licence)  # type: ignore[arg-type]  # its flag
    partial.replace(path)
    return path


def read_arrays(path: Path, card: DatasetCard, wanted: Holds, make: Callable[[Arrays], T]) -> T:
    """What `make` makes of one `.npz`, checked against the card of its folder.

    Raises:
        RecordingError: the file is damaged, holds something else, or came under another licence
            than the card says.
    """
    try:
        # Of a path, numpy leaves the file open when it turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            licence, may_ship = str(held["licence"]), bool(held["may_ship"])
            if _MARK[wanted] not in held and any(mark in held for mark in _MARK.values()):
                raise RecordingError(
                    f"{path}: expected a recording of a {wanted}, found one of something else; "
                    "give another data set."
                )
            recording = make(held)
    except (OSError, EOFError, KeyError, ValueError, TypeError, BadZipFile, zlib.error) as error:
        raise RecordingError(
            f"{path}: expected a recording written by `python -m training.ingest`, but {error}; "
            "delete it and run the ingest command again."
        ) from None
    if (licence, may_ship) != (card.licence, card.may_ship):
        raise RecordingError(
            f"{path}: was captured under {licence!r} (may ship: {may_ship}), but the card with "
            f"it says {card.licence!r} (may ship: {card.may_ship}); ingest it again."
        )
    return recording


def holds(folder: Path) -> Holds:
    """What a data set is of, by its first readable recording; of faces where there is none."""
    for path in recording_paths(folder):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                return "body" if _MARK["body"] in held else "face"
        except (OSError, EOFError, ValueError, BadZipFile):
            continue
    return "face"


def read_all(
    folder: Path, read: Callable[[Path, DatasetCard], T]
) -> tuple[DatasetCard, tuple[T, ...]]:
    """The card of a data set, and what `read` reads of every recording, by name.

    Raises:
        SystemExit: no card, no recordings, or a damaged one.
    """
    card = read_card(folder)
    try:
        recordings = tuple(read(path, card) for path in recording_paths(folder))
    except RecordingError as error:
        raise SystemExit(str(error)) from None
    if not recordings:
        raise SystemExit(f"{folder}: expected at least one recording beside {CARD_FILE}, found 0.")
    return card, recordings


def naming_problems(name: str, speaker: str, fps: float) -> Iterable[str]:
    """What is wrong with what every recording has, worst first."""
    if not name or name != Path(name).name or name.startswith("."):
        yield "expected a name that can be a file's name"
    if not speaker:
        yield "expected a speaker's name, got an empty one"
    if not 1 <= fps <= 1000:
        yield f"expected 1 to 1000 frames a second, got {fps}"


def sound_problems(audio: NDArray[np.int16] | None, rate_hz: int) -> Iterable[str]:
    if audio is not None and (audio.ndim != 1 or audio.dtype != np.int16 or not audio.size):
        yield f"expected mono 16-bit sound, got {audio.dtype} {list(audio.shape)}"
    if rate_hz <= 0:
        yield f"expected a positive sample rate, got {rate_hz}"
