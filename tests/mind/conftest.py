"""Stores that tests of memory share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from idol_runtime.mind.memory.postgres_store import PostgresStore
from idol_runtime.mind.memory.sqlite_store import SqliteStore
from idol_runtime.mind.memory.store import MemoryStore
from tests.mind.postgres import running_postgres

OpenStore: TypeAlias = Callable[[], MemoryStore]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same, empty store as often as it is called."""
    opened: list[MemoryStore] = []
    url = request.getfixturevalue("postgres") if request.param == "postgres" else ""

    def open_it() -> MemoryStore:
        store = PostgresStore(url) if url else SqliteStore(tmp_path / "memory.sqlite3")
        opened.append(store)
        return store

    first = open_it()
    for owner in first.owners():
        first.erase(owner.whose)
    yield open_it
    for each in opened:
        each.close()
