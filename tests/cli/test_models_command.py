"""`idol models` and `idol doctor`, as a person or a script calls them."""

import argparse
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from idol_runtime.cli import doctor, models
from idol_runtime.errors import BundleError, IdolError, InputError, StoreError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.store.display import Bars, PlainDisplay, display_for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDOL_OFFLINE", "1")
    return tmp_path / "home"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    models.add_models_parser(commands)
    doctor.add_doctor_parser(commands)
    options = parser.parse_args(arguments)
    return int(options.run(options))


def test_list_says_what_is_here_and_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["home"] == str(home)
    states = {model["name"]: model["state"] for model in listed["models"]}
    assert states == {
        "kokoro-82m": "missing",
        "smollm2-135m-instruct": "missing",
        "whisper-tiny-en": "missing",
    }
    assert all(model["licence"] and model["size"] for model in listed["models"])
    assert run("models", "list") == 0
    assert "not fetched" in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["IDOL_OFFLINE", "HF_HUB_OFFLINE"])
def test_pull_without_a_network_names_the_model_and_the_way_out(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IDOL_OFFLINE")
    monkeypatch.setenv(variable, "1")
    with pytest.raises(StoreError, match=r"kokoro-82m \(120\.6 MB\) is not complete .*network"):
        run("models", "pull")


def test_offline_is_also_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDOL_OFFLINE", "0")
    with pytest.raises(StoreError, match="network is off"):
        run("models", "pull", "--offline")


@pytest.mark.parametrize("action", ["pull", "verify"])
def test_an_unknown_model_is_refused_with_the_known_names(action: str) -> None:
    with pytest.raises(StoreError, match=r"found `gpt-9`; the catalog has kokoro-82m"):
        run("models", action, "kokoro-82m", "gpt-9")


def test_verify_of_a_model_that_is_not_here_ends_with_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("models", "verify", "kokoro-82m") == 1
    assert "idol models pull kokoro-82m" in capsys.readouterr().err


def test_verify_names_each_file_that_is_wrong(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "models" / "whisper-tiny-en"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"x" * 2317)
    assert run("models", "verify", "--json") == 1
    problems = json.loads(capsys.readouterr().out)["whisper-tiny-en"]
    assert [problem["file"] for problem in problems] == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    assert "it is damaged" in problems[0]["message"]


def test_verify_with_nothing_here_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "verify") == 0
    assert "idol models pull" in capsys.readouterr().out


def test_importing_what_is_no_gguf_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("not a model")
    with pytest.raises(IdolError, match=r"notes\.gguf"):
        run("models", "import", str(tmp_path / "notes.gguf"))
    assert not any((home / "bundles" / "dialogue").iterdir())


def test_a_bundle_is_imported_with_the_files_it_names_and_no_others(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bells"
    (bundle / "model").mkdir(parents=True)
    (bundle / "model" / "weights.bin").write_bytes(b"1")
    write_manifest(bundle, kind="speech", name="bells", licence="CC0-1.0", config={}, engine="x")
    (bundle / "notes.txt").write_text("mine")
    assert run("models", "import", str(bundle)) == 0
    assert "speech = 'bells'" in capsys.readouterr().out
    imported = home / "bundles" / "speech" / "bells"
    files = sorted(path.name for path in imported.rglob("*") if path.is_file())
    assert files == ["manifest.json", "weights.bin"]
    (bundle / "model" / "weights.bin").write_bytes(b"2")
    with pytest.raises(BundleError, match=r"weights\.bin: expected sha256"):
        run("models", "import", str(bundle), "--replace")
    assert (imported / "model" / "weights.bin").read_bytes() == b"1"


def test_a_bundle_that_no_character_can_name_is_not_imported(tmp_path: Path) -> None:
    write_manifest(tmp_path, kind="face", name="f", licence="CC0-1.0", config={})
    with pytest.raises(InputError, match="kind `dialogue` or `speech`, found `face`"):
        run("models", "import", str(tmp_path))


def test_doctor_for_machines_is_a_list_and_its_status_tells_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = run("doctor", "--json", "--port", "0")
    findings = json.loads(capsys.readouterr().out)
    assert {"check", "level", "found", "advice"} == set(findings[0])
    assert status == any(finding["level"] == "error" for finding in findings)
    assert all(finding["advice"] for finding in findings if finding["level"] != "ok")


def test_a_pipe_gets_few_plain_lines_and_a_terminal_a_bar() -> None:
    written = io.StringIO()
    lines = display_for(Console(file=written, force_terminal=False))
    assert isinstance(lines, PlainDisplay)
    for done in range(0, 10_000_001, 100_000):
        lines.fetching("weights.bin", done, 10_000_000)
    lines.fetching("small.txt", 1, 1)
    assert written.getvalue().splitlines() == [
        f"fetching weights.bin: {percent} % of 10.0 MB" for percent in (0, 25, 50, 75, 100)
    ]
    written = io.StringIO()
    bars = display_for(Console(file=written, force_terminal=True))
    assert isinstance(bars, Bars)
    bars.fetching("[a].bin", 5, 10)
    bars.step("weights", 1, 2)
    bars.note("A [sentence].")
    bars.close()
    assert "fetching [a].bin" in written.getvalue()
    assert "A [sentence]." in written.getvalue()
