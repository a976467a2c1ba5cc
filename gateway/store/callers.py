"""Requests without a valid token: who sent them, by the hour."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, func, select

from gateway.model.rollups import fold_refused
from gateway.model.unauthenticated import CallerHour, CallerSum
from gateway.store import rollups
from gateway.store.pools import Pools
from gateway.store.tables import callers

_KEY: Final = CallerHour._fields


class CallerTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def add(self, refused: Mapping[tuple[str, str], int], sums: Mapping[CallerHour, int], now: float) -> None:
        """Count refused requests, (account, gateway) → how many, in this moment's rollups; add callers to their hour."""
        statement = self._pools.database.insert(callers)
        summed = {"requests": callers.c.requests + statement.excluded.requests, "last_seen": statement.excluded.last_seen}
        values = [key._asdict() | {"requests": requests, "last_seen": now} for key, requests in sorted(sums.items())]
        async with self._pools.writing() as connection:
            if refused:
                await rollups.add(connection, self._pools.database, fold_refused(refused, now))
            if values:
                await connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=summed), values)

    async def since(self, account_id: str, gateway_id: str, hour: int) -> list[CallerSum]:
        """Who used the gateway while it asked for no token, from that hour on."""
        c = callers.c
        who = (c.valid, c.address, c.user_agent, c.path)
        query = (
            select(*who, func.sum(c.requests), func.max(c.last_seen))
            .where(c.account_id == account_id, c.gateway_id == gateway_id, c.hour >= hour)
            .group_by(*who)
        )
        async with self._pools.asking() as connection:
            found = (await connection.execute(query)).all()
        # PostgreSQL sums integers to decimals.
        return [CallerSum(*row[:4], int(row[4]), row[5]) for row in found]

    async def expire(self, before: int) -> None:
        """Drop hours that began before this moment."""
        async with self._pools.writing() as connection:
            await connection.execute(delete(callers).where(callers.c.hour < before))
