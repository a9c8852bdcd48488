"""The user's cache of models: fetched once, verified, and never half there."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from idol_runtime.errors import IdolError, StoreError
from idol_runtime.store.catalog import Catalog, Model, ModelFile
from idol_runtime.store.contents import ImportedBundle, ModelStatus, Problem, State
from idol_runtime.store.display import Display, Silent
from idol_runtime.store.download import open_client
from idol_runtime.store.failures import disk_errors, require_space, size_text
from idol_runtime.store.fetch import Fetch, settle
from idol_runtime.store.hub import ENDPOINT
from idol_runtime.store.verified import Verified, problem_of, recall, remember, stamp


class Store:
    """Models below one folder.

    models/NAME/...         files of the catalog
    verified/NAME.json      what was hashed, with size and time of change
    derived/NAME/KEY/       what was made from a model, see `derived`
    bundles/KIND/NAME/      what `idol models import` wrote
    downloads/, locks/      unfinished files and archives; one process at a time
    """

    def __init__(
        self,
        home: Path,
        catalog: Catalog,
        *,
        offline: bool = False,
        progress: Display | None = None,
        hub: str = ENDPOINT,
        open_client: Callable[[], httpx.Client] = open_client,
    ) -> None:
        """Touches nothing.

        Args:
            home: Made when something is first written.
            catalog: What there is to fetch.
            offline: Never touch the network.
            progress: Shows what is going on; silent by default.
            hub: The Hugging Face hub or a mirror of it.
            open_client: Makes the HTTP client of one pull.
        """
        self.home = home
        self.catalog = catalog
        self.offline = offline
        self.display: Display = progress or Silent()
        self._hub = hub
        self._open_client = open_client

    def folder(self, name: str) -> Path:
        """Where a model's files are or will be."""
        return self.home / "models" / self._place(name)

    def bundle_folder(self, kind: str, name: str) -> Path:
        """Where `idol models import` puts a bundle."""
        return self.home / "bundles" / kind / name

    def derived_folder(self, name: str, key: str) -> Path:
        """Where `derived` puts what it makes."""
        return self.home / "derived" / _file_name(name) / _file_name(key)

    def pull(self, name: str) -> Path:
        """Makes sure that every file of a model is there; returns its folder.

        Files that were verified before and have not changed are not read again. A file that is
        damaged is named on the display, removed and fetched again.

        Raises:
            StoreError: unknown name; offline; no source has a file; the disk is full or read-only.
        """
        model = self.catalog.model(name)
        with disk_errors(self.home, model.size):
            if not self._absent(name, model):
                return self.folder(name)
            if self.offline:
                raise self._offline_error(name, model)
            with self._locked("downloads", f"another process is fetching; {name} waits for it."):
                # What the other process has brought meanwhile is not fetched again.
                self._fetch(name, model, self._absent(name, model, discard=True))
        return self.folder(name)

    def verify(self, name: str) -> list[Problem]:
        """Hashes every file of a model; what is wrong is fetched again by the next `pull`.

        Raises:
            StoreError: unknown name, or a file cannot be read.
        """
        model = self.catalog.model(name)
        verified: dict[str, Verified] = {}
        problems = []
        with disk_errors(self.home, 0):
            for file in model.files:
                path = self.folder(name) / file.path
                if problem := problem_of(path, file):
                    problems.append(Problem(file.path, problem))
                else:
                    verified[file.path] = stamp(path, file)
        remember(self._record(name), verified)
        return problems

    def status(self) -> list[ModelStatus]:
        """Every model of the catalog, by name."""
        return [self._status(name) for name in sorted(self.catalog.models)]

    def bundles(self) -> list[ImportedBundle]:
        """What `put_bundle` made, by kind and name."""
        folders = sorted((self.home / "bundles").glob("[!.]*/[!.]*/"))
        return [
            ImportedBundle(folder.name, folder.parent.name, _size_of(folder), folder)
            for folder in folders
        ]

    def derived(
        self,
        name: str,
        make: Callable[[Path], None],
        key: str,
        *,
        check: Callable[[Path], object] | None = None,
        needed: int = 0,
    ) -> Path:
        """A folder made from a model, made once and kept.

        Args:
            name: The model, or whatever names the folder.
            make: Writes into an empty folder; it appears under its name only when whole.
            key: Names how it was made; another key is another folder.
            check: Raises IdolError when a folder made earlier is damaged: it is made again.
            needed: Bytes that must be free before `make` starts.

        Raises:
            StoreError: a name is no file name; the disk is full or read-only.
            IdolError: whatever `make` raises, or `check` on a folder just made.
        """
        folder = self.derived_folder(name, key)
        waiting = f"another process is preparing {name}; this one waits for it."
        with disk_errors(self.home, needed):
            if folder.is_dir() and _is_sound(folder, check):
                return folder
            with self._locked(f"derived-{name}-{key}", waiting):
                if folder.is_dir() and not _is_sound(folder, check):
                    self.display.note(f"{folder} is damaged; it is removed and made again.")
                    shutil.rmtree(folder)
                if not folder.is_dir():
                    require_space(self.home, needed)
                    self._make(folder, make)
            if check is not None:
                check(folder)
        return folder

    def put_bundle(
        self, kind: str, name: str, make: Callable[[Path], None], *, replace: bool = False
    ) -> Path:
        """Makes a bundle of the user's own, which then can be named like a model.

        Raises:
            StoreError: a name is no file name or is taken; the disk is full or read-only.
            IdolError: whatever `make` raises; then what was there before is kept.
        """
        folder = self.bundle_folder(_file_name(kind), _file_name(name))
        if folder.exists() and not replace:
            raise StoreError(
                f"{folder}: a {kind} bundle named {name} is there already; choose another --name, "
                "or give --replace."
            )
        waiting = f"another process is importing {name}; this one waits for it."
        with disk_errors(self.home, 0), self._locked(f"bundle-{kind}-{name}", waiting):
            self._make(folder, make)
        return folder

    def _make(self, folder: Path, make: Callable[[Path], None]) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The lock is ours: whatever lies there was left by a process that died.
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            make(unfinished)
            if folder.exists():
                shutil.rmtree(folder)
            unfinished.replace(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _fetch(self, name: str, model: Model, absent: set[str]) -> None:
        downloads = self.home / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)

        def place(file: ModelFile, part: Path) -> None:
            target = self.folder(name) / file.path
            settle(part, target)
            (downloads / f"{file.sha256}.part").unlink(missing_ok=True)  # begun at another source
            record = self._record(name)
            remember(record, recall(record) | {file.path: stamp(target, file)})

        with self._open_client() as client:
            fetch = Fetch(self.catalog, downloads, client, self.display, hub=self._hub)
            for group in model.groups:
                if wanted := [file for file in group.files if file.path in absent]:
                    fetch.group(name, group, wanted, place)
            fetch.discard_archives()

    def _absent(self, name: str, model: Model, *, discard: bool = False) -> set[str]:
        """Paths that must be fetched; `discard` names and removes the damaged ones."""
        known = recall(self._record(name))
        absent = set()
        for file in model.files:
            path = self.folder(name) / file.path
            if path.is_file() and known.get(file.path) == stamp(path, file):
                continue
            problem = problem_of(path, file)
            if problem is None:
                known[file.path] = stamp(path, file)
                remember(self._record(name), known)
                continue
            absent.add(file.path)
            if discard and path.exists():
                self.display.note(f"{problem} It is removed and fetched again.")
                path.unlink()
        return absent

    def _status(self, name: str) -> ModelStatus:
        model, known = self.catalog.models[name], recall(self._record(name))
        there = {
            file: stamp(path, file)
            for file in model.files
            if (path := self.folder(name) / file.path).is_file()
            and path.stat().st_size == file.size
        }
        if len(there) == len(model.files):
            hashed = all(known.get(file.path) == now for file, now in there.items())
            state: State = "ready" if hashed else "unverified"
        else:
            state = "partial" if there else "missing"
        present = sum(file.size for file in there)
        return ModelStatus(
            name,
            model.kind,
            model.licence,
            model.description,
            model.size,
            present,
            state,
            self.folder(name),
        )

    def _offline_error(self, name: str, model: Model) -> StoreError:
        return StoreError(
            f"The model {name} ({size_text(model.size)}) is not complete in {self.folder(name)} "
            "and the network is off (IDOL_OFFLINE, HF_HUB_OFFLINE, --offline, or `offline` in "
            f"idol.toml); run `IDOL_HOME={shlex.quote(str(self.home))} idol models pull {name}` "
            "once with a network, or copy that folder from another machine."
        )

    def _record(self, name: str) -> Path:
        return self.home / "verified" / f"{self._place(name)}.json"

    def _place(self, name: str) -> str:
        """A tuned model has the files of its base."""
        known = self.catalog.models.get(name)
        return name if known is None or known.base is None else known.base

    @contextmanager
    def _locked(self, name: str, waiting: str) -> Iterator[None]:
        locks = self.home / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        # A singleton is re-entrant: making a derived folder may pull, and may derive another.
        lock = FileLock(locks / f"{name}.lock", is_singleton=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.display.note(f"{waiting[0].upper()}{waiting[1:]}")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _is_sound(folder: Path, check: Callable[[Path], object] | None) -> bool:
    try:
        if check is not None:
            check(folder)
    except IdolError:
        return False
    return True


def _file_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", name):
        raise StoreError(
            f"Expected a name of letters, digits, `.`, `_`, `+` and `-`, found `{name}`; "
            "choose another."
        )
    return name


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
