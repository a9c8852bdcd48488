"""The same of every store: SQLite in a file, and PostgreSQL behind a URL."""

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idol_runtime.errors import ConfigError
from idol_runtime.mind.memory.facts import Fact
from idol_runtime.mind.memory.postgres_store import PostgresStore
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from idol_runtime.mind.memory.store import KeptFact, MemoryStore, MemoryStoreError, Whose
from tests.mind.conftest import OpenStore

SAM = Whose("tenant-a", "sam", "hoshi")
OTHERS = (
    Whose("tenant-b", "sam", "hoshi"),
    Whose("tenant-a", "tom", "hoshi"),
    Whose("tenant-a", "sam", "ren"),
    Whose("tenant-a", "SAM", "hoshi"),
    Whose("tenant-a", "%", "hoshi"),
    Whose("tenant-a", "' OR 1=1 --", "hoshi"),
    Whose("", "", ""),
)
OSLO = KeptFact(Fact("place", "place", "lives in Oslo", "Oslo"), 100.0, 100.0, 0.8)
CATS = KeptFact(Fact("like", "taste/cat", "likes cats", "cats"), 200.0, 200.0, 0.5)


def test_what_is_put_is_there_for_whoever_opens_the_store_later(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [CATS, OSLO])
    store.close()
    assert open_store().memories(SAM) == [OSLO, CATS]


def test_nobody_reaches_what_is_not_theirs(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO])
    for other in OTHERS:
        assert store.memories(other) == []
        assert store.erase(other) == 0
        assert store.erase(other, [OSLO.id]) == 0
        store.touch(other, [OSLO.id], 900.0)
        stolen = KeptFact(Fact("name", "name", "is called Eve", "Eve"), 1.0, 1.0, 1.0, OSLO.id)
        store.put(other, [stolen])
    assert store.memories(SAM) == [OSLO]


def test_a_newer_fact_takes_the_place_of_the_one_in_its_slot(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO])
    moved = KeptFact(Fact("place", "place", "lives in Rome", "Rome"), 300.0, 300.0, 0.8)
    store.put(SAM, [moved])
    assert store.memories(SAM) == [moved]


def test_an_edited_fact_keeps_its_id_in_another_slot(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO, CATS])
    edited = KeptFact(Fact("like", "taste/dog", "likes dogs", "dogs"), 201.0, 201.0, 0.5, CATS.id)
    store.put(SAM, [edited])
    assert store.memories(SAM) == [OSLO, edited]


def test_touching_says_when_a_memory_was_last_of_use(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO])
    store.touch(SAM, [OSLO.id], 500.0)
    assert [each.used_s for each in store.memories(SAM)] == [500.0]


def test_erasing_takes_some_or_all(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO, CATS])
    assert store.erase(SAM, [OSLO.id, "mem_of_nobody"]) == 1
    assert store.memories(SAM) == [CATS]
    assert store.erase(SAM) == 1
    assert store.memories(SAM) == []
    assert store.owners() == []


def test_what_is_old_is_forgotten_of_everybody(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO, CATS])
    store.put(OTHERS[0], [OSLO])
    assert store.forget_before(150.0) == 2
    assert [owner.whose for owner in store.owners()] == [SAM]


def test_who_runs_the_server_sees_of_whom_something_is_kept(open_store: OpenStore) -> None:
    store = open_store()
    store.put(SAM, [OSLO, CATS])
    [owner] = store.owners()
    assert (owner.whose, owner.count, owner.newest_s) == (SAM, 2, 200.0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80), value=st.text(max_size=20), embedding=st.binary(max_size=32))
def test_any_text_comes_back(
    open_store: OpenStore, text: str, value: str, embedding: bytes
) -> None:
    store = open_store()
    store.put(SAM, [KeptFact(Fact("other", "any", text, value), 1.0, 1.0, 0.5, "m", embedding)])
    [kept] = store.memories(SAM)
    assert kept.fact.text == text.replace("\0", "").encode(errors="replace").decode()
    assert kept.embedding == embedding
    store.close()


def test_a_store_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite3"
    store = SqliteStore(path)
    store.put(SAM, [OSLO])
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE idol_memory_schema SET version = 99")
    connection.close()
    with pytest.raises(MemoryStoreError, match=r"expected memories in version 1, found version 99"):
        SqliteStore(path).memories(SAM)


def test_nothing_of_what_was_erased_is_left_in_the_files(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.sqlite3")
    secret = Fact("place", "place", "lives in Xanthippopolis", "Xanthippopolis")
    store.put(SAM, [KeptFact(secret, 1.0, 1.0, 0.8), CATS])
    assert any(b"Xanthippopolis" in each.read_bytes() for each in tmp_path.iterdir())
    store.erase(SAM, [store.memories(SAM)[0].id])
    assert not any(b"Xanthippopolis" in each.read_bytes() for each in tmp_path.iterdir())
    assert [each.fact.value for each in store.memories(SAM)] == ["cats"]
    store.close()


def test_nobody_else_on_the_machine_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "memory.sqlite3"
    store = SqliteStore(path)
    store.put(SAM, [OSLO])
    assert path.stat().st_mode & 0o077 == 0
    store.close()


def test_a_file_that_is_no_store_is_one_sentence_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "memory.sqlite3"
    path.write_text("not a database, but somebody's shopping list " * 100)
    with pytest.raises(MemoryStoreError, match=r"memory\.sqlite3: expected a store of memories"):
        SqliteStore(path).memories(SAM)
    assert path.read_text().startswith("not a database")


def test_a_store_that_another_process_locks_says_so_and_works_again_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.sqlite3"
    store = SqliteStore(path, busy_s=0.05)
    store.put(SAM, [OSLO])
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(MemoryStoreError, match="locked"):
        store.put(SAM, [CATS])
    other.rollback()
    other.close()
    store.put(SAM, [CATS])
    assert store.memories(SAM) == [OSLO, CATS]
    store.close()


def test_two_writers_lose_nothing(open_store: OpenStore) -> None:
    stores = open_store(), open_store()

    def write(store: MemoryStore, who: str) -> None:
        for number in range(20):
            fact = Fact("other", f"{who}/{number}", f"counts to {number}", str(number))
            store.put(SAM, [KeptFact(fact, float(number), 0.0, 0.5)])

    threads = [
        threading.Thread(target=write, args=(store, who))
        for store, who in zip(stores, ("a", "b"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(open_store().memories(SAM)) == 40


def test_a_server_of_postgresql_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    store = PostgresStore(f"postgresql://idol:secret@localhost/idol?host={tmp_path}")
    with pytest.raises(MemoryStoreError, match=r"postgresql://.*expected a store") as told:
        store.memories(SAM)
    assert "secret" not in str(told.value)


def test_a_broken_url_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="Expected a URL of PostgreSQL"):
        PostgresStore("postgresql://localhost:no/idol")
