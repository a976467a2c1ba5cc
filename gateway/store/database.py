"""What differs between SQLite and PostgreSQL: connecting, and the statement that opens a write. Nothing else does."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.port import StoreDown

BUSY_TIMEOUT_S: Final = 5.0
"""How long a SQLite statement waits for another process's write."""
CONNECT_TIMEOUT_S: Final = 5.0
STATEMENT_TIMEOUT_S: Final = 60.0
"""PostgreSQL: a server that took the question and fell silent."""
_POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 10.0, "hide_parameters": True}
_WAL_CEILING_BYTES: Final = 64 * 1024 * 1024
_MIGRATION_LOCK: Final = 0x6167_772D_7374_6F72
"""Key of PostgreSQL's advisory lock, the same in every version of the gateway."""


@dataclass(frozen=True, slots=True)
class Database:
    engine: AsyncEngine
    reads: AsyncEngine
    """The same pool, without a transaction around each read."""
    insert: Callable[[Table], Any]
    """INSERT that knows ON CONFLICT."""
    opens_write: str
    """First statement of a write; empty when the driver begins by itself."""
    opens_migration: str
    one_writer: bool
    """Writes take turns in this process instead of polling the database's lock."""
    prepare: Callable[[], object]
    """Blocking work before the first connection."""


def sqlite_database(path: str) -> Database:
    path = os.path.abspath(path)
    # mode=rw: a file that vanishes is an error, not a new empty database with the umask's permissions.
    url = URL.create("sqlite+aiosqlite", database=f"file:{quote(path)}", query={"mode": "rw", "uri": "true"})
    # isolation_level None: sqlite3 begins nothing by itself, so reads need no transaction and writes say which kind.
    engine = create_async_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_S}, **_POOL)
    event.listen(engine.sync_engine, "connect", _sqlite_pragmas)
    return Database(
        engine=engine,
        reads=engine,
        insert=sqlite.insert,
        opens_write="BEGIN IMMEDIATE",
        opens_migration="BEGIN IMMEDIATE",
        one_writer=True,
        prepare=lambda: _prepare_file(path),
    )


def _sqlite_pragmas(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", f"journal_size_limit={_WAL_CEILING_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_file(path: str) -> None:
    """Make the file if there is none, private (0600; SQLite gives -wal and -shm the same), and switch it to WAL."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        # By name: closing a descriptor of the file would drop the locks this process holds on it.
        for name in (path, f"{path}-wal", f"{path}-shm"):
            with suppress(FileNotFoundError):
                os.chmod(name, 0o600)
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait by itself when two processes switch a new file at once."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def postgres_database(url: str) -> Database:
    """`url` goes to asyncpg as it is, so all of libpq's parameters work (sslmode, several hosts, …)."""
    import asyncpg  # type: ignore[import-untyped]

    async def connect() -> Any:
        try:
            return await asyncpg.connect(dsn=url, timeout=CONNECT_TIMEOUT_S, command_timeout=STATEMENT_TIMEOUT_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise StoreDown(type(error).__name__) from None

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, **_POOL)
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return Database(
        engine=engine,
        reads=engine.execution_options(isolation_level="AUTOCOMMIT"),
        insert=postgresql.insert,
        opens_write="",
        opens_migration=f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})",
        one_writer=False,
        prepare=nullcontext,
    )


def _refuse_closed(connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: object) -> None:
    """Have the pool replace a connection the server has closed: a restart of the database costs no request, nor a ping each."""
    driver: Any = entry.driver_connection
    if driver is not None and driver.is_closed():
        raise DisconnectionError
