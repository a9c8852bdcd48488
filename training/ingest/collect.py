"""A folder of captures through one adapter into one data set, resumably."""

import csv
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from training.ingest.bodies import BodyRecording, write_body
from training.ingest.card import (
    CARD_FILE,
    DatasetCard,
    Kind,
    RecordingError,
    read_card,
    write_card,
)
from training.ingest.recording import Recording, write_recording
from training.ingest.takes import Reading


class Adapter(Protocol):
    @property
    def kind(self) -> Kind: ...
    @property
    def patterns(self) -> tuple[str, ...]:
        """Ends of the names it reads, lower case; of one stem, the first that is there counts."""
        ...

    def read(self, path: Path, name: str, speaker: str) -> Reading[Recording | BodyRecording]:
        """Raises RecordingError with a sentence when the file cannot be used."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read and what its recording is called."""

    path: Path
    name: str
    """The path below the folder, without suffix, folders joined by `_`."""
    speaker: str


SpeakerOf = Callable[[Path, str], str]
"""From a file's path below the folder, and its recording's name, to the speaker."""


def fixed_speaker(name: str) -> SpeakerOf:
    return lambda path, recording: name


def speaker_by_folder(folder: Path) -> SpeakerOf:
    """The first folder below the given one; the given one's own name for files right in it."""
    return lambda path, recording: path.parts[0] if len(path.parts) > 1 else folder.resolve().name


def mapped_speaker(table: Mapping[str, str], where: Path) -> SpeakerOf:
    def speaker(path: Path, recording: str) -> str:
        if recording not in table:
            raise SystemExit(
                f"{where}: expected a row `{recording},SPEAKER`, found none; add one for every "
                "recording."
            )
        return table[recording]

    return speaker


def read_speakers(path: Path) -> dict[str, str]:
    """A CSV file `name,speaker`, by recording name.

    Raises:
        SystemExit: it is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SystemExit(f"{path}: expected a CSV file `name,speaker`, but {error}.") from None
    if not rows or rows[0] != ["name", "speaker"]:
        raise SystemExit(f"{path}: expected the header `name,speaker`.")
    table: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2 or not all(row) or row[0] in table:
            raise SystemExit(
                f"{path}: expected a name, once, and its speaker in row {number}, "
                f"found {','.join(row)[:60]!r}."
            )
        table[row[0]] = row[1]
    return table


def find_sources(folder: Path, patterns: tuple[str, ...], speaker_of: SpeakerOf) -> list[Source]:
    """Files that an adapter reads, by name.

    Raises:
        SystemExit: there are none, or two would be called the same.
    """
    if not folder.is_dir():
        raise SystemExit(f"{folder}: expected a folder of recordings, found none.")
    chosen: dict[Path, tuple[int, Path]] = {}
    for path in sorted(folder.rglob("*")):
        rank = next((i for i, end in enumerate(patterns) if path.name.lower().endswith(end)), None)
        if rank is None or path.name.startswith(".") or not path.is_file():
            continue
        below = path.relative_to(folder)
        stem = below.with_name(path.name[: -len(patterns[rank])])
        if stem not in chosen or rank < chosen[stem][0]:
            chosen[stem] = rank, path
    if not chosen:
        raise SystemExit(f"{folder}: expected files ending in {', '.join(patterns)}, found none.")
    sources: dict[str, Source] = {}
    for stem, (_, path) in chosen.items():
        name = "_".join(stem.parts)
        if name in sources:
            raise SystemExit(
                f"{path} and {sources[name].path} would both be called {name!r}; rename one."
            )
        sources[name] = Source(path, name, speaker_of(path.relative_to(folder), name))
    return [sources[name] for name in sorted(sources)]


def collect(
    adapter: Adapter,
    sources: list[Source],
    out: Path,
    card: DatasetCard,
    done: Callable[[Source], None],
) -> list[str]:
    """Reads every source that is not in the data set yet; a damaged one is skipped.

    Args:
        adapter: how to read.
        sources: what to read.
        out: the data set's folder.
        card: its card; notes are added.
        done: called after each source.

    Returns:
        A sentence for every source that was skipped.
    """
    notes = read_card(out).notes if (out / CARD_FILE).exists() else ()
    write_card(out, msgspec.structs.replace(card, notes=notes))
    failures = []
    for source in sources:
        if not _is_there(out, source.name):
            try:
                reading = adapter.read(source.path, source.name, source.speaker)
            except RecordingError as error:
                failures.append(str(error))
            else:
                # Backwards: the first piece of a cut take says that all of it is there.
                for recording in reversed(reading.recordings):
                    _write(out, card, recording)
                notes = (*(note for note in notes if note not in reading.notes), *reading.notes)
                write_card(out, msgspec.structs.replace(card, notes=notes))
        done(source)
    return failures


def keep_licences(folder: Path, out: Path) -> None:
    """Copies licence files: attribution travels with the data."""
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.stem.upper() in ("LICENSE", "LICENCE", "NOTICE"):
            shutil.copyfile(path, out / path.name)


def _write(out: Path, card: DatasetCard, recording: Recording | BodyRecording) -> None:
    if isinstance(recording, BodyRecording):
        write_body(out, card, recording)
    else:
        write_recording(out, card, recording)


def _is_there(out: Path, name: str) -> bool:
    return any((out / f"{each}.npz").exists() for each in (name, f"{name}_1"))
