"""What follows a rotation of one of the service's own keys: the audit log tells of it, and what belongs to a pepper that was
taken out is dropped. What the master key seals is `rewrap`'s."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.control.audit import Resource
from gateway.control.changes import Changes
from gateway.control.peppers import Peppers
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.store.errors import StoreDown

RETRY_S: Final = 10.0

_log = logging.getLogger("gateway.rotations")


async def tell_rotation(changes: Changes, kind: str, current: str) -> None:
    """Once, unless the key with this id was in use before. Raises StoreDown."""
    setting = f"{kind}-in-use"
    before = await changes.store.facts.get(setting)
    if before == current:
        return
    if before is not None:
        entry = changes.audit.by_service("roll", Resource("key", current, kind, before={"id": before}, after={"id": current}))
        await changes.audit.commit(entry, changes.store.audit.insert(entry))
    await changes.store.facts.put(setting, current)


class PepperRotation:
    def __init__(
        self, changes: Changes, peppers: Peppers, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._changes = changes
        self._peppers = peppers
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = spawn(self._run(), "pepper-rotation")

    async def close(self) -> None:
        await cancel_and_wait(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await tell_rotation(self._changes, "pepper", self._peppers.current)
                if len(self._peppers.ids) == 1:
                    await self._changes.store.tokens.forget_older_digests()
                return
            except StoreDown as error:
                _log.warning("what belongs to older peppers is not dropped yet, the store is down: %s", error)
                await self._pause(RETRY_S)
