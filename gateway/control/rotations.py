"""What follows a rotation of one of the service's own keys: the audit log tells of it, and what belongs to a pepper that was
taken out is dropped. What the master key seals is `rewrap`'s."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from gateway.control.audit import Audit, Author, Resource, by_service
from gateway.control.key_check import PREFIX, RETIRED
from gateway.control.peppers import Peppers
from gateway.kit.aio import cancel_and_wait, spawn
from gateway.store.errors import StoreDown
from gateway.store.facts import FactTable
from gateway.store.tokens import TokenTable

RETRY_S: Final = 10.0

_log = logging.getLogger("gateway.rotations")


async def tell_rotation(facts: FactTable, audit: Audit, kind: str, current: str) -> None:
    """Once, unless the key with this id was in use before. Raises StoreDown."""
    setting = f"{kind}-in-use"
    before = await facts.get(setting)
    if before == current:
        return
    if before is not None:
        resource = Resource("key", current, kind, before={"id": before}, after={"id": current})
        await audit.write(audit.entry(by_service(), "roll", resource))
    await facts.put(setting, current)


class PepperRotation:
    def __init__(
        self,
        facts: FactTable,
        tokens: TokenTable,
        audit: Audit,
        peppers: Peppers,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._facts = facts
        self._tokens = tokens
        self._audit = audit
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
                await tell_rotation(self._facts, self._audit, "pepper", self._peppers.current)
                if len(self._peppers.ids) == 1:
                    await self._tokens.forget_older_digests()
                return
            except StoreDown as error:
                _log.warning("what belongs to older peppers is not dropped yet, the store is down: %s", error)
                await self._pause(RETRY_S)

    async def knows(self, pepper_id: str) -> bool:
        return await self._facts.get(_fact(pepper_id)) is not None

    async def retire(self, pepper_id: str, tokens: int, author: Author) -> None:
        """From now on it may be missing at a start; `tokens` depended on it."""
        resource = Resource("key", pepper_id, "pepper", before={"tokens": tokens})
        await self._audit.write(self._audit.entry(author, "delete", resource))
        await self._facts.put(_fact(pepper_id), RETIRED)


def _fact(pepper_id: str) -> str:
    return f"{PREFIX}pepper/{pepper_id}"
