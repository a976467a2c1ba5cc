"""Provider keys, encrypted."""

from sqlalchemy import delete, insert, select

from gateway.model.audit import AuditEntry
from gateway.model.page import Page
from gateway.model.stored import StoredKey
from gateway.store.pools import Pools
from gateway.store.statements import having, replacing, row_as, rows_having, values_of
from gateway.store.tables import provider_keys


class KeyTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def all(self) -> list[StoredKey]:
        query = select(provider_keys).order_by("account_id", "gateway_id", "created_at", "id")
        return await self._pools.all(row_as(StoredKey), query)

    async def page(self, account_id: str, gateway_id: str, page: Page) -> tuple[list[StoredKey], int]:
        """Newest first."""
        query = rows_having(provider_keys, account_id=account_id, gateway_id=gateway_id)
        newest = (provider_keys.c.created_at.desc(), provider_keys.c.id.desc())
        return await self._pools.page(row_as(StoredKey), query.order_by(*newest), page)

    async def get(self, account_id: str, gateway_id: str, key_id: str) -> StoredKey | None:
        query = rows_having(provider_keys, account_id=account_id, gateway_id=gateway_id, id=key_id)
        return await self._pools.one(row_as(StoredKey), query)

    async def of_custom(self, account_id: str, custom_id: str) -> list[StoredKey]:
        """The keys of a custom provider, on all gateways."""
        query = rows_having(provider_keys, account_id=account_id, custom_id=custom_id)
        return await self._pools.all(row_as(StoredKey), query.order_by("gateway_id", "created_at", "id"))

    async def insert(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        """Raises Conflict when (gateway, provider, alias) is taken."""
        await self._pools.write(insert(provider_keys), values_of(provider_keys, key), entry)

    async def update(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        await self._pools.write(replacing(provider_keys, key, "account_id", "gateway_id", "id"), entry=entry)

    async def delete(self, account_id: str, gateway_id: str, key_id: str, entry: AuditEntry | None = None) -> None:
        same = having(provider_keys, account_id=account_id, gateway_id=gateway_id, id=key_id)
        await self._pools.write(delete(provider_keys).where(same), entry=entry)
