"""A real PostgreSQL server of the tests: on a socket in a folder, as a user that is not root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"
"""Runs it where the tests run as root, which PostgreSQL refuses; its package makes this user."""


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database; skips where no server is installed."""
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL is not installed: sh tests/install_counterparts.sh")
    # Short: a socket's path has about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="idol-pg-"))
    run = subprocess.run
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
        as_user = ["setpriv", "--reuid", USER, "--regid", USER, "--init-groups"]
    data = folder / "data"
    command = [
        *as_user,
        initdb,
        "-D",
        str(data),
        "-U",
        "idol",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    run(command, check=True, capture_output=True, cwd=folder)
    command = [
        *as_user,
        server,
        "-D",
        str(data),
        "-k",
        str(folder),
        "-c",
        "listen_addresses=",
        "-F",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            ready = _program("pg_isready") or "pg_isready"
            run(
                ["sh", "-c", f'until "{ready}" -q -h "{folder}" -U idol; do sleep 0.1; done'],
                check=True,
                timeout=60,
            )
            yield f"postgresql://idol@localhost/postgres?host={folder}"
        finally:
            process.terminate()
            process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(newest[-1]) if newest else shutil.which(name)
