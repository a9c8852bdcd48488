"""Package archives through the user's own clients.

pip and npm know which index, mirror, proxy and login this user has; we ask them where an archive
is and fetch it ourselves, with resume and progress, or let them fetch it where that does not work.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

from idol_runtime.store.catalog import Archive
from idol_runtime.store.failures import SourceFailure, Unreachable

T = TypeVar("T")

_ASK_S = 60.0
_FETCH_S = 1800.0
_DOWN = re.compile(
    r"NameResolution|NewConnection|ConnectTimeout|failed to resolve|failed to establish|"
    r"temporary failure in name|connection (refused|timed out)|network is unreachable|"
    r"E(AI_AGAIN|NOTFOUND|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH)",
    re.IGNORECASE,
)


class _DownloadInfo(msgspec.Struct):
    url: str


class _Install(msgspec.Struct):
    download_info: _DownloadInfo


class _Report(msgspec.Struct):
    """The part of pip's installation report (version 1) that says where the archive is."""

    install: list[_Install]


def locate(archive: Archive) -> str:
    """The archive's address on the registry the user's client is set up for.

    Raises:
        Unreachable: the client is missing or cannot reach its registry.
        SourceFailure: the registry has no such package.
    """
    spec = _spec(archive)
    if archive.registry == "npm":
        quick = ("--json", "--fetch-retries=0", "--fetch-timeout=20000")
        answer = _run([_npm(), "view", spec, "dist.tarball", *quick], _ASK_S)
        return _decode(answer, str, "npm")
    # --dry-run installs nothing; the report goes to standard output.
    dry = ("--dry-run", "--no-deps", "--ignore-installed", "--report", "-")
    answer = _run([*_pip("install"), *dry, spec], _ASK_S)
    installs = _decode(answer, _Report, "pip").install
    if len(installs) != 1:
        raise SourceFailure(f"pip reports {len(installs)} archives for {spec} instead of one")
    return installs[0].download_info.url


def fetch_by_client(archive: Archive, folder: Path) -> Path:
    """Lets the client itself fetch the archive into `folder`, which is empty.

    Raises:
        SourceFailure: as `locate`.
    """
    spec = _spec(archive)
    if archive.registry == "npm":
        _run([_npm(), "pack", spec, "--silent", "--pack-destination", str(folder)], _FETCH_S)
    else:
        _run([*_pip("download"), "--no-deps", "--dest", str(folder), spec], _FETCH_S)
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1:
        raise SourceFailure(f"the client left {len(files)} files for {spec} instead of one")
    return files[0]


def _spec(archive: Archive) -> str:
    joint = "@" if archive.registry == "npm" else "=="
    return f"{archive.package}{joint}{archive.version}"


def _pip(command: str) -> list[str]:
    options = ("--quiet", "--no-input", "--only-binary=:all:", "--retries=1", "--timeout=15")
    return [sys.executable, "-m", "pip", command, "--disable-pip-version-check", *options]


def _npm() -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise Unreachable("npm is not installed here (it comes with Node.js)")
    return npm


def _decode(answer: bytes, kind: type[T], client: str) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError as error:
        raise SourceFailure(f"{client}'s answer could not be read ({error})") from None


def _run(command: list[str], timeout_s: float) -> bytes:
    client = "npm" if "npm" in Path(command[0]).name else "pip"
    with tempfile.TemporaryDirectory() as elsewhere:  # a project's .npmrc is not the user's
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=timeout_s, cwd=elsewhere, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{client} did not finish within {timeout_s:.0f} s") from None
        except OSError as error:
            raise Unreachable(f"{client} does not start ({error})") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace")
    if "No module named pip" in said:
        raise Unreachable("this Python has no pip (`python -m ensurepip` brings it)")
    if _DOWN.search(said):
        raise Unreachable(f"{client} cannot reach its package index")
    raise SourceFailure(f"{client} says: {_last_error(said)}")


def _last_error(said: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in said.splitlines()]
    errors = [line for line in lines if re.match(r"(npm )?err", line, re.IGNORECASE)]
    return next(iter(errors or [line for line in lines if line]), "nothing").rstrip(".")
