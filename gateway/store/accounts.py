"""Accounts."""

from sqlalchemy import insert, select

from gateway.model.audit import AuditEntry
from gateway.model.stored import Account
from gateway.store.pools import Pools
from gateway.store.statements import row_as, rows_having, values_of
from gateway.store.tables import accounts


class AccountTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def all(self) -> list[Account]:
        return await self._pools.all(row_as(Account), select(accounts).order_by("created_at", "id"))

    async def get(self, account_id: str) -> Account | None:
        return await self._pools.one(row_as(Account), rows_having(accounts, id=account_id))

    async def insert(self, account: Account, entry: AuditEntry | None = None) -> None:
        await self._pools.write(insert(accounts), values_of(accounts, account), entry)
