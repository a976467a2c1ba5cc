"""The service's own facts, by name: the bootstrap token's state, checks of keys, the pepper in use."""

from sqlalchemy import delete, select

from gateway.store.pools import Pools
from gateway.store.statements import having, rows_having
from gateway.store.tables import facts


class FactTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def get(self, name: str) -> str | None:
        row = await self._pools.one(tuple, rows_having(facts, name=name))
        return None if row is None else row[1]

    async def beginning(self, prefix: str) -> dict[str, str]:
        """All whose names begin so."""
        named = facts.c.name.startswith(prefix, autoescape=True)
        return dict(await self._pools.all(tuple, select(facts).where(named)))

    async def put(self, name: str, value: str) -> None:
        statement = self._pools.database.insert(facts).values(name=name, value=value)
        changed = {"value": statement.excluded.value}
        await self._pools.write(statement.on_conflict_do_update(index_elements=["name"], set_=changed))

    async def delete(self, name: str) -> None:
        await self._pools.write(delete(facts).where(having(facts, name=name)))
