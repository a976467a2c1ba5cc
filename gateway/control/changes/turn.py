"""One change at a time, so what is published is what was committed last."""

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.store.errors import StoreDown


class Turn:
    def __init__(self) -> None:
        self.stale = False
        """A change may be committed or not, nobody knows: everything is to be read again."""
        self._lock = Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Exclusive right to change settings: read, write, publish within it."""
        async with self._lock:
            try:
                yield
            except StoreDown:
                self.stale = True
                raise
