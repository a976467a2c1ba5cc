"""What differs between SQLite and PostgreSQL: connecting, and the statement that opens a write. Nothing else does.

Three pools, so that nothing waits for what it is not: `engine` writes, `reads` is for what traffic and settings need, `people`
for what people ask. A query of people's that is given up is interrupted.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, ExceptionContext, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.store.errors import StoreDown
from gateway.store.holder import FileHolder, Holder, PostgresHolder, me

BUSY_TIMEOUT_S: Final = 5.0
"""How long a SQLite statement waits for another process's write."""
CONNECT_TIMEOUT_S: Final = 2.0
WRITE_TIMEOUT_S: Final = 15.0
READ_TIMEOUT_S: Final = 3.0
PEOPLE_TIMEOUT_S: Final = 12.0
"""PostgreSQL: a server that took the statement and fell silent. Control's own deadlines are shorter."""
_POOL: Final[dict[str, Any]] = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 5.0, "hide_parameters": True}
_INTERRUPT_STEPS: Final = 10_000
"""SQLite looks so often whether a query was given up: every millisecond or two."""
_WAL_CEILING_BYTES: Final = 64 * 1024 * 1024
_KEPT_ALIVE: Final = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""A holder whose machine lost power is let go after 20 s; one whose process ended, at once."""
_MIGRATION_LOCK: Final = 0x6167_772D_7374_6F72
"""Key of PostgreSQL's advisory lock, the same in every version of the gateway."""


@dataclass(frozen=True, slots=True)
class Database:
    engine: AsyncEngine
    """Writes."""
    reads: AsyncEngine
    """What traffic and settings need, without a transaction around each read."""
    people: AsyncEngine
    """What people ask: log queries, analytics, lists."""
    insert: Callable[[Table], Any]
    """INSERT that knows ON CONFLICT."""
    opens_write: str
    """First statement of a write; empty when the driver begins by itself."""
    opens_migration: str
    one_writer: bool
    """Writes take turns in this process instead of polling the database's lock."""
    prepare: Callable[[], object]
    """Blocking work before the first connection."""
    opened: Callable[[], object]
    """Called once the schema is up to date, with a connection open."""
    check: Callable[[], object]
    """Quick; raises StoreDown when what was opened is not there any more."""
    closed: Callable[[], object]
    """Called when every connection of the pools is closed."""
    holder: Holder
    """Keeps other services away."""

    @property
    def engines(self) -> tuple[AsyncEngine, ...]:
        return self.engine, self.reads, self.people


def sqlite_database(path: str, *, create: bool = True) -> Database:
    path = os.path.abspath(path)
    # mode=rw: a file that vanishes is an error, not a new empty database with the umask's permissions.
    url = URL.create("sqlite+aiosqlite", database=f"file:{quote(path)}", query={"mode": "rw", "uri": "true"})
    # isolation_level None: sqlite3 begins nothing by itself, so reads need no transaction and writes say which kind.
    made = [
        create_async_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_S}, **_POOL) for _ in range(3)
    ]
    for engine in made:
        event.listen(engine.sync_engine, "connect", _sqlite_pragmas)
    engine, reads, people = made
    event.listen(people.sync_engine, "connect", _make_interruptible)
    event.listen(people.sync_engine, "invalidate", _interrupt)
    file, anchor = DatabaseFile(path), Anchor(path)

    def opened() -> None:
        anchor.open()
        file.opened()

    return Database(
        engine=engine,
        reads=reads,
        people=people,
        insert=sqlite.insert,
        opens_write="BEGIN IMMEDIATE",
        opens_migration="BEGIN IMMEDIATE",
        one_writer=True,
        prepare=lambda: _prepare_file(path, create),
        opened=opened,
        check=file.check,
        closed=anchor.close,
        holder=FileHolder(path),
    )


def _sqlite_pragmas(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", f"journal_size_limit={_WAL_CEILING_BYTES}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _make_interruptible(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    given_up = entry.info["given_up"] = threading.Event()
    connection.run_async(lambda driver: driver.set_progress_handler(given_up.is_set, _INTERRUPT_STEPS))


def _interrupt(connection: DBAPIConnection, entry: ConnectionPoolEntry, error: BaseException | None) -> None:
    """Whoever waited for the query was cancelled: end it, before the pool waits for it to close the connection."""
    if (given_up := entry.info.get("given_up")) is not None:
        given_up.set()


class Anchor:
    """One connection that is open as long as the store. SQLite deletes its write-ahead log with the last connection, also when
    the pools have none left because all their work was given up: the file would seem to have been tampered with."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        self.close()
        self._connection = sqlite3.connect(f"file:{quote(self._path)}?mode=rw", uri=True, check_same_thread=False)
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the log is opened by the first read

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class DatabaseFile:
    """The file that was opened, and its log. SQLite goes on with both when they are moved, deleted or replaced: what is
    written then is in no file that the next start finds."""

    def __init__(self, path: str) -> None:
        self._names = {path: "its file", f"{path}-wal": "its write-ahead log"}
        self._known: dict[str, tuple[int, int]] = {}

    def opened(self) -> None:
        self._known = {name: found for name in self._names if (found := _identity(name)) is not None}

    def check(self) -> None:
        for name, known in self._known.items():
            if (found := _identity(name)) != known:
                what = "moved or deleted" if found is None else "replaced: restart to use the new one"
                raise StoreDown(f"{self._names[name]} was {what}")


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare_file(path: str, create: bool) -> None:
    """Make the file if there is none, private (0600; SQLite gives -wal and -shm the same), and switch it to WAL."""
    if not create and not os.path.exists(path):
        raise StoreDown("its file is gone")
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

    async def connect(silent_s: float, **how: Any) -> Any:
        try:
            return await asyncpg.connect(dsn=url, timeout=CONNECT_TIMEOUT_S, command_timeout=silent_s, **how)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise StoreDown(type(error).__name__) from None

    def pool(silent_s: float) -> AsyncEngine:
        engine = create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, silent_s), **_POOL)
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        event.listen(engine.sync_engine, "handle_error", _drop_silent)
        return engine

    holder = PostgresHolder(partial(connect, READ_TIMEOUT_S, server_settings={"application_name": me()[:63], **_KEPT_ALIVE}))
    return Database(
        engine=pool(WRITE_TIMEOUT_S),
        reads=pool(READ_TIMEOUT_S).execution_options(isolation_level="AUTOCOMMIT"),
        people=pool(PEOPLE_TIMEOUT_S).execution_options(isolation_level="AUTOCOMMIT"),
        insert=postgresql.insert,
        opens_write="",
        opens_migration=f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})",
        one_writer=False,
        prepare=nullcontext,
        opened=nullcontext,
        check=holder.check,
        closed=nullcontext,
        holder=holder,
    )


def _drop_silent(context: ExceptionContext) -> None:
    """A connection on which no answer came is not used again, nor are the others of the pool: they go the same way."""
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True


def _refuse_closed(connection: DBAPIConnection, entry: ConnectionPoolEntry, proxy: object) -> None:
    """Have the pool replace a connection the server has closed: a restart of the database costs no request, nor a ping each."""
    driver: Any = entry.driver_connection
    if driver is not None and driver.is_closed():
        raise DisconnectionError
