"""`idol memory`: what is kept of people is seen, exported, put right and erased."""

import json
from pathlib import Path

import pytest

from idol_runtime.cli.main import main
from idol_runtime.mind.memory.facts import Fact
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from idol_runtime.mind.memory.store import KeptFact, Whose

SAM, TOM = Whose("open", "sam", "hoshi"), Whose("open", "tom", "hoshi")


def fact(slot: str, text: str) -> KeptFact:
    return KeptFact(Fact("place", slot, text, text.split()[-1]), 1e9, 1e9, 0.8, f"mem_{slot}")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "memory.sqlite3"
    store = SqliteStore(path)
    store.put(SAM, [fact("place", "lives in Oslo"), fact("origin", "comes from Lyon")])
    store.put(TOM, [fact("place", "lives in Rome")])
    store.close()
    monkeypatch.setenv("IDOL_MEMORY_STORE", str(path))
    return path


def test_list_tells_of_whom_something_is_kept(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", "list"]) == 0
    told = capsys.readouterr().out
    assert "sam" in told
    assert "tom" in told
    assert "Oslo" not in told


def test_show_tells_what_is_kept_of_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "show", "sam"]) == 0
    told = capsys.readouterr().out
    assert "mem_place  2001-09-09  place: lives in Oslo" in told
    assert "Rome" not in told


def test_export_is_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "export", "sam"]) == 0
    [whole] = json.loads(capsys.readouterr().out)
    assert (whole["user"], whole["character"]) == ("sam", "hoshi")
    assert {each["text"] for each in whole["memories"]} == {"lives in Oslo", "comes from Lyon"}


def test_edit_puts_one_right(file: Path) -> None:
    assert main(["memory", "edit", "sam", "mem_place", "lives in Bergen"]) == 0
    store = SqliteStore(file)
    assert {each.fact.text for each in store.memories(SAM)} == {
        "lives in Bergen",
        "comes from Lyon",
    }
    store.close()


def test_erase_takes_one_or_all_of_one_person(file: Path) -> None:
    assert main(["memory", "erase", "sam", "--id", "mem_origin"]) == 0
    assert main(["memory", "erase", "sam"]) == 0
    store = SqliteStore(file)
    assert [owner.whose for owner in store.owners()] == [TOM]
    store.close()
    assert b"Oslo" not in file.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["show", "eve"],
        ["erase", "sam", "--character", "ren"],
        ["erase", "sam", "--tenant", "other"],
        ["erase", "sam", "--id", "mem_none"],
        ["edit", "sam", "mem_none", "is a king"],
    ],
)
def test_what_is_not_there_is_one_sentence(
    file: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *words]) == 2
    assert capsys.readouterr().err.startswith("idol: Expected ")
    store = SqliteStore(file)
    assert len(store.memories(SAM)) == 2
    store.close()
