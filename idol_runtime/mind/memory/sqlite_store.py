"""Memories in one SQLite file."""

import sqlite3
from pathlib import Path
from typing import Final

from idol_runtime.mind.memory.sql_store import SqlConnection, SqlStore

BUSY_S: Final = 2.0
"""How long another process may be writing."""


class SqliteStore(SqlStore):
    """A file with its log beside it (WAL): many may read while one writes."""

    errors = (sqlite3.Error, OSError)

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        """Touches nothing; the file and its folder are made when something is first asked."""
        super().__init__()
        self._path = path
        self._busy_s = busy_s

    @property
    def where(self) -> str:
        return str(self._path)

    def connect(self) -> SqlConnection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            self._path.touch(mode=0o600)  # what people tell is for nobody else on this machine
        # One thread at a time uses it, not always the same.
        connection = sqlite3.connect(self._path, timeout=self._busy_s, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def scrub(self, connection: SqlConnection) -> None:
        """`secure_delete` has overwritten the rows; this empties the log, where they stood too."""
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.commit()
