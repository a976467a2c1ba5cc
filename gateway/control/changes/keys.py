"""Changes of stored provider keys."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from gateway.control.audit import Audit, Author, Resource
from gateway.control.changes.turn import Turn
from gateway.control.documents import key_json
from gateway.control.published import PublishedSettings
from gateway.control.seals import Seals
from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.model.gateways import Gateway
from gateway.model.page import INT64_MAX, Page
from gateway.model.stored import StoredKey
from gateway.store.errors import Conflict
from gateway.store.gateways import GatewayTable
from gateway.store.keys import KeyTable

Place = tuple[str, str]
"""Account and gateway."""


class KeyChanges:
    def __init__(
        self,
        turn: Turn,
        gateways: GatewayTable,
        table: KeyTable,
        published: PublishedSettings,
        seals: Seals,
        audit: Audit,
    ) -> None:
        self._turn = turn
        self._gateways = gateways
        self._table = table
        self._published = published
        self._seals = seals
        self._audit = audit

    async def create(
        self, place: Place, draft: Callable[[Gateway], Awaitable[StoredKey]], secret: str, author: Author
    ) -> StoredKey:
        """`draft` makes the row, or refuses, for the gateway as it is now; it is sealed here."""
        async with self._turn.taken():
            gateway = await self._gateway(place)
            key = self._seals.seal_key(await draft(gateway), secret)
            entry = self._audit.entry(author, "create", _resource(key, after=key))
            try:
                await self._audit.commit(entry, self._table.insert(key, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            if key.default_config:
                await self._end_other_default(key)
            self._published.put_key(gateway, key, secret)
        return key

    async def _end_other_default(self, key: StoredKey) -> None:
        keys, _ = await self._table.page(key.account_id, key.gateway_id, Page(per_page=INT64_MAX))
        for other in keys:
            if other.default_config and other.provider == key.provider and other.id != key.id:
                await self._table.update(replace(other, default_config=False))

    async def replace(
        self, place: Place, key_id: str, change: Callable[[StoredKey], StoredKey], secret: str, author: Author
    ) -> StoredKey:
        async with self._turn.taken():
            gateway, old = await self._gateway(place), await self._one(place, key_id)
            key = self._seals.seal_key(change(old), secret)
            entry = self._audit.entry(author, "update", _resource(key, before=old, after=key))
            await self._audit.commit(entry, self._table.update(key, entry))
            self._published.put_key(gateway, key, secret)
        return key

    async def delete(self, place: Place, key_id: str, author: Author) -> StoredKey:
        async with self._turn.taken():
            gateway, key = await self._gateway(place), await self._one(place, key_id)
            entry = self._audit.entry(author, "delete", _resource(key, before=key))
            await self._audit.commit(entry, self._table.delete(key.account_id, key.gateway_id, key.id, entry))
            self._published.remove_key(gateway, key)
        return key

    async def _gateway(self, place: Place) -> Gateway:
        gateway = await self._gateways.get(*place)
        if gateway is None:
            raise Refusal(NOT_FOUND)
        return gateway

    async def _one(self, place: Place, key_id: str) -> StoredKey:
        key = await self._table.get(*place, key_id)
        if key is None:
            raise Refusal(NOT_FOUND)
        return key


def _resource(key: StoredKey, *, before: StoredKey | None = None, after: StoredKey | None = None) -> Resource:
    """Not even the preview of a key goes into a log; that it is another one shows in `replaced`."""
    states = [None if one is None else key_json(one) | {"secret_preview": None} for one in (before, after)]
    if before is not None and after is not None and before.sealed != after.sealed:
        states = [(states[0] or {}) | {"replaced": False}, (states[1] or {}) | {"replaced": True}]
    return Resource("provider_key", key.id, f"{key.gateway_id}/{key.provider}/{key.alias}", before=states[0], after=states[1])
