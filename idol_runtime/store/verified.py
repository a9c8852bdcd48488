"""What was hashed before: so that a start does not read hundreds of size_text to learn nothing."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from idol_runtime.inference.bundle import BundleFile, sha256_of
from idol_runtime.store.catalog import ModelFile


class Verified(msgspec.Struct, frozen=True):
    """A file as it was when its hash was right."""

    sha256: str
    size: int
    mtime_ns: int


def stamp(path: Path, file: ModelFile | BundleFile) -> Verified:
    """What `path` would have to be remembered as."""
    stat = path.stat()
    return Verified(file.sha256, stat.st_size, stat.st_mtime_ns)


def recall(record: Path) -> dict[str, Verified]:
    """Files by path; none when there is no readable record, so that all are hashed again."""
    try:
        return msgspec.json.decode(record.read_bytes(), type=dict[str, Verified])
    except (OSError, msgspec.DecodeError):
        return {}


def remember(record: Path, verified: Mapping[str, Verified]) -> None:
    """Replaces the record. A read-only cache cannot keep one: it works, and is hashed each time."""
    replaced(record, msgspec.json.encode(verified))


def replaced(record: Path, content: bytes) -> None:
    """Writes a small file that appears whole, or not at all where that is not allowed."""
    draft = record.with_suffix(f".{os.getpid()}")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(record)
    except OSError:
        return


def problem_of(path: Path, file: ModelFile) -> str | None:
    """What is wrong with the file at `path`, as a sentence; hashes it."""
    if not path.is_file():
        return f"{path}: expected a file of {file.size} bytes, found none."
    if (size := path.stat().st_size) != file.size:
        return f"{path}: expected {file.size} bytes, found {size}: it is truncated or another file."
    if (digest := sha256_of(path)) != file.sha256:
        return (
            f"{path}: expected sha256 {file.sha256[:16]}..., found {digest[:16]}...: it is damaged."
        )
    return None
