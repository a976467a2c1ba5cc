"""Gateways. With one go its keys, figures, callers and logs."""

from sqlalchemy import delete, insert, select

from gateway.model.audit import AuditEntry
from gateway.model.gateways import Gateway
from gateway.model.page import Page
from gateway.store import tables
from gateway.store.log import hide
from gateway.store.pools import Pools
from gateway.store.statements import add_entry, having, replacing, row_as, rows_having, values_of
from gateway.store.tables import gateways


class GatewayTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def all(self) -> list[Gateway]:
        return await self._pools.all(row_as(Gateway), select(gateways).order_by("account_id", "id"))

    async def page(self, account_id: str, page: Page, search: str = "") -> tuple[list[Gateway], int]:
        """Newest first, ids containing `search` (as text, no wildcards); with the count of all that match."""
        query = rows_having(gateways, account_id=account_id)
        if search:
            query = query.where(gateways.c.id.icontains(search, autoescape=True))
        return await self._pools.page(row_as(Gateway), query.order_by(gateways.c.created_at.desc(), gateways.c.id.desc()), page)

    async def get(self, account_id: str, gateway_id: str) -> Gateway | None:
        return await self._pools.one(row_as(Gateway), rows_having(gateways, account_id=account_id, id=gateway_id))

    async def insert(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        """Raises Conflict when the account has the id, or when there is no such account."""
        await self._pools.write(insert(gateways), values_of(gateways, gateway), entry)

    async def update(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        await self._pools.write(replacing(gateways, gateway, "account_id", "id"), entry=entry)

    async def delete(self, account_id: str, gateway_id: str, entry: AuditEntry | None = None) -> None:
        """With its keys and logs; the rows of a long log are taken from the disk by `RequestLog.purge_batch`."""
        belonging = {"account_id": account_id, "gateway_id": gateway_id}
        async with self._pools.writing() as connection:
            await hide(connection, self._pools.database, account_id, gateway_id)
            for table in (tables.rollups, tables.callers, tables.provider_keys):
                await connection.execute(delete(table).where(having(table, **belonging)))
            await connection.execute(delete(gateways).where(having(gateways, account_id=account_id, id=gateway_id)))
            await add_entry(connection, entry)
