"""How fast a mind is here, the memory it takes, and whether it fits."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from idol_runtime.bench.dialogue_speed import measure_speed
from idol_runtime.cli import models
from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import write_manifest
from idol_runtime.store.speed import (
    OTHERS_BYTES,
    Speed,
    fits,
    memory_needed,
    recall_speed,
    remember_speed,
    this_machine,
)
from tests.dialogue.tiny_models import tiny_model, write_gguf


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IDOL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IDOL_OFFLINE", "1")
    return tmp_path / "home"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    models.add_models_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(["models", *arguments])
    return int(options.run(options))


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    return {each["name"]: each for each in (*found["models"], *found["imported"])}


def test_an_imported_mind_is_measured_and_the_list_says_how_fast_it_is(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_gguf(tiny_model("llama"), tmp_path / "tiny.gguf", {"": "Q8_0"})
    assert run("import", str(file), "--threads", "1") == 0
    assert "tokens a second here" in capsys.readouterr().out
    here = listed(capsys)["tiny"]["here"]
    assert here["is_measured"]
    assert here["fits"]
    assert here["tokens_per_s"] > 0
    assert here["read_tokens_per_s"] > 0
    assert 50_000_000 < here["memory_bytes"] < 2_000_000_000
    assert run("list") == 0
    assert "tokens/s" in capsys.readouterr().out
    speed = home / "bundles" / "dialogue" / "tiny.speed.json"
    assert speed.is_file()
    speed.unlink()
    assert not listed(capsys)["tiny"]["here"]["is_measured"]
    assert run("measure", "tiny", "--threads", "1") == 0
    assert listed(capsys)["tiny"]["here"]["is_measured"]


def test_a_mind_that_is_not_here_is_reckoned_from_its_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = listed(capsys)
    small, large = (found[name]["here"] for name in ("smollm2-135m-instruct", "qwen3-4b"))
    assert not small["is_measured"]
    assert small["tokens_per_s"] is None
    assert small["memory_bytes"] < 700_000_000 < 4_000_000_000 < large["memory_bytes"]
    assert "here" not in found["kokoro-82m"]


def test_what_does_not_fit_beside_voice_and_system_says_so() -> None:
    assert fits(0)
    assert not fits(1 << 50)
    assert OTHERS_BYTES > 1_000_000_000
    assert memory_needed("x-q8_0.gguf", 10**9) < memory_needed("x-q4_k_m.gguf", 10**9)


def test_a_measurement_of_another_machine_is_none(tmp_path: Path) -> None:
    bundle = tmp_path / "mind"
    remember_speed(bundle, Speed(30.0, 300.0, 10**9, this_machine()))
    assert recall_speed(bundle) == Speed(30.0, 300.0, 10**9, this_machine())
    remember_speed(bundle, Speed(30.0, 300.0, 10**9, "another one"))
    assert recall_speed(bundle) is None
    (tmp_path / "mind.speed.json").write_text("{")
    assert recall_speed(bundle) is None


def test_a_model_that_does_not_open_is_one_sentence(tmp_path: Path) -> None:
    write_manifest(tmp_path, kind="dialogue", name="m", licence="", config={}, engine="decoder")
    with pytest.raises(BundleError, match=r"expected a model that answers, but .*import it again"):
        measure_speed(tmp_path, 1)
