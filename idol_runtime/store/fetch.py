"""Files of one model, fetched from the first source that has them."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec

from idol_runtime.errors import StoreError
from idol_runtime.inference.bundle import sha256_of
from idol_runtime.store import packages
from idol_runtime.store.archive import append_members
from idol_runtime.store.catalog import (
    Archive,
    ArchiveSource,
    Catalog,
    FileGroup,
    HubSource,
    ModelFile,
    Part,
    UrlSource,
)
from idol_runtime.store.display import Display
from idol_runtime.store.download import bytes_in, download
from idol_runtime.store.failures import SourceFailure, Unreachable, WrongFile, require_space
from idol_runtime.store.hub import check_offer, hub_url

Place = Callable[[ModelFile, Path], None]
"""Moves a verified file to where it belongs."""


class _Failures(msgspec.Struct):
    """Why each source could not give each file, in the order they were tried."""

    reasons: dict[str, list[str]] = {}

    def add(self, file: ModelFile, source: object, error: SourceFailure) -> None:
        self.reasons.setdefault(file.path, []).append(f"{source}: {error}")


class Fetch:
    """One pull: remembers what is down, so that no place is asked twice in vain."""

    def __init__(
        self,
        catalog: Catalog,
        downloads: Path,
        client: httpx.Client,
        display: Display,
        *,
        hub: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`downloads` holds unfinished files and archives, named by their sha256."""
        self._catalog = catalog
        self._downloads = downloads
        self._client = client
        self._display = display
        self._hub = hub
        self._sleep = sleep
        self._down: dict[str, str] = {}
        self._archives: dict[str, Path | SourceFailure] = {}

    def group(self, model: str, group: FileGroup, files: Sequence[ModelFile], place: Place) -> None:
        """Fetches `files` of `group` and places each.

        Raises:
            StoreError: a file could not be had from any source; says why for each.
            OSError: the disk refuses.
        """
        failures = _Failures()
        missing = list(files)
        for source in group.sources:
            if isinstance(source, ArchiveSource):
                missing = self._from_archives(source, missing, place, failures)
            else:
                missing = self._from_web(source, missing, place, failures)
            if not missing:
                return
            if source is not group.sources[-1]:
                files_left = "one file" if len(missing) == 1 else f"{len(missing)} files"
                reason = failures.reasons[missing[0].path][-1]
                self._display.note(f"{reason}; trying the next source for {files_left}.")
        raise _nothing_worked(model, missing, failures)

    def discard_archives(self) -> None:
        """Removes the archives this pull has used; their members are in place."""
        for path in self._archives.values():
            if isinstance(path, Path):
                path.unlink(missing_ok=True)

    def _from_web(
        self, source: HubSource | UrlSource, files: list[ModelFile], place: Place, why: _Failures
    ) -> list[ModelFile]:
        missing = []
        for file in files:
            try:
                place(file, self._one(source, file))
            except SourceFailure as error:
                why.add(file, source, error)
                missing.append(file)
        return missing

    def _one(self, source: HubSource | UrlSource, file: ModelFile) -> Path:
        if isinstance(source, HubSource):
            url = hub_url(self._hub, source, file)
        else:
            url = source.url.replace("{path}", file.path)
        host = urlsplit(url).netloc
        self._refuse_if_down(host)
        part = self._downloads / f"{file.sha256}.part"
        require_space(self._downloads, file.size - bytes_in(part))
        try:
            if isinstance(source, HubSource) and bytes_in(part) < file.size:
                check_offer(self._client, url, file)
            self._transfer(url, part, file.path, file.size, file.sha256)
        except Unreachable as error:
            self._down[host] = str(error)
            raise
        return part

    def _from_archives(
        self, source: ArchiveSource, files: list[ModelFile], place: Place, why: _Failures
    ) -> list[ModelFile]:
        wanted = [self._catalog.archives[part.archive] for part in source.parts]
        joined = {file: self._downloads / f"{file.sha256}.joined" for file in files}
        for path in joined.values():
            path.unlink(missing_ok=True)  # left by a pull that was killed
        missing = []
        archive = wanted[0]
        try:
            self._require_space_for(wanted, files)
            for archive in wanted:
                self._archive(archive)
            for archive, part in zip(wanted, source.parts, strict=True):
                self._append(archive, part, joined)
            for file, path in joined.items():
                if bytes_in(path) == file.size and sha256_of(path) == file.sha256:
                    place(file, path)
                    continue
                error = WrongFile("the file made from its members has another sha256")
                why.add(file, archive, error)
                missing.append(file)
        except SourceFailure as error:
            for file in files:
                why.add(file, archive, error)
            return files
        finally:
            for path in joined.values():
                path.unlink(missing_ok=True)
        return missing

    def _append(self, archive: Archive, part: Part, joined: dict[ModelFile, Path]) -> None:
        members = {part.member.replace("{path}", file.path): file for file in joined}
        targets = {name: joined[file] for name, file in members.items()}
        limits = {name: file.size for name, file in members.items()}
        append_members(self._archive(archive), targets, limits)

    def _archive(self, archive: Archive) -> Path:
        """The verified archive, fetched once a pull."""
        if archive.sha256 not in self._archives:
            try:
                self._archives[archive.sha256] = self._fetch_archive(archive)
            except SourceFailure as error:
                self._archives[archive.sha256] = error
        found = self._archives[archive.sha256]
        if isinstance(found, SourceFailure):
            raise found
        return found

    def _fetch_archive(self, archive: Archive) -> Path:
        path = self._downloads / f"{archive.sha256}.archive"
        if path.exists() and sha256_of(path) == archive.sha256:
            return path
        path.unlink(missing_ok=True)
        part = path.with_suffix(".part")
        self._refuse_if_down(archive.registry)
        try:
            url = packages.locate(archive)
        except Unreachable as error:
            self._down[archive.registry] = str(error)
            raise
        label = f"{archive.package} {archive.version}"
        try:
            self._transfer(url, part, label, archive.size, archive.sha256)
        except WrongFile:
            raise
        except SourceFailure as error:
            # A login, proxy or certificate that only the client knows.
            self._display.note(f"{label}: {error}; asking {archive.registry}'s own client.")
            self._by_client(archive, part)
        part.replace(path)
        return path

    def _by_client(self, archive: Archive, part: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self._downloads) as folder:
            fetched = packages.fetch_by_client(archive, Path(folder))
            if (found := sha256_of(fetched)) != archive.sha256:
                raise WrongFile(
                    f"it has sha256 {found[:16]}... instead of {archive.sha256[:16]}..."
                )
            fetched.replace(part)

    def _transfer(self, url: str, part: Path, label: str, size: int, sha256: str) -> None:
        def show(done: int) -> None:
            self._display.fetching(label, done, size)

        download(
            self._client, url, part, size=size, sha256=sha256, progress=show, sleep=self._sleep
        )

    def _require_space_for(self, archives: Sequence[Archive], files: Sequence[ModelFile]) -> None:
        there = sum(
            bytes_in(self._downloads / f"{archive.sha256}{suffix}")
            for archive in archives
            for suffix in (".part", ".archive")
        )
        needed = sum(archive.size for archive in archives) + sum(file.size for file in files)
        require_space(self._downloads, needed - there)

    def _refuse_if_down(self, place: str) -> None:
        if place in self._down:
            raise Unreachable(self._down[place])


def _nothing_worked(model: str, missing: list[ModelFile], failures: _Failures) -> StoreError:
    first = missing[0].path
    others = f" (and {len(missing) - 1} more files)" if len(missing) > 1 else ""
    reasons = "; ".join(f"({i}) {why}" for i, why in enumerate(failures.reasons[first], 1))
    return StoreError(
        f"{first} of {model}{others} could not be fetched from any source: {reasons}. "
        f"Check the network and run `idol models pull {model}` again: it resumes where it stopped. "
        "Without a network, copy the model's folder from another machine."
    )


def settle(part: Path, target: Path) -> None:
    """Moves a finished file to its place; after a power cut it is whole or absent."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
    if os.name == "posix":
        folder = os.open(target.parent, os.O_RDONLY)
        with suppress(OSError):
            os.fsync(folder)
        os.close(folder)
