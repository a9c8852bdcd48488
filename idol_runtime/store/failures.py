"""What goes wrong between a source and the disk.

A `SourceFailure` means the next source is tried; a disk that is full or read-only ends the pull,
because no other source would help.
"""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idol_runtime.errors import StoreError


class SourceFailure(Exception):
    """One source could not give a file; the message is a clause without a full stop."""


class Unreachable(SourceFailure):
    """Nothing at that place answers: asking it for another file would fail in the same way."""


class WrongFile(SourceFailure):
    """The source has other bytes under that name: asking again would give them again."""


def size_text(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def free_bytes(folder: Path) -> int:
    """Free space where `folder` is, or where its nearest existing parent is."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def require_space(folder: Path, needed: int) -> None:
    """Raises StoreError before anything is written when `needed` bytes do not fit."""
    free = free_bytes(folder)
    if free < needed:
        raise disk_full(folder, needed, free)


def disk_full(folder: Path, needed: int, free: int) -> StoreError:
    wanted = f"{size_text(needed)} are needed there, " if needed else ""
    return StoreError(
        f"The disk that holds {folder} is full: {wanted}"
        f"{size_text(free)} are free. Make room, or set IDOL_HOME to a folder on a larger disk; "
        "what was fetched so far is kept."
    )


@contextmanager
def disk_errors(folder: Path, needed: int) -> Iterator[None]:
    """Turns the operating system's refusal to write below `folder` into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(folder, needed, free_bytes(folder)) from None
        path = error.filename or folder
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreError(
                f"{path}: expected to be allowed to read and write there, the system says "
                f"{error.strerror}; set IDOL_HOME to a folder of your own."
            ) from None
        raise StoreError(
            f"{path}: the file system says {error.strerror or error}; repair it, or set IDOL_HOME "
            "to a folder elsewhere."
        ) from None
