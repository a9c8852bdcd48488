"""`idol character`, as a person calls it."""

import json
from pathlib import Path

import pytest

from idol_runtime.character import load_character
from idol_runtime.cli.main import main
from tests.character.cards import in_png, tavern_card


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "maren.png"
    path.write_bytes(in_png(tavern_card()))
    return path


def test_a_card_becomes_a_folder_and_a_card_again(
    card: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "maren", tmp_path / "again.json"
    assert main(["character", "import", str(card), "--out", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"Maren: ready in {folder}\n2 entries of lore in lore.toml\n" in printed
    assert "Best with rain sounds." in printed
    assert f"idol serve --character {folder}" in printed
    assert load_character(folder).name == "Maren"
    assert main(["character", "export", str(folder), str(out)]) == 0
    assert json.loads(out.read_text()) == tavern_card()
    assert "The picture does not fit into JSON" in capsys.readouterr().out


def test_without_a_folder_it_gets_the_character_s_name(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["character", "import", card.name]) == 0
    assert load_character(tmp_path / "maren").name == "Maren"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import", "nothing.png"], "No such file"),
        (["import", "maren.png", "--out", "."], "--replace"),
        (["export", "nowhere", "a.png"], "no such folder"),
        (["export", "nowhere", "a.webp"], ".png, .json, .charx"),
        (["export", "nowhere", "maren.png"], "--replace"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    card: Path,
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(card.parent)
    assert main(["character", *arguments]) == 2
    printed = capsys.readouterr().err
    assert says in printed
    assert printed.count("\n") == 1
