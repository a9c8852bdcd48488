"""The site builds without a warning, and a link to nothing fails the build."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def build(config: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(out)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_every_page_and_the_reference_are_built_without_a_warning(tmp_path: Path) -> None:
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    assert pages >= {"index.html", "architecture.html", "training.html", "wire.html"}
    reference = (tmp_path / "api" / "ground.html").read_text()
    assert "idol_runtime.timeline.Observer.on_frame" in reference


def test_the_site_asks_no_other_host_for_anything(tmp_path: Path) -> None:
    done = build(planted(tmp_path, ""), tmp_path / "site")
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        for part in ("<script src=", "<link rel=", "<img src="):
            for found in page.read_text().split(part)[1:]:
                assert not found.lstrip('"').startswith(("http", "//")), f"{page}: {found[:80]}"


@pytest.mark.parametrize(
    "link",
    [
        "[gone](no_such_page.md)",
        "[gone](../idol_runtime/no_such_file.py)",
        "[gone](architecture.md#no-such-heading)",
        "![gone](no_such_picture.png)",
    ],
)
def test_a_link_to_nothing_fails_the_build(tmp_path: Path, link: str) -> None:
    done = build(planted(tmp_path, link), tmp_path / "site")
    assert done.returncode != 0
    assert "no_such" in done.stderr or "no-such" in done.stderr


def planted(folder: Path, link: str) -> Path:
    """A configuration of the site, without its reference, with a line more on its first page."""
    shutil.copytree(ROOT / "docs", folder / "docs")
    for name in (
        "protocol",
        "training",
        "idol_runtime",
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ):
        (folder / name).symlink_to(ROOT / name)
    with (folder / "docs" / "index.md").open("a") as file:
        file.write(f"\n{link}\n")
    config = folder / "mkdocs.yml"
    config.write_text(
        f"INHERIT: {ROOT / 'mkdocs.yml'}\nplugins: [search]\n"
        f"docs_dir: {folder / 'docs'}\nhooks: [{folder / 'docs' / 'site' / 'hooks.py'}]\n"
    )
    return config
