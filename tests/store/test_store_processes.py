"""Pulls in processes of their own: killed in the middle, and two at once."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from idol_runtime.store import Store, load_catalog
from tests.store.file_server import FileServer, sha256

CONTENT = random.Random(3).randbytes(3_000_000)
SCRIPT = Path(__file__).with_name("pull_toy.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def catalog(server: FileServer, tmp_path: Path) -> Path:
    url = server.serve("/w", CONTENT)
    path = tmp_path / "catalog.toml"
    path.write_text(
        f"""
        [models.toy]
        kind = "speech"
        licence = "MIT"
        description = ""
        [[models.toy.groups]]
        sources = [{{ from = "url", url = "{url}" }}]
        files = [{{ path = "w.bin", size = {len(CONTENT)}, sha256 = "{sha256(CONTENT)}" }}]
        """
    )
    return path


def start_pull(home: Path, catalog: Path) -> "subprocess.Popen[str]":
    paths = [str(ROOT), str(ROOT / "protocol"), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(home), str(catalog)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


def test_a_pull_killed_in_the_middle_resumes(
    server: FileServer, catalog: Path, tmp_path: Path
) -> None:
    killed = threading.Event()
    part = tmp_path / "home" / "downloads" / f"{sha256(CONTENT)}.part"
    with start_pull(tmp_path / "home", catalog) as process:
        # The line that says a quarter has come is printed after those bytes were written.
        server.files["/w"].before_body = lambda _: _wait(killed)
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("25 %" in line for line in lines)
        process.kill()
        process.wait()
        killed.set()
    kept = part.stat().st_size
    assert 0 < kept < len(CONTENT)
    server.files["/w"].before_body = None
    Store(tmp_path / "home", load_catalog(catalog)).pull("toy")
    assert server.gets("/w") == ["", f"bytes={kept}-"]


def test_two_pulls_at_once_transfer_each_file_once(
    server: FileServer, catalog: Path, tmp_path: Path
) -> None:
    is_waiting = threading.Event()
    server.files["/w"].before_body = lambda _: _wait(is_waiting)
    home = tmp_path / "home"
    with start_pull(home, catalog) as first:
        assert first.stderr is not None
        assert "fetching w.bin" in first.stderr.readline()
        with start_pull(home, catalog) as second:
            assert second.stderr is not None
            assert "Another process is fetching; toy waits for it." in second.stderr.readline()
            is_waiting.set()
            assert second.communicate(timeout=60)[0].strip() == str(home / "models" / "toy")
        assert first.communicate(timeout=60)[0].strip() == str(home / "models" / "toy")
    assert (first.returncode, second.returncode) == (0, 0)
    assert server.gets("/w") == [""]
    assert (home / "models" / "toy" / "w.bin").read_bytes() == CONTENT


def _wait(event: threading.Event) -> None:
    assert event.wait(60)
