"""Trials of stored keys: control asks a worker, because it calls nobody itself (decision 0036)."""

import asyncio
from typing import Final

from gateway.control.audit import Audit, Author, Resource
from gateway.control.publisher import Publisher
from gateway.link.frames import Tried, TryKey
from gateway.model.causes import UPSTREAM_CAUSES
from gateway.model.faults import NO_WORKER, Refusal
from gateway.model.stored import StoredKey

AT_A_TIME: Final = 4
DEADLINE_S: Final = 15.0
"""More than a worker takes."""

_WORDS: Final = {
    "accepted": "The provider accepts this key",
    "refused": "The provider refuses this key",
    "unclear": "The provider's answer says nothing of the key",
    "untestable": "No request is known that would show whether this provider accepts a key",
    "absent": "The workers do not have this key: it does not open with the master key, or its provider is switched off",
}


class KeyTrials:
    def __init__(self, publisher: Publisher, audit: Audit) -> None:
        self._publisher = publisher
        self._audit = audit
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Tried]] = {}
        self._room = asyncio.Semaphore(AT_A_TIME)

    async def run(self, key: StoredKey, author: Author) -> Tried:
        """What came of it, which the audit log tells too. Raises NO_WORKER."""
        try:
            async with asyncio.timeout(DEADLINE_S), self._room:
                tried = await self._ask(key)
        except TimeoutError:
            raise Refusal(NO_WORKER) from None
        found = {"verdict": tried.verdict, "status": tried.status or None, "cause": tried.cause}
        resource = Resource("provider_key", key.id, f"{key.gateway_id}/{key.provider}/{key.alias}", after=found)
        await self._audit.write(self._audit.entry(author, "test", resource))
        return tried

    async def _ask(self, key: StoredKey) -> Tried:
        edge = self._publisher.any_edge()
        self._number += 1
        number = self._number
        waiting: asyncio.Future[Tried] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            if edge is None or not edge.send(TryKey(number, key.account_id, key.gateway_id, key.provider, key.alias)):
                raise Refusal(NO_WORKER)
            return await waiting
        finally:
            del self._waiting[number]

    def answered(self, tried: Tried) -> None:
        waiting = self._waiting.get(tried.ask)
        if waiting is not None and not waiting.done():
            waiting.set_result(tried)


def in_words(tried: Tried) -> str:
    """For who asked."""
    if tried.verdict == "unreachable":
        return UPSTREAM_CAUSES.get(tried.cause, "The provider cannot be reached")
    return _WORDS[tried.verdict]
