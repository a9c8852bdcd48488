"""A bundle: the folder that export writes and the runtime loads.

ONNX files, data files and one `manifest.json` that names each with its sha256. Nothing is
loaded from a bundle before its hashes are checked, and no ONNX file may point outside its folder.
"""

import hashlib
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from idol_runtime.errors import BundleError
from idol_runtime.inference.external_files import external_files

MANIFEST = "manifest.json"
FORMAT = 1


class BundleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    size: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a bundle says of itself."""

    kind: str
    """`dialogue`, `speech`, `face` or `pose`."""
    name: str
    format: int
    files: dict[str, BundleFile]
    """Every file but the manifest, by its path inside the folder."""
    licence: str
    config: dict[str, Any]
    """What this kind's loader needs: shapes, rates, names; see the loader's own struct."""
    card: dict[str, Any] = {}
    """How it was made: command, seed, data with licences, metrics."""
    engine: str = ""
    """What opens it, see `engines`; empty for the house's own engine of this kind."""


class Bundle(msgspec.Struct, frozen=True):
    """A bundle whose files have been checked."""

    folder: Path
    manifest: Manifest

    def path(self, name: str) -> Path:
        if name not in self.manifest.files:
            raise BundleError(
                f"{self.folder}: expected a file `{name}` in the manifest, found "
                f"{sorted(self.manifest.files)}; export the bundle again."
            )
        return self.folder / name


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(
    folder: Path,
    *,
    kind: str,
    name: str,
    licence: str,
    config: dict[str, Any],
    card: dict[str, Any] | None = None,
    engine: str = "",
) -> Manifest:
    """Hashes every file in `folder` and writes the manifest next to them."""
    files = {
        path.relative_to(folder).as_posix(): BundleFile(sha256_of(path), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    manifest = Manifest(kind, name, FORMAT, files, licence, config, card or {}, engine)
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / MANIFEST).write_bytes(encoded + b"\n")
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Reads what a bundle says of itself; its files are not looked at.

    Raises:
        BundleError: the manifest is missing or broken.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BundleError(
            f"{folder}: expected a bundle with a {MANIFEST}, found none; "
            "fetch it with `idol models pull` or write it with `python -m export.<kind>`."
        ) from None
    except msgspec.DecodeError as error:
        raise BundleError(f"{path}: expected a bundle manifest, found {error}.") from None
    if manifest.format != FORMAT:
        raise BundleError(
            f"{path}: expected bundle format {FORMAT}, found {manifest.format}; "
            "export it again with this version."
        )
    return manifest


def open_bundle(folder: Path, kind: str) -> Bundle:
    """Reads and verifies a bundle.

    Raises:
        BundleError: the manifest is missing or broken, the kind differs, or a file is missing,
            truncated, altered or refers to data outside the folder.
    """
    bundle = open_verified(folder, kind)
    for name, expected in bundle.manifest.files.items():
        _verify(folder, name, expected)
    return bundle


def open_verified(folder: Path, kind: str) -> Bundle:
    """A bundle whose files were verified before: they are not read again, only looked at.

    Raises:
        BundleError: the manifest is missing or broken, the kind differs, or a file is missing or
            of another size.
    """
    manifest = read_manifest(folder)
    if manifest.kind != kind:
        raise BundleError(
            f"{folder / MANIFEST}: expected a {kind} bundle, found kind `{manifest.kind}`."
        )
    for name, expected in manifest.files.items():
        _look_at(folder, name, expected)
    return Bundle(folder, manifest)


def copy_bundle(source: Path, target: Path, kind: str) -> None:
    """Copies a verified bundle and nothing else of its folder.

    Raises:
        BundleError: see `open_bundle`.
    """
    for name in (*open_bundle(source, kind).manifest.files, MANIFEST):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _look_at(folder: Path, name: str, expected: BundleFile) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or (folder / name).is_symlink():
        raise BundleError(f"{folder}: file `{name}` leaves the bundle; refuse it, do not load it.")
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{path}: expected a file of {expected.size} bytes, found none.")
    size = path.stat().st_size
    if size != expected.size:
        raise BundleError(
            f"{path}: expected {expected.size} bytes, found {size}: the file is truncated or "
            "altered; delete the folder and fetch or export the bundle again."
        )


def _verify(folder: Path, name: str, expected: BundleFile) -> None:
    path = folder / name
    digest = sha256_of(path)
    if digest != expected.sha256:
        raise BundleError(
            f"{path}: expected sha256 {expected.sha256[:16]}..., found {digest[:16]}...: the "
            "file is damaged; delete the folder and fetch or export the bundle again."
        )
    if path.suffix == ".onnx":
        _check_external_data(path)


def _check_external_data(path: Path) -> None:
    try:
        found = external_files(path)
    except ValueError as error:
        raise BundleError(
            f"{path}: expected an ONNX model, but {error}; export it again."
        ) from None
    for name in sorted(found):
        location = PurePosixPath(name)
        if location.is_absolute() or ".." in location.parts:
            raise BundleError(f"{path}: tensor data at `{name}` is outside the bundle; refuse it.")
