"""How a relational store reads and writes: which pool, in what turn, and for how long at most."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.kit.aio import within
from gateway.store.border import border
from gateway.store.database import Database
from gateway.store.port import StoreDown
from gateway.store.schema import migrate

READ_S: Final = 3.0
WRITE_S: Final = 10.0
"""How long anybody waits for the database. Log rows and deletions in batches have the driver's own limits."""

T = TypeVar("T")


class Connected:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn: AbstractAsyncContextManager[Any] = asyncio.Lock() if database.one_writer else nullcontext()
        self._opened = False
        self._users = 0
        """Connections in use, those that are given back after their work was given up among them."""
        self._unused = asyncio.Event()
        self._unused.set()
        self.failed_writes = 0

    async def open(self) -> None:
        database = self._database
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
            for engine in self._database.engines:
                await engine.dispose()
            self._database.closed()

    def _reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For what traffic and settings need."""
        return self._connected(self._database.reads)

    def _asking(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For what people ask. Who cancels it ends the query."""
        return self._connected(self._database.people)

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
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            self._require_open()
            with border(), self._counted():
                async with self._turn, self._database.engine.begin() as connection:
                    if self._database.opens_write:
                        await connection.exec_driver_sql(self._database.opens_write)
                    yield connection
        except StoreDown:
            self.failed_writes += 1
            raise

    def _require_open(self) -> None:
        if not self._opened:
            raise StoreDown("not open")
        self._database.check()

    async def _one(self, make: Callable[[Row[Any]], T], query: Select[Any]) -> T | None:
        found = await self._all(make, query)
        return found[0] if found else None

    async def _all(self, make: Callable[[Row[Any]], T], query: Select[Any]) -> list[T]:
        async def read() -> list[T]:
            async with self._reading() as connection:
                return [make(row) for row in await connection.execute(query)]

        return await self._in_time(READ_S, read())

    async def _in_time(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """A database that hangs is one that is down: nobody waits for it, and the connection is not used again."""
        try:
            return await within(seconds, work)
        except TimeoutError:
            raise StoreDown("no answer in time") from None
