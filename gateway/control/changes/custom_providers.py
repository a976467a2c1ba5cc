"""Changes of custom providers. Their stored keys follow them."""

from collections.abc import Callable, Sequence

from gateway.control.audit import Audit, Author, Resource
from gateway.control.changes.turn import Turn
from gateway.control.documents import custom_provider_json
from gateway.control.published import PublishedSettings
from gateway.control.seals import Seals
from gateway.model.audit import AuditEntry
from gateway.model.faults import CONFLICT, NOT_FOUND, Refusal
from gateway.model.stored import StoredCustomProvider, StoredKey
from gateway.model.targets import origin_of
from gateway.store.custom_providers import CustomProviderTable
from gateway.store.errors import Conflict
from gateway.store.keys import KeyTable

Change = Callable[[StoredCustomProvider, Sequence[StoredKey]], StoredCustomProvider]
"""From the row and its keys, as they are now, to the row as it is to be; may refuse."""


class CustomProviderChanges:
    def __init__(
        self,
        turn: Turn,
        table: CustomProviderTable,
        keys: KeyTable,
        published: PublishedSettings,
        seals: Seals,
        audit: Audit,
    ) -> None:
        self._turn = turn
        self._table = table
        self._keys = keys
        self._published = published
        self._seals = seals
        self._audit = audit

    async def create(self, stored: StoredCustomProvider, author: Author) -> None:
        async with self._turn.taken():
            entry = self._audit.entry(author, "create", self._resource(stored, after=stored))
            try:
                await self._audit.commit(entry, self._table.insert(stored, entry))
            except Conflict:
                raise Refusal(CONFLICT) from None
            self._published.put_custom(stored)

    async def update(self, account_id: str, provider_id: str, change: Change, author: Author) -> StoredCustomProvider:
        async with self._turn.taken():
            old = await self._one(account_id, provider_id)
            keys = await self._keys.of_custom(old.account_id, old.id)
            stored = change(old, keys)
            entry = self._audit.entry(author, "update", self._resource(stored, before=old, after=stored))
            await self._audit.commit(entry, self._move(old, stored, keys, entry))
        return stored

    async def _move(
        self, old: StoredCustomProvider, stored: StoredCustomProvider, keys: Sequence[StoredKey], entry: AuditEntry
    ) -> None:
        """Store and publish. The keys go first: should the store fail between the two, the same request mends it."""
        namesake = await self._table.by_slug(old.account_id, stored.slug)
        if namesake is not None and namesake.id != old.id:
            raise Refusal(CONFLICT)
        moves = (stored.slug, origin_of(stored.base_url)) != (old.slug, origin_of(old.base_url))
        if moves:
            keys = [self._seals.move_key(key, stored) for key in keys]
            for key in keys:
                await self._keys.update(key)
        try:
            await self._table.update(stored, entry)
        except Conflict:
            raise Refusal(CONFLICT) from None
        self._published.put_custom(stored)
        if moves:
            self._published.put_keys_of_custom(old.account_id, f"custom-{old.slug}", keys)

    async def delete(self, account_id: str, provider_id: str, author: Author) -> StoredCustomProvider:
        async with self._turn.taken():
            stored = await self._one(account_id, provider_id)
            entry = self._audit.entry(author, "delete", self._resource(stored, before=stored))
            await self._audit.commit(entry, self._table.delete(stored.account_id, stored.id, entry))
            self._published.remove_custom(stored)
            self._published.put_keys_of_custom(stored.account_id, f"custom-{stored.slug}", ())
        return stored

    async def _one(self, account_id: str, provider_id: str) -> StoredCustomProvider:
        stored = await self._table.get(account_id, provider_id)
        if stored is None:
            raise Refusal(NOT_FOUND)
        return stored

    def _resource(
        self,
        stored: StoredCustomProvider,
        *,
        before: StoredCustomProvider | None = None,
        after: StoredCustomProvider | None = None,
    ) -> Resource:
        """The values of header fields stay hidden; that they are others shows in `headers_replaced`."""
        states = [None if one is None else custom_provider_json(one, self._seals.known_headers(one)) for one in (before, after)]
        if before is not None and after is not None and before.sealed_headers != after.sealed_headers:
            states = [(states[0] or {}) | {"headers_replaced": False}, (states[1] or {}) | {"headers_replaced": True}]
        return Resource("custom_provider", stored.id, stored.slug, before=states[0], after=states[1])
