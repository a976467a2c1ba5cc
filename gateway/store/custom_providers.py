"""Custom providers; their keys go with them."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, or_, select

from gateway.model.audit import AuditEntry
from gateway.model.page import Page
from gateway.model.stored import StoredCustomProvider
from gateway.store.pools import Pools
from gateway.store.statements import having, replacing, row_as, rows_having, values_of
from gateway.store.tables import custom_providers


class CustomProviderTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def all(self) -> list[StoredCustomProvider]:
        query = select(custom_providers).order_by("account_id", "slug")
        return await self._pools.all(row_as(StoredCustomProvider), query)

    async def page(
        self, account_id: str, page: Page, search: str = "", switches: Mapping[str, bool] | None = None
    ) -> tuple[list[StoredCustomProvider], int]:
        """Newest first, names or slugs containing `search`; `switches`: `beta` and `enable` as they must be."""
        c = custom_providers.c
        query = rows_having(custom_providers, account_id=account_id, **(switches or {}))
        if search:
            query = query.where(or_(*(column.icontains(search, autoescape=True) for column in (c.name, c.slug))))
        return await self._pools.page(row_as(StoredCustomProvider), query.order_by(c.created_at.desc(), c.id.desc()), page)

    async def get(self, account_id: str, provider_id: str) -> StoredCustomProvider | None:
        query = rows_having(custom_providers, account_id=account_id, id=provider_id)
        return await self._pools.one(row_as(StoredCustomProvider), query)

    async def by_slug(self, account_id: str, slug: str) -> StoredCustomProvider | None:
        query = rows_having(custom_providers, account_id=account_id, slug=slug)
        return await self._pools.one(row_as(StoredCustomProvider), query)

    async def insert(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        """Raises Conflict when the account has the slug."""
        await self._pools.write(insert(custom_providers), values_of(custom_providers, provider), entry)

    async def update(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        await self._pools.write(replacing(custom_providers, provider, "account_id", "id"), entry=entry)

    async def delete(self, account_id: str, provider_id: str, entry: AuditEntry | None = None) -> None:
        same = having(custom_providers, account_id=account_id, id=provider_id)
        await self._pools.write(delete(custom_providers).where(same), entry=entry)
