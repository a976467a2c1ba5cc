"""The store over SQLite in memory, on the caller's thread: what is asked is answered before the next line runs.

Its tables are the real ones. `down` makes every call raise StoreDown; `calls` names what was called.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, delete, insert, select
from sqlalchemy.pool import StaticPool

from gateway.model.audit import AuditEntry
from gateway.model.records import LogBodies, LogRecord
from gateway.model.stored import Account, StoredSession
from gateway.model.tokens import Token
from gateway.store import tables
from gateway.store.border import border
from gateway.store.database import sqlite_database
from gateway.store.errors import StoreDown
from gateway.store.pools import Pools
from gateway.store.schema import migrate
from gateway.store.statements import values_of
from gateway.store.store import Store

_DATABASE = sqlite_database("/nowhere/gateway.db")
"""For its dialect alone: nothing connects to it."""


def _engine(connect: Callable[[], sqlite3.Connection]) -> Engine:
    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


@lru_cache(maxsize=1)
def _empty() -> sqlite3.Connection:
    """A database with all migrations and no row, made once."""
    made = _connect()
    with _engine(lambda: made).begin() as connection:
        connection.exec_driver_sql("BEGIN")
        migrate(connection)
    return made


def _connect_to_copy() -> sqlite3.Connection:
    made = _connect()
    _empty().backup(made)
    made.execute("PRAGMA foreign_keys=ON")
    return made


class _AtOnce:
    """What the tables use of an AsyncConnection, on a connection that blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect

    async def execute(self, *arguments: Any) -> Any:
        return self._connection.execute(*arguments)

    async def exec_driver_sql(self, *arguments: Any) -> Any:
        return self._connection.exec_driver_sql(*arguments)

    async def run_sync(self, work: Callable[[Connection], Any]) -> Any:
        return work(self._connection)


class MemoryPools(Pools):
    def __init__(self) -> None:
        super().__init__(_DATABASE)
        self.down = False
        self.opened = False
        self.memory = _engine(_connect_to_copy)

    def _refuse_down(self) -> None:
        if self.down:
            raise StoreDown("the fake store is down")

    async def hold(self) -> None:
        self._refuse_down()

    async def open(self) -> None:
        self._refuse_down()
        self.opened = True

    async def close(self) -> None:
        self.opened = False

    @asynccontextmanager
    async def _connected(self, engine: object) -> AsyncIterator[Any]:
        self._refuse_down()
        with border(), self.memory.connect() as connection:
            yield _AtOnce(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Any]:
        try:
            self._refuse_down()
        except StoreDown:
            self.failed_writes += 1
            raise
        with border(), self.memory.begin() as connection:
            connection.exec_driver_sql("BEGIN")
            yield _AtOnce(connection)

    async def in_time(self, seconds: float, work: Any) -> Any:
        return await work


class _Watched:
    """A table that tells what is called."""

    def __init__(self, table: object, name: str, calls: list[str]) -> None:
        self._table = table
        self._name = name
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._table, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self._calls.append(f"{self._name}.{name}")
            return await method(*arguments, **named)

        return call


class MemoryStore(Store):
    pools: MemoryPools

    def __init__(self, *accounts: str) -> None:
        """With accounts of these ids."""
        pools = MemoryPools()
        calls: list[str] = []
        plain = vars(Store.over(pools))
        watched = {name: _Watched(table, name, calls) for name, table in plain.items() if name != "pools"}
        super().__init__(pools=pools, **watched)  # type: ignore[arg-type]
        self.calls = calls
        self.put(tables.accounts, *(Account(id=one, name=one, created_at=1.0) for one in accounts))

    @property
    def down(self) -> bool:
        return self.pools.down

    @down.setter
    def down(self, down: bool) -> None:
        self.pools.down = down

    async def ping(self) -> None:
        self.calls.append("ping")
        await super().ping()

    # --- what is there, and putting it there, past the tables

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.pools.memory.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(select(table))]

    def put(self, table: Table, *nouns: object) -> None:
        """The nouns in place of all rows that are there."""
        values = [noun if isinstance(noun, dict) else values_of(table, noun) for noun in nouns]
        with self.pools.memory.begin() as connection:
            connection.execute(delete(table))
            if values:
                connection.execute(insert(table), values)

    @property
    def all_tokens(self) -> dict[str, Token]:
        return {row["id"]: Token(**row) for row in self.rows(tables.tokens)}

    @property
    def all_sessions(self) -> dict[bytes, StoredSession]:
        return {row["key"]: StoredSession(**row) for row in self.rows(tables.sessions)}

    @property
    def all_records(self) -> dict[str, LogRecord]:
        return {row["id"]: LogRecord(**{name: row[name] for name in LogRecord._fields}) for row in self.rows(tables.records)}

    @property
    def all_bodies(self) -> dict[str, LogBodies]:
        of, found = self.all_records, {}
        for row in self.rows(tables.record_bodies):
            place = (of[row["id"]].account_id, of[row["id"]].gateway_id)
            complete = (row["request_complete"], row["response_complete"])
            found[row["id"]] = LogBodies(row["id"], *place, row["request"], row["response"], *complete)
        return found

    @property
    def all_facts(self) -> dict[str, str]:
        return {row["name"]: row["value"] for row in self.rows(tables.facts)}

    def put_fact(self, name: str, value: str) -> None:
        self.put(tables.facts, *({"name": one, "value": text} for one, text in (self.all_facts | {name: value}).items()))

    @property
    def audited(self) -> list[AuditEntry]:
        return [AuditEntry(**row) for row in sorted(self.rows(tables.audit), key=lambda row: str(row["id"]))]
