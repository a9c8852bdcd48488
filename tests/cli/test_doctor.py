import importlib.metadata
import importlib.util
import shlex
import socket
import sys
from pathlib import Path

import pytest

from idol_runtime import errors
from idol_runtime.character import Character, HttpMind, ModelNames
from idol_runtime.cli import checks as doctor
from idol_runtime.cli.checks import examine
from idol_runtime.cli.findings import Finding
from idol_runtime.errors import CHECKOUT, install_command
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.store import Store
from idol_runtime.store.catalog import Catalog, FileGroup, Model, ModelFile, UrlSource
from tests.store.file_server import FileServer, sha256


def catalog_of(url: str, content: bytes) -> Catalog:
    file = ModelFile("w.bin", len(content), sha256(content))
    group = FileGroup((UrlSource(url),), (file,))
    return Catalog({"toy": Model("speech", "MIT", "", (group,))}, {})


@pytest.fixture
def store(server: FileServer, tmp_path: Path) -> Store:
    return Store(tmp_path / "home", catalog_of(server.serve("/w", b"weights"), b"weights"))


def found(store: Store, *, port: int = 0) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(store, host="127.0.0.1", port=port)}


def test_a_provider_is_called_usable_only_after_a_session_ran_on_it(store: Store) -> None:
    cpu = found(store)["cpu"]
    assert (cpu.level, cpu.found) == ("ok", "runs on CPUExecutionProvider")


def test_a_missing_model_is_a_warning_that_says_how_to_fetch_it(store: Store) -> None:
    finding = found(store)["model toy"]
    assert finding.level == "warn"
    assert "idol models pull toy" in finding.advice


def test_a_damaged_model_is_an_error_although_size_and_time_are_right(store: Store) -> None:
    path = store.pull("toy") / "w.bin"
    assert found(store)["model toy"].level == "ok"
    path.write_bytes(b"WEIGHTS")
    finding = found(store)["model toy"]
    assert finding.level == "error"
    assert str(path) in finding.found


def test_looking_fetches_nothing(server: FileServer, store: Store) -> None:
    found(store)
    assert server.requests == []
    assert not store.home.exists()


def test_two_distributions_of_onnx_runtime_are_an_error_with_the_fix(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "1.0")
    finding = found(store)["onnxruntime"]
    assert finding.level == "error"
    assert "pip uninstall --yes onnxruntime onnxruntime-gpu" in finding.advice
    assert f"{sys.executable} -m pip install --force-reinstall --no-deps onnx" in finding.advice


def test_an_onnx_runtime_that_does_not_load_is_an_error_not_a_traceback(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "idol_runtime.inference.session", None)
    finding = found(store)["cpu"]
    assert finding.level == "error"
    assert "does not load" in finding.found


def test_a_port_in_use_is_a_warning(store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        finding = found(store, port=taken.getsockname()[1])["port"]
    assert finding.level == "warn"
    assert "--port" in finding.advice


def test_too_little_room_for_the_models_is_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "free_bytes", lambda _: 5)
    finding = found(store)["disk"]
    assert finding.level == "error"
    assert "IDOL_HOME" in finding.advice


def test_shipped_bundles_are_hashed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path)
    for kind in ("face", "pose"):
        folder = tmp_path / "bundles" / kind
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"weights")
        write_manifest(folder, kind=kind, name=f"{kind}-toy", licence="MIT", config={})
    (tmp_path / "bundles" / "pose" / "weights").write_bytes(b"altered")
    findings = found(store)
    assert findings["face bundle"].level == "ok"
    assert findings["pose bundle"].level == "error"


def test_a_page_without_its_libraries_is_an_error(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path)
    assert f"`make -C {CHECKOUT} setup`" in found(store)["stage page"].advice


def test_a_language_that_a_character_speaks_and_nothing_reads_is_an_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ren = Character("Ren", "You are Ren.", language="ja-JP")
    [finding] = [
        each
        for each in examine(store, host="127.0.0.1", port=0, cast=[ren])
        if each.check == "Japanese speech"
    ]
    assert finding.level == "error"
    assert install_command("ja") in finding.advice
    assert found(store)["Japanese speech"].level == "ok"


def test_an_extra_is_installed_from_a_checkout_by_its_path_from_a_wheel_by_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = [sys.executable, "-m", "pip", "install"]
    assert shlex.split(install_command("zh")) == [*pip, "--editable", f"{CHECKOUT}[zh]"]
    monkeypatch.setattr(errors, "CHECKOUT", tmp_path)
    parts = shlex.split(install_command("zh"))
    assert parts[:4] == pip
    assert "misaki==0.9.4" in parts
    assert not any("idol" in part for part in parts[4:])


def test_a_mind_behind_an_address_is_asked_for_what_it_has(
    store: Store, server: FileServer
) -> None:
    server.serve("/v1/models", b'{"data": [{"id": "big"}, {"id": "small"}]}')
    models = ModelNames(http=HttpMind(f"{server.url}/v1"))
    there = Character(name="Ren", persona="You are Ren.", models=models)
    nowhere = "http://127.0.0.1:1/v1"
    away = Character(name="Aki", persona="You are Aki.", models=ModelNames(http=HttpMind(nowhere)))
    told = {
        each.check: each
        for each in examine(store, host="127.0.0.1", port=0, cast=[there, away])
        if each.check.startswith("mind ")
    }
    assert told[f"mind {server.url}/v1"].found == "answers, with big, small"
    assert told[f"mind {nowhere}"].level == "warn"
    assert "does not answer" in told[f"mind {nowhere}"].found
