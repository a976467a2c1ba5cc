"""The audit log. Most entries come with the change they tell of: see `statements.add_entry`."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from gateway.model.audit import AuditEntry, AuditQuery
from gateway.store.pools import Pools
from gateway.store.statements import row_as, values_of
from gateway.store.tables import audit


class AuditTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def insert(self, entry: AuditEntry) -> None:
        """An entry that tells of no change in the store."""
        await self._pools.write(insert(audit), values_of(audit, entry))

    async def find(self, accounts: Sequence[str], query: AuditQuery) -> list[AuditEntry]:
        """Entries of these accounts, by id."""
        c = audit.c
        found = select(audit).where(c.account_id.in_(accounts), *(c[name] == text for name, text in query.equal.items()))
        if query.since is not None:
            found = found.where(c.created_at >= query.since)
        if query.before is not None:
            found = found.where(c.created_at < query.before)
        if query.cursor:
            found = found.where(c.id < query.cursor if query.descending else c.id > query.cursor)
        order = c.id.desc() if query.descending else c.id
        return await self._pools.all(row_as(AuditEntry), found.order_by(order).limit(query.limit))

    async def expire(self, before: float) -> None:
        """Drop entries older than this moment."""
        await self._pools.write(delete(audit).where(audit.c.created_at < before))
