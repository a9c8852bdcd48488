"""`idol models` and `idol doctor`, as a person or a script calls them."""

import argparse
import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from idol_runtime.character import ModelNames, load_character
from idol_runtime.cli import doctor, models
from idol_runtime.engine.model_files import fetch_models
from idol_runtime.errors import BundleError, ConfigError, IdolError, InputError, StoreError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.store import default_store
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
    assert {"kokoro-82m", "smollm2-135m-instruct", "whisper-tiny-en"} < set(states)
    assert set(states.values()) == {"missing"}
    assert all(model["licence"] and model["size"] for model in listed["models"])
    assert run("models", "list") == 0
    assert "not fetched" in capsys.readouterr().out


@pytest.mark.parametrize("variable", ["IDOL_OFFLINE", "HF_HUB_OFFLINE"])
def test_pull_without_a_network_names_the_model_and_the_way_out(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IDOL_OFFLINE")
    monkeypatch.setenv(variable, "1")
    with pytest.raises(StoreError, match=r"idol-0\.5b \(491\.4 MB\) is not complete .*network"):
        run("models", "pull")


def test_offline_is_also_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDOL_OFFLINE", "0")
    with pytest.raises(StoreError, match="network is off"):
        run("models", "pull", "--offline")


def test_a_pull_without_names_asks_for_what_a_character_needs_and_for_no_bigger_mind() -> None:
    names, needed = ModelNames(), models.needed_by_default(default_store())
    assert {names.dialogue, names.speech} <= set(needed)
    catalog = default_store().catalog
    minds = [name for name in needed if catalog.model(name).kind == "dialogue"]
    assert minds == [names.dialogue]


@pytest.mark.parametrize("action", ["pull", "verify"])
def test_an_unknown_model_is_refused_with_the_known_names(action: str) -> None:
    with pytest.raises(StoreError, match=r"found `gpt-9`; the catalog has .*kokoro-82m"):
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
    assert 'speech = "bells"' in capsys.readouterr().out
    imported = home / "bundles" / "speech" / "bells"
    files = sorted(path.name for path in imported.rglob("*") if path.is_file())
    assert files == ["manifest.json", "weights.bin"]
    (bundle / "model" / "weights.bin").write_bytes(b"2")
    with pytest.raises(BundleError, match=r"weights\.bin: expected sha256"):
        run("models", "import", str(bundle), "--replace")
    assert (imported / "model" / "weights.bin").read_bytes() == b"1"


def test_a_bundle_that_no_character_can_name_is_not_imported(tmp_path: Path) -> None:
    write_manifest(tmp_path, kind="hat", name="f", licence="CC0-1.0", config={})
    with pytest.raises(InputError, match="kind dialogue, speech, face, pose, found `hat`"):
        run("models", "import", str(tmp_path))


@pytest.mark.parametrize("kind", ["dialogue", "speech", "face", "pose"])
def test_the_lines_that_import_prints_make_a_character_use_the_bundle(
    kind: str, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / f"my {kind}"
    exported.mkdir()
    (exported / "weights.bin").write_bytes(b"1")
    write_manifest(exported, kind=kind, name=f"my_{kind}", licence="CC0-1.0", config={})
    assert run("models", "import", str(exported)) == 0
    lines = capsys.readouterr().out.partition("\n\n")[2]
    aki = tmp_path / "aki"
    aki.mkdir()
    (aki / "character.toml").write_text(f'name = "Aki"\npersona = "You are Aki."\n{lines}')
    named = getattr(load_character(aki).models, kind)
    assert default_store().bundle_folder(kind, f"my_{kind}").name == Path(named).name
    assert [each.name for each in default_store().bundles()] == [f"my_{kind}"]


@pytest.mark.parametrize("kind", ["dialogue", "speech", "face", "pose"])
def test_a_character_may_name_a_bundle_of_each_kind_in_its_own_folder(
    kind: str, tmp_path: Path
) -> None:
    own = tmp_path / "aki" / "mine"
    own.mkdir(parents=True)
    write_manifest(own, kind=kind, name="mine", licence="CC0-1.0", config={})
    text = f'name = "Aki"\npersona = "You are Aki."\n[models]\n{kind} = "./mine"\n'
    (tmp_path / "aki" / "character.toml").write_text(text)
    assert getattr(load_character(tmp_path / "aki").models, kind) == str(own)
    (tmp_path / "aki" / "character.toml").write_text(text.replace("mine", "yours"))
    with pytest.raises(ConfigError, match=rf"a {kind} bundle with its manifest\.json in .*yours"):
        load_character(tmp_path / "aki")


def test_words_and_voice_of_a_characters_own_folder_are_what_it_opens(tmp_path: Path) -> None:
    kinds = ("dialogue", "speech")
    for kind in kinds:
        (tmp_path / kind).mkdir()
        write_manifest(tmp_path / kind, kind=kind, name=kind, licence="CC0-1.0", config={})
    lines = "".join(f'{kind} = "./{kind}"\n' for kind in kinds)
    text = f'name = "Aki"\npersona = "You are Aki."\n[models]\n{lines}'
    (tmp_path / "character.toml").write_text(text)
    folders = fetch_models(default_store(), load_character(tmp_path))
    assert (folders.dialogue, folders.speech) == (tmp_path / "dialogue", tmp_path / "speech")
    (tmp_path / "dialogue" / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="dialogue"):
        load_character(tmp_path)


def test_the_store_is_the_one_that_idol_toml_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IDOL_HOME")
    config = tmp_path / "idol.toml"
    config.write_text('[store]\nhome = "models"\noffline = true\n')
    assert run("models", "list", "--json", "--config", str(config)) == 0
    assert json.loads(capsys.readouterr().out)["home"] == str(tmp_path / "models")
    monkeypatch.delenv("IDOL_OFFLINE")
    home = re.escape(str(tmp_path / "models"))
    with pytest.raises(StoreError, match=rf"`IDOL_HOME={home} idol models pull idol-0\.5b`"):
        run("models", "pull", "--config", str(config))


def test_doctor_for_machines_is_a_list_and_its_status_tells_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = run("doctor", "--json", "--port", "0")
    findings = json.loads(capsys.readouterr().out)
    assert {"check", "level", "found", "advice"} == set(findings[0])
    assert status == any(finding["level"] == "error" for finding in findings)
    assert all(finding["advice"] for finding in findings if finding["level"] != "ok")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, str]]:
    run("doctor", "--json", *arguments)
    return {each["check"]: each for each in json.loads(capsys.readouterr().out)}


