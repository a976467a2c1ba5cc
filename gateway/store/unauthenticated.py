"""The store's part of requests without a valid token: callers by the hour."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.unauthenticated import CallerHour, CallerSum
from gateway.store.database import Database
from gateway.store.tables import callers

_KEY: Final = CallerHour._fields


async def add(connection: AsyncConnection, database: Database, sums: Mapping[CallerHour, int], now: float) -> None:
    """Add these to what is there of the same callers and hours."""
    statement = database.insert(callers)
    summed = {"requests": callers.c.requests + statement.excluded.requests, "last_seen": statement.excluded.last_seen}
    values = [key._asdict() | {"requests": requests, "last_seen": now} for key, requests in sorted(sums.items())]
    await connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=summed), values)


async def read(connection: AsyncConnection, account_id: str, gateway_id: str, since: int) -> list[CallerSum]:
    """Each caller's requests from that hour on."""
    c = callers.c
    who = (c.valid, c.address, c.user_agent, c.path)
    query = (
        select(*who, func.sum(c.requests), func.max(c.last_seen))
        .where(c.account_id == account_id, c.gateway_id == gateway_id, c.hour >= since)
        .group_by(*who)
    )
    # PostgreSQL sums integers to decimals.
    return [CallerSum(*row[:4], int(row[4]), row[5]) for row in (await connection.execute(query)).all()]


async def expire(connection: AsyncConnection, before: int) -> None:
    """Drop hours that began before this moment."""
    await connection.execute(delete(callers).where(callers.c.hour < before))
