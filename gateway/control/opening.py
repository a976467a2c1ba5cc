"""Opening the store when the service starts: tried until it is open, or until it is known to be of no use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from gateway.kit.aio import cancel_and_wait, spawn
from gateway.store.errors import StoreDown, Unusable
from gateway.store.store import Store

_PATIENCE_S: Final = 2.0
"""How long the start waits for the store before it listens without one."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0

_log = logging.getLogger("gateway.control")


class StoreOpening:
    def __init__(self, store: Store, steps: Sequence[Callable[[], Awaitable[None]]], on_open: Callable[[], None]) -> None:
        """`steps` follow the opening, each time it is tried."""
        self._store = store
        self._steps = steps
        self._on_open = on_open
        self.done = False
        self.task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._hopeless: Unusable | None = None
        self._starting = True
        """`start` waits for the store and raises what it finds, so it need not be logged too."""

    async def start(self) -> None:
        """Open the store, or go on trying in the background. Raises what a step raises, Unusable."""
        task = self.task = spawn(self._keep_trying(), "store-opening")
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                await self._tried.wait()
        self._starting = False
        if task.done():
            task.result()
        if self._hopeless is not None:
            raise self._hopeless

    async def close(self) -> None:
        await cancel_and_wait(self.task)

    async def _keep_trying(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not await self._open():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _open(self) -> bool:
        try:
            await self._store.hold()
            await self._store.open()
            for step in self._steps:
                await step()
        except Unusable as error:
            if not self._starting:
                _log.error("the store cannot be used: %s", error)
            self._hopeless = error
            # No question is answered by a store that is not ours: with another pepper all tokens would seem invalid.
            await self._store.close()
            return False
        except StoreDown as error:
            _log.warning("the store cannot be opened: %s", error)
            return False
        finally:
            self._tried.set()
        _log.info("the store is open")
        self.done = True
        self._on_open()
        return True