def test_doctor_reads_what_serve_would_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("IDOL_HOME")
    (tmp_path / "yuki").mkdir()
    (tmp_path / "yuki" / "character.toml").write_text(
        'name = "Yuki"\npersona = "You are Yuki."\nlanguage = "zh"\n'
    )
    config = tmp_path / "idol.toml"
    config.write_text(
        '[server]\nport = 0\n[store]\nhome = "models"\n'
        '[[cast]]\ncharacter = "hoshi"\n[[cast]]\ncharacter = "yuki"\n'
    )
    found = told(capsys, "--config", str(config))
    assert found["settings"]["found"] == f"of {config}"
    assert found["character yuki"]["found"] == "Yuki, zh"
    assert str(tmp_path / "models") in found["disk"]["found"]
    assert found["port"]["found"] == "127.0.0.1:0 is free"
    pull = f"idol models pull --config {config} kokoro-82m"
    assert pull in found["model kokoro-82m"]["advice"]
    monkeypatch.setenv("IDOL_CONFIG", str(config))
    assert told(capsys)["settings"]["found"] == f"of {config}"


def test_doctor_tells_what_is_wrong_in_idol_toml_and_looks_at_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "idol.toml"
    config.write_text("[server]\nprot = 1\n")
    found = told(capsys, "--config", str(config))
    assert found["settings"]["level"] == "error"
    assert "did you mean port" in found["settings"]["found"]
    assert "python" in found
    config.write_text('[[cast]]\ncharacter = "nobody"\n')
    assert told(capsys, "--config", str(config))["character nobody"]["level"] == "error"


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
