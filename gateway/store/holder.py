"""One service for one store: whoever holds it keeps others out until it ends, however it ends.

Two of them would share the store, but not what they remember of it: a token revoked at one would go on at the other.
"""

import asyncio
import fcntl
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, Protocol

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.store.border import border
from gateway.store.errors import StoreDown, Unusable

PATIENCE_S: Final = 1.0
"""For a holder that is just ending."""
_PAUSE_S: Final = 0.1
_CLOSE_S: Final = 1.0
_KEY: Final = 0x6167_7773
"""Half of PostgreSQL's advisory lock; the other half is the schema, so one database may have several stores."""
_TAKE: Final = f"SELECT pg_try_advisory_lock({_KEY}, hashtext(coalesce(current_schema(), '')))"
_ASK: Final = f"""
    SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = {_KEY}
    AND objid = (hashtext(coalesce(current_schema(), ''))::bigint & 4294967295)::oid LIMIT 1
"""  # noqa: S608  constants


class Holder(Protocol):
    async def take(self) -> None:
        """Keep others out from now on; nothing where that is so already. Raises Unusable when another does, StoreDown."""

    def check(self) -> None:
        """Raises StoreDown as long as what was taken is lost."""

    async def release(self) -> None: ...


def me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _refusal(other: str) -> Unusable:
    named = f" ({other})" if other else ""
    return Unusable(f"the store is in use by another gateway serve{named}: end that one, or name another store (store.url)")


async def _patiently(attempt: Callable[[], Awaitable[bool]], other: Callable[[], str]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not await attempt():
        if asyncio.get_running_loop().time() > deadline:
            raise _refusal(other())
        await asyncio.sleep(_PAUSE_S)


class FileHolder:
    """A lock on a file beside SQLite's (flock(2)), which the kernel takes back. It says who holds it, for the message alone."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-serve"
        self._descriptor = -1

    async def take(self) -> None:
        if self._descriptor < 0:
            await _patiently(self._try, self._other)

    async def _try(self) -> bool:
        with border():
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError:
            pass  # a file system without locks: the data folder's lock warns of it (run/data_lock.py)
        with suppress(OSError):  # a full disk holds nobody up
            os.ftruncate(descriptor, 0)
            os.write(descriptor, me().encode())
        self._descriptor = descriptor
        return True

    def _other(self) -> str:
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                return file.read(200)
        except OSError:
            return ""

    def check(self) -> None:
        pass

    async def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class PostgresHolder:
    """An advisory lock of a session, held by a connection of its own: the server frees it as soon as that is gone. While it is
    lost, as when the server starts again, the store is down here; it is taken again as soon as the server lets us."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._holder = ""
        self._taken = False
        self._regaining: asyncio.Task[None] | None = None

    async def take(self) -> None:
        await _patiently(self._try, lambda: self._holder)
        self._taken = True

    async def _try(self) -> bool:
        if self._connection is not None:
            return True
        try:
            with border():
                connection = await self._connect()
                held = await connection.fetchval(_TAKE)
                if not held:
                    self._holder = str(await connection.fetchval(_ASK) or "")
                    await connection.close(timeout=_CLOSE_S)
                    return False
        except StoreDown:
            raise
        except Exception as error:  # whatever the driver raises
            raise StoreDown(type(error).__name__) from None
        self._connection = connection
        connection.add_termination_listener(self._lost)
        return True

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
            self._regaining = spawn(self._regain(), "store-holder")

    async def _regain(self) -> None:
        while True:
            with suppress(StoreDown):
                if await self._try():
                    return
            await asyncio.sleep(_PAUSE_S)

    def check(self) -> None:
        if self._taken and self._connection is None:
            raise StoreDown("the connection that keeps others out is lost")

    async def release(self) -> None:
        self._taken = False
        await cancel_and_wait(self._regaining)
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # it ends either way
                await connection.close(timeout=_CLOSE_S)
