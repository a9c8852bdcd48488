"""What SQLite and PostgreSQL have in common."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from idol_runtime.mind.memory.facts import Fact
from idol_runtime.mind.memory.store import (
    SCHEMA_VERSION,
    KeptFact,
    MemoryStoreError,
    Owner,
    Whose,
)

_TABLES = (
    "CREATE TABLE IF NOT EXISTS idol_memory_schema (version INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS idol_memories ("
    "tenant TEXT NOT NULL, user_id TEXT NOT NULL, character TEXT NOT NULL,"
    " slot TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,"
    " value TEXT NOT NULL, importance DOUBLE PRECISION NOT NULL,"
    " said_s DOUBLE PRECISION NOT NULL, used_s DOUBLE PRECISION NOT NULL,"
    " embedding {blob} NOT NULL, PRIMARY KEY (tenant, user_id, character, slot))",
    "CREATE INDEX IF NOT EXISTS idol_memories_by_time ON idol_memories (said_s)",
)
_COLUMNS = "id, kind, slot, text, value, said_s, used_s, importance, embedding"
_MINE = "tenant = ? AND user_id = ? AND character = ?"


class SqlConnection(Protocol):
    """DB-API 2.0 (PEP 249), as far as it is used here."""

    # Any: drivers annotate their cursors each in its own way.
    def cursor(self) -> Any: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class SqlStore:
    """A `MemoryStore` on a database; who derives from it opens the connection."""

    blob = "BLOB"
    placeholder = "?"
    errors: tuple[type[Exception], ...] = ()
    """What the driver raises."""

    def __init__(self) -> None:
        self._connection: SqlConnection | None = None

    @property
    def where(self) -> str:
        """How the database is named in errors: without a password."""
        raise NotImplementedError

    def connect(self) -> SqlConnection:
        """Opens a connection; raises one of `errors`."""
        raise NotImplementedError

    def scrub(self, connection: SqlConnection) -> None:
        """Takes what was erased out of the files, after it was committed."""
        raise NotImplementedError

    def memories(self, whose: Whose) -> list[KeptFact]:
        with self._cursor() as cursor:
            self._run(
                cursor,
                f"SELECT {_COLUMNS} FROM idol_memories WHERE {_MINE} ORDER BY said_s, id",
                _key(whose),
            )
            return [_memory(row) for row in cursor.fetchall()]

    def put(self, whose: Whose, memories: Sequence[KeptFact]) -> None:
        with self._cursor() as cursor:
            for each in memories:
                self._run(
                    cursor,
                    f"DELETE FROM idol_memories WHERE {_MINE} AND (slot = ? OR id = ?)",
                    (*_key(whose), each.fact.slot, each.id),
                )
                fact = each.fact
                values = (each.id, fact.kind, fact.slot, fact.text, fact.value)
                self._run(
                    cursor,
                    f"INSERT INTO idol_memories (tenant, user_id, character, {_COLUMNS})"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *_key(whose),
                        *map(_storable, values),
                        each.said_s,
                        each.used_s,
                        each.importance,
                        each.embedding,
                    ),
                )

    def erase(self, whose: Whose, ids: Sequence[str] | None = None) -> int:
        count = 0
        with self._cursor() as cursor:
            if ids is None:
                self._run(cursor, f"DELETE FROM idol_memories WHERE {_MINE}", _key(whose))
                count = cursor.rowcount
            for each in ids or ():
                self._run(
                    cursor,
                    f"DELETE FROM idol_memories WHERE {_MINE} AND id = ?",
                    (*_key(whose), each),
                )
                count += cursor.rowcount
        if count:
            self._scrub()
        return count

    def touch(self, whose: Whose, ids: Sequence[str], used_s: float) -> None:
        with self._cursor() as cursor:
            for each in ids:
                self._run(
                    cursor,
                    f"UPDATE idol_memories SET used_s = ? WHERE {_MINE} AND id = ?",
                    (used_s, *_key(whose), each),
                )

    def forget_before(self, said_s: float) -> int:
        with self._cursor() as cursor:
            self._run(cursor, "DELETE FROM idol_memories WHERE said_s < ?", (said_s,))
            count = int(cursor.rowcount)
        if count:
            self._scrub()
        return count

    def owners(self) -> list[Owner]:
        with self._cursor() as cursor:
            self._run(
                cursor,
                "SELECT tenant, user_id, character, COUNT(*), MAX(said_s) FROM idol_memories"
                " GROUP BY tenant, user_id, character ORDER BY tenant, user_id, character",
                (),
            )
            return [
                Owner(Whose(tenant, user, character), int(count), float(newest))
                for tenant, user, character, count, newest in cursor.fetchall()
            ]

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with self._told():
                connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """One transaction; a connection that failed is not used again."""
        try:
            with self._told():
                connection = self._opened()
                cursor = connection.cursor()
                try:
                    yield cursor
                    connection.commit()
                except self.errors:
                    connection.rollback()
                    raise
        except MemoryStoreError:
            connection_lost, self._connection = self._connection, None
            if connection_lost is not None:
                with suppress(*self.errors):
                    connection_lost.close()
            raise

    def _opened(self) -> SqlConnection:
        if self._connection is None:
            connection = self.connect()
            try:
                self._set_up(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _set_up(self, connection: SqlConnection) -> None:
        cursor = connection.cursor()
        for table in _TABLES:
            self._run(cursor, table.format(blob=self.blob), ())
        self._run(cursor, "SELECT version FROM idol_memory_schema", ())
        found = cursor.fetchone()
        if found is None:
            self._run(cursor, "INSERT INTO idol_memory_schema VALUES (?)", (SCHEMA_VERSION,))
        elif int(found[0]) != SCHEMA_VERSION:
            raise MemoryStoreError(
                f"{self.where}: expected memories in version {SCHEMA_VERSION}, found version "
                f"{found[0]}; another idol_runtime wrote them: use that one, or another store."
            )
        connection.commit()

    def _scrub(self) -> None:
        with self._told():
            self.scrub(self._opened())

    def _run(self, cursor: Any, statement: str, values: Sequence[object]) -> None:
        cursor.execute(statement.replace("?", self.placeholder), values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            raise MemoryStoreError(
                f"{self.where}: expected a store of memories, but {_reason(error)}; what is said "
                "is not remembered until that is mended."
            ) from None


def _key(whose: Whose) -> tuple[str, str, str]:
    return _storable(whose.tenant), _storable(whose.user), _storable(whose.character)


def _storable(text: str) -> str:
    """Half characters and null bytes are no text for a database."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _memory(row: Sequence[Any]) -> KeptFact:
    memory_id, kind, slot, text, value, said_s, used_s, importance, embedding = row
    fact = Fact(kind, slot, text, value)
    return KeptFact(fact, said_s, used_s, importance, memory_id, bytes(embedding))


def _reason(error: Exception) -> str:
    """What the database says, never with what was to be stored."""
    if error.args and isinstance(error.args[0], dict):  # PostgreSQL's fields: M is the message
        return str(error.args[0].get("M", type(error).__name__))
    return str(error).splitlines()[0] if str(error) else type(error).__name__
