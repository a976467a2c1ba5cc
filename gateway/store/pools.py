"""How the tables read and write: which pool, in what turn, and for how long at most."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Executable, Row, Select, func
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.kit.aio import within
from gateway.model.audit import AuditEntry
from gateway.model.page import Page
from gateway.store.border import border
from gateway.store.database import Database
from gateway.store.errors import StoreDown
from gateway.store.schema import migrate
from gateway.store.statements import add_entry

READ_S: Final = 3.0
WRITE_S: Final = 10.0
"""How long anybody waits for the database. Log rows and deletions in batches have the driver's own limits."""

T = TypeVar("T")


class Pools:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if database.one_writer else nullcontext()
        self._opened = False
        self._users = 0
        """Connections in use, those that are given back after their work was given up among them."""
        self._unused = asyncio.Event()
        self._unused.set()
        self.failed_writes = 0
        """How many writes ended in StoreDown so far, whoever wanted them."""

    async def hold(self) -> None:
        """Keep other services away from the store until it is closed. Raises Unusable when one has it, StoreDown."""
        await self.database.holder.take()

    async def open(self) -> None:
        """Connect and bring the schema up to date by migrations. Raises StoreDown; may be called again after a failure."""
        database = self.database
        with border():
            await asyncio.to_thread(database.prepare)
            async with database.engine.begin() as connection:
                await connection.exec_driver_sql(database.opens_migration)
                await connection.run_sync(migrate)
            database.opened()
        self._opened = True

    async def close(self) -> None:
        self._opened = False
        # A driver that is closed while another closes the same connection may never answer: sqlite3's thread is gone by then.
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_S):
                await self._unused.wait()
        with border():
            for engine in self.database.engines:
                await engine.dispose()
            self.database.closed()
        await self.database.holder.release()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For what traffic and settings need."""
        return self._connected(self.database.reads)

    def asking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For what people ask. Who cancels it ends the query."""
        return self._connected(self.database.people)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._users += 1
        self._unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        self._require_open()
        with border(), self._counted():
            async with engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            self._require_open()
            with border(), self._counted():
                async with self._turn, self.database.engine.begin() as connection:
                    if self.database.opens_write:
                        await connection.exec_driver_sql(self.database.opens_write)
                    yield connection
        except StoreDown:
            self.failed_writes += 1
            raise

    def _require_open(self) -> None:
        if not self._opened:
            raise StoreDown("not open")
        self.database.check()

    async def one(self, make: Callable[[Row[Any]], T], query: Select[Any]) -> T | None:
        found = await self.all(make, query)
        return found[0] if found else None

    async def all(self, make: Callable[[Row[Any]], T], query: Select[Any]) -> list[T]:
        async def read() -> list[T]:
            async with self.reading() as connection:
                return [make(row) for row in await connection.execute(query)]

        return await self.in_time(READ_S, read())

    async def page(self, make: Callable[[Row[Any]], T], query: Select[Any], page: Page) -> tuple[list[T], int]:
        """One page of the query's rows and how many there are; a page that is not full needs no counting."""
        limit, offset = page.limit, page.offset
        async with self.asking() as connection:
            rows = (await connection.execute(query.limit(limit).offset(offset))).all()
            if len(rows) < limit and (rows or offset == 0):
                total = offset + len(rows)
            else:
                counting = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
                total = (await connection.execute(counting)).scalar_one()
        return [make(row) for row in rows], total

    async def write(self, statement: Executable, values: Any = None, entry: AuditEntry | None = None) -> None:
        """One statement in a transaction, with the entry of the audit log that tells of it."""

        async def execute() -> None:
            async with self.writing() as connection:
                await connection.execute(statement, values)
                await add_entry(connection, entry)

        await self.in_time(WRITE_S, execute())

    async def in_time(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """A database that hangs is one that is down: nobody waits for it, and the connection is not used again."""
        try:
            return await within(seconds, work)
        except TimeoutError:
            raise StoreDown("no answer in time") from None
