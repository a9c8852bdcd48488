"""`idol models import hf://...`, against a server that speaks the hub's paths and redirects."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from idol_runtime.cli import models
from idol_runtime.cli.hub_import import FIRST_BYTES
from idol_runtime.errors import InputError, StoreError
from idol_runtime.inference.bundle import read_manifest
from idol_runtime.store.hub_file import HubAddress
from tests.dialogue.tiny_models import tiny_model, write_gguf
from tests.store.file_server import FileServer, sha256

COMMIT = "c" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HF_TOKEN", "IDOL_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("IDOL_HOME", str(tmp_path / "home"))
    server = FileServer()
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.close()


@pytest.fixture
def storage() -> Iterator[FileServer]:
    """Where the hub sends whoever wants a large file."""
    server = FileServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two megabytes, so that the beginning is not all of it."""
    model = tiny_model("llama", intermediate_size=4096)
    path = write_gguf(model, tmp_path_factory.mktemp("gguf") / "tiny.gguf", {"": "F16"})
    content = path.read_bytes()
    assert len(content) > 2 * FIRST_BYTES
    return content


def offer(
    hub: FileServer, storage: FileServer, content: bytes, *, token: str = "", cut: int = 0
) -> None:
    """`hf://some/model/tiny.gguf`, at its branch and at its commit."""
    headers = {
        "X-Linked-Etag": f'"{sha256(content)}"',
        "X-Linked-Size": str(len(content)),
        "X-Repo-Commit": COMMIT,
    }
    to = storage.serve("/blob", content)
    if cut:
        storage.files["/blob"].cuts = [len(content), cut]  # the look at its beginning is whole
    for revision in ("main", COMMIT):
        path = f"/some/model/resolve/{revision}/tiny.gguf"
        hub.serve(path, b"", redirect=to, headers=headers, token=token)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_models_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(["models", "import", "--no-measure", *arguments])
    return int(options.run(options))


def test_a_file_of_the_hub_becomes_a_bundle_and_is_not_kept(
    hub: FileServer,
    storage: FileServer,
    gguf: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offer(hub, storage, gguf)
    assert run("hf://some/model/tiny.gguf") == 0
    assert 'dialogue = "tiny"' in capsys.readouterr().out
    manifest = read_manifest(tmp_path / "home/bundles/dialogue/tiny")
    assert manifest.card["made_from"] == {"file": "tiny.gguf", "sha256": sha256(gguf)}
    assert list((tmp_path / "home/downloads").iterdir()) == []
    assert {request.path.split("/")[4] for request in hub.requests[1:]} == {COMMIT}


def test_what_is_not_supported_says_so_before_the_rest_is_fetched(
    hub: FileServer, storage: FileServer, gguf: bytes, tmp_path: Path
) -> None:
    name = b"general.architecture" + (8).to_bytes(4, "little") + (5).to_bytes(8, "little")
    assert gguf.count(name + b"llama") == 1
    offer(hub, storage, gguf.replace(name + b"llama", name + b"mamba"))
    with pytest.raises(InputError, match=r"^hf://some/model/tiny\.gguf: .*found `mamba`"):
        run("hf://some/model/tiny.gguf")
    assert storage.gets("/blob") == [f"bytes=0-{FIRST_BYTES - 1}"]
    assert not (tmp_path / "home/downloads").exists()


def test_a_long_header_is_read_on_until_it_is_whole(
    hub: FileServer, storage: FileServer, gguf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idol_runtime.cli.hub_import.FIRST_BYTES", 100)
    offer(hub, storage, gguf)
    assert run("hf://some/model/tiny.gguf") == 0
    looks = [each for each in storage.gets("/blob") if each.startswith("bytes=0-")]
    assert looks[:3] == ["bytes=0-99", "bytes=0-399", "bytes=0-1599"]


def test_a_transfer_that_broke_goes_on_where_it_stopped(
    hub: FileServer, storage: FileServer, gguf: bytes
) -> None:
    offer(hub, storage, gguf, cut=1_500_000)
    assert run("hf://some/model/tiny.gguf") == 0
    [look, whole, *rest] = storage.gets("/blob")
    assert (look, whole) == (f"bytes=0-{FIRST_BYTES - 1}", "")
    assert rest
    assert all(int(each.removeprefix("bytes=").removesuffix("-")) > 0 for each in rest)


def test_a_gated_file_names_the_way_in_and_the_token_goes_to_the_hub_alone(
    hub: FileServer, storage: FileServer, gguf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(hub, storage, gguf, token="hf_mine")
    with pytest.raises(StoreError, match=r"accept its terms at .*/some/model and put a token"):
        run("hf://some/model/tiny.gguf")
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(StoreError, match="with the account of your token in HF_TOKEN"):
        run("hf://some/model/tiny.gguf")
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert run("hf://some/model/tiny.gguf") == 0
    assert {token for _, token in storage.tokens} == {""}


@pytest.mark.parametrize(
    "text",
    ["hf://model/tiny.gguf", "hf://a/b", "hf://a/b/../../c.gguf", "hf://a/b/c.gguf@", "hf://"],
)
def test_what_is_no_address_is_refused_with_the_form_of_one(text: str, hub: FileServer) -> None:
    with pytest.raises(InputError, match=r"expected hf://OWNER/REPO/FILE.gguf"):
        run(text)
    assert hub.requests == []


def test_a_revision_is_what_stands_behind_the_at_sign() -> None:
    address = HubAddress.parse(f"hf://a/b/sub/c.gguf@{COMMIT}")
    assert (address.repo, address.path, address.revision) == ("a/b", "sub/c.gguf", COMMIT)
    assert str(address) == f"hf://a/b/sub/c.gguf@{COMMIT}"
    assert str(HubAddress.parse("hf://a/b/c.gguf@main")) == "hf://a/b/c.gguf"


def test_a_file_that_is_not_there_and_a_network_that_is_off_are_sentences(
    hub: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="the hub has no such file"):
        run("hf://some/model/none.gguf")
    monkeypatch.setenv("IDOL_OFFLINE", "1")
    with pytest.raises(StoreError, match="expected a network, but it is off"):
        run("hf://some/model/none.gguf")


def test_a_file_of_another_kind_is_refused_by_its_first_bytes(
    hub: FileServer, storage: FileServer
) -> None:
    offer(hub, storage, b"PK\x03\x04" + bytes(3 * FIRST_BYTES))
    with pytest.raises(InputError, match="expected a GGUF file, found another kind"):
        run("hf://some/model/tiny.gguf")
    assert len(storage.gets("/blob")) == 1
