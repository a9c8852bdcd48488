"""Two models small enough to run anywhere: the engines of docs/your_own_engine.md."""

import re
import tomllib
from pathlib import Path

import pytest

from idol_runtime.conversation.models import ModelFolders

PAGE = Path(__file__).parents[2] / "docs" / "your_own_engine.md"


def blocks() -> dict[str, str]:
    """The page's files by their titles."""
    found = re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', PAGE.read_text(), re.M | re.S)
    return dict(found)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that holds the page's package as pip would install it."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads(blocks()["pyproject.toml"])["project"]
    entries = project["entry-points"]["idol_runtime.engines"]
    info = site / f"tone_and_parrot-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [f"{name} = {target}\n" for name, target in entries.items()]
    (info / "entry_points.txt").write_text("".join(["[idol_runtime.engines]\n", *lines]))
    for name, text in blocks().items():
        if name.endswith(".py"):
            (site / name).write_text(text)
    return site


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the page's bundles and its character."""
    desk = tmp_path_factory.mktemp("desk")
    for name, text in blocks().items():
        if name.endswith(("manifest.json", "character.toml")):
            (desk / name).parent.mkdir()
            (desk / name).write_text(text)
    return desk


@pytest.fixture
def folders(installed: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFolders:
    monkeypatch.syspath_prepend(str(installed))  # a spawned process has the same path
    return ModelFolders(dialogue=desk / "parrot", speech=desk / "tone")
