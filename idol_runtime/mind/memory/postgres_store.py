"""Memories in a PostgreSQL database, through pg8000 (BSD; the extra `postgres`)."""

from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from idol_runtime.errors import ConfigError, install_command
from idol_runtime.mind.memory.sql_store import SqlConnection, SqlStore

try:
    from pg8000 import dbapi
    from pg8000.exceptions import DatabaseError, InterfaceError
except ImportError:  # the extra is not installed
    dbapi = None


class PostgresStore(SqlStore):
    blob = "BYTEA"
    placeholder = "%s"

    def __init__(self, url: str, *, timeout_s: float = 2.0) -> None:
        """Connects when something is first asked.

        Args:
            url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`; `?host=/FOLDER` for a socket.
            timeout_s: How long the server has for an answer.

        Raises:
            ConfigError: the driver is not installed, or this is no such URL.
        """
        super().__init__()
        if dbapi is None:
            raise ConfigError(
                "Expected the PostgreSQL driver pg8000 for `memory.store`, found none; install it "
                f"with `{install_command('postgres')}`."
            )
        self.errors = (DatabaseError, InterfaceError, OSError)
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError as error:
            raise ConfigError(f"Expected a URL of PostgreSQL as `memory.store`: {error}.") from None
        folder = parse_qs(parts.query).get("host", [""])[0]
        database = unquote(parts.path.lstrip("/"))
        self._settings: dict[str, Any] = {
            "user": unquote(parts.username or "postgres"),
            "password": unquote(parts.password) if parts.password else None,
            "host": parts.hostname or "localhost",
            "port": port,
            "database": database or None,
            "timeout": timeout_s,
            "application_name": "idol_runtime",
        }
        if folder.startswith("/"):
            self._settings["unix_sock"] = f"{folder}/.s.PGSQL.{port}"
        self._where = f"postgresql://{folder or parts.hostname or 'localhost'}:{port}/{database}"

    @property
    def where(self) -> str:
        return self._where

    def connect(self) -> SqlConnection:
        return cast("SqlConnection", dbapi.connect(**self._settings))

    def scrub(self, connection: SqlConnection) -> None:
        """The rows leave the table's pages; what the server keeps in its own log is its own."""
        setting = cast("Any", connection)
        setting.autocommit = True  # VACUUM is no part of a transaction
        try:
            connection.cursor().execute("VACUUM idol_memories")
        finally:
            setting.autocommit = False
