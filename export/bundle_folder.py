"""The folder that an export writes: whole or not there, and nobody's bundle is lost by it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idol_runtime.dialogue.importer import new_folder
from idol_runtime.errors import InputError
from idol_runtime.inference.bundle import MANIFEST


def check_place(out: Path, *, force: bool) -> None:
    """Fails before the work is done, not after it.

    Args:
        out: Where a bundle is to be written.
        force: Whether a bundle that is there may be replaced; anything else never is.

    Raises:
        InputError: something is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise InputError(
            f"{out}: expected a free place for a bundle, found something else; choose another one."
        )
    if not force:
        raise InputError(
            f"{out}: expected a free place, found a bundle; choose another one, or give --force "
            "to replace it."
        )


@contextmanager
def new_bundle(out: Path, *, force: bool) -> Iterator[Path]:
    """A folder to write into, which becomes `out` when the block ends without an error.

    What was there is kept until then.

    Raises:
        InputError: see `check_place`.
        StoreError: the disk is full or not writable.
    """
    check_place(out, force=force)
    written = out.with_name(f".{out.name}.new")
    shutil.rmtree(written, ignore_errors=True)
    with new_folder(written) as folder:
        yield folder
    if out.exists():
        shutil.rmtree(out)
    written.rename(out)
