"""Rollups: each new record is counted once, in the transaction that inserts it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy import Row as ResultRow
from sqlalchemy import Table, delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model import bounds
from gateway.model.records import Row
from gateway.model.rollups import COUNTS, ERRORS, OTHER, Figures, GatewaySum, Rollup, RollupKey
from gateway.store.database import Database
from gateway.store.pools import Pools
from gateway.store.tables import CleanText, rollups

_KEY: Final = RollupKey._fields
_AT_ONCE: Final = 250
"""Rows made values at a time: some milliseconds."""
_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(7020104112)")
"""PostgreSQL: rollups are read, added to and written back, so two control planes take turns."""
_KNOWN: Final = {
    "sqlite": "SELECT id FROM records WHERE id IN (SELECT value FROM json_each(:ids))",
    "postgresql": "SELECT id FROM records WHERE id IN (SELECT json_array_elements_text(cast(:ids AS json)))",
}
_COLUMNS: Final = ", ".join(f"r.{column.name}" for column in rollups.columns)
_TOUCHED: Final = {
    # CROSS JOIN: SQLite then takes the keys first and looks each one up.
    "sqlite": f"SELECT {_COLUMNS} FROM json_each(:keys) AS k CROSS JOIN rollups AS r WHERE "  # noqa: S608 - columns of ours
    + " AND ".join(f"r.{name} = json_extract(k.value, '$[{at}]')" for at, name in enumerate(_KEY)),
    "postgresql": f"SELECT {_COLUMNS} FROM json_array_elements(cast(:keys AS json)) AS k(value) JOIN rollups AS r ON "  # noqa: S608
    + " AND ".join(
        f"r.{name} = " + (f"cast(k.value->>{at} AS bigint)" if name in ("span", "start") else f"k.value->>{at}")
        for at, name in enumerate(_KEY)
    ),
}
_COUNTED: Final = {
    "sqlite": "SELECT r.account_id, r.gateway_id, r.span, r.start, count(*) FROM json_each(:keys) AS k CROSS JOIN rollups AS r"
    " WHERE r.account_id = json_extract(k.value, '$[0]') AND r.gateway_id = json_extract(k.value, '$[1]')"
    " AND r.span = json_extract(k.value, '$[2]') AND r.start = json_extract(k.value, '$[3]') GROUP BY 1, 2, 3, 4",
    "postgresql": "SELECT r.account_id, r.gateway_id, r.span, r.start, count(*) FROM json_array_elements(cast(:keys AS json))"
    " AS k(value) JOIN rollups AS r ON r.account_id = k.value->>0 AND r.gateway_id = k.value->>1"
    " AND r.span = cast(k.value->>2 AS bigint) AND r.start = cast(k.value->>3 AS bigint) GROUP BY 1, 2, 3, 4",
}

Period = tuple[str, str, int, int]
"""Account, gateway, span and start: the rollups that a figure of analytics is made of."""


class RollupTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def of_gateway(self, account_id: str, gateway_id: str, span: int, period: tuple[float, float]) -> list[Rollup]:
        """A gateway's rollups of this span (model.rollups.SPANS_S) that start in the period, oldest first."""
        query = (
            select(*list(rollups.columns)[3:])
            .where(rollups.c.account_id == account_id, rollups.c.gateway_id == gateway_id, rollups.c.span == span)
            .where(rollups.c.start >= int(period[0]), rollups.c.start < period[1])
            .order_by(rollups.c.start, rollups.c.provider, rollups.c.model)
        )
        found: list[Rollup] = []
        async with self._pools.asking() as connection:
            for some in (await connection.execute(query)).partitions(_AT_ONCE):
                found += [Rollup(row[0], row[1], row[2], _figures(row, 3)) for row in some]
                await asyncio.sleep(0)  # lets others in
        return found

    async def sums(self, account_id: str, span: int, period: tuple[float, float]) -> list[GatewaySum]:
        """The same for all gateways of the account, by gateway and start, without provider, model and times."""
        errors = sum((rollups.c[name] for name in ERRORS[1:]), start=rollups.c[ERRORS[0]])
        plain = (rollups.c[name] for name in ("cached", "tokens_in", "tokens_out", "priced", "cost"))
        query = (
            select(rollups.c.gateway_id, rollups.c.start, *map(func.sum, (rollups.c.requests, errors, *plain)))
            .where(rollups.c.account_id == account_id, rollups.c.span == span)
            .where(rollups.c.start >= int(period[0]), rollups.c.start < period[1])
            .group_by(rollups.c.gateway_id, rollups.c.start)
            .order_by(rollups.c.gateway_id, rollups.c.start)
        )
        async with self._pools.asking() as connection:
            found = (await connection.execute(query)).all()
        # PostgreSQL sums integers to decimals.
        return [GatewaySum._make([*row[:2], *map(int, row[2:-1]), float(row[-1])]) for row in found]

    async def expire(self, before: dict[int, float]) -> None:
        """Drop what is older: span → first moment that is kept."""
        old = or_(*((rollups.c.span == span) & (rollups.c.start < moment) for span, moment in before.items()))
        async with self._pools.writing() as connection:
            await connection.execute(delete(rollups).where(old))


async def unknown(connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
    """The rows whose id is not in the store yet, each once: a batch that is sent again is not counted again."""
    by_id = {row[0]: row for row in rows}
    ids = orjson.dumps(list(by_id)).decode()
    found = await connection.execute(text(_KNOWN[connection.dialect.name]), {"ids": ids})
    for (known,) in found:
        by_id.pop(known, None)
    return list(by_id.values())


async def add(connection: AsyncConnection, database: Database, folded: dict[RollupKey, Figures]) -> None:
    """Add these to what is there."""
    folded = _clean(folded)
    if connection.dialect.name == "postgresql":
        await connection.execute(_ONE_AT_A_TIME)
    there = await _touched(connection, folded)
    new = [key for key in folded if key not in there and key.model not in ("", OTHER)]
    if new and (others := _bounded(folded, new, await _names(connection, new))):
        there |= await _touched(connection, others)
    for key, figures in there.items():
        folded[key].merge(figures)
    values = [key._asdict() | _values(figures) for key, figures in sorted(folded.items(), key=lambda item: item[0])]
    await connection.execute(_upsert(database.insert), values)


async def _touched(connection: AsyncConnection, keys: Iterable[RollupKey]) -> dict[RollupKey, Figures]:
    """What is there under these keys."""
    asked = orjson.dumps([tuple(key) for key in keys]).decode()
    found = await connection.execute(text(_TOUCHED[connection.dialect.name]), {"keys": asked})
    return {RollupKey(*row[: len(_KEY)]): _figures(row, len(_KEY)) for row in found}


async def _names(connection: AsyncConnection, keys: Iterable[RollupKey]) -> dict[Period, int]:
    """How many models have a row of their own in the periods of these keys."""
    periods = orjson.dumps(list({key[:4] for key in keys})).decode()
    found = await connection.execute(text(_COUNTED[connection.dialect.name]), {"keys": periods})
    return {(row[0], row[1], row[2], row[3]): int(row[4]) for row in found}


def _bounded(folded: dict[RollupKey, Figures], new: list[RollupKey], names: dict[Period, int]) -> list[RollupKey]:
    """Sum up under OTHER what would be one model too many in its period; the keys it went to.

    Those that a provider served come first, the busiest before others. Names that only ever failed, which anybody can make up,
    get half of the room.
    """
    new.sort(key=lambda key: (folded[key].errors - folded[key].requests, -folded[key].requests, key))
    others = set()
    for key in new:
        figures, period = folded[key], key[:4]
        most = bounds.ROLLUP_NAMES[key.span] // (1 if figures.requests > figures.errors else 2)
        if names.get(period, 0) < most:
            names[period] = names.get(period, 0) + 1
            continue
        other = key._replace(model=OTHER)
        others.add(other)
        folded.setdefault(other, Figures()).merge(folded.pop(key))
    return list(others)


@lru_cache(maxsize=2)
def _upsert(insert: Callable[[Table], Any]) -> Any:
    """Made once for each kind of database: making it costs as much as running it."""
    statement = insert(rollups)
    summed = {column.name: statement.excluded[column.name] for column in rollups.columns if column.name not in _KEY}
    return statement.on_conflict_do_update(index_elements=_KEY, set_=summed)


def _clean(folded: dict[RollupKey, Figures]) -> dict[RollupKey, Figures]:
    """Keys as the database has them: a name that had to be cut may end in half a character."""
    clean: dict[RollupKey, Figures] = {}
    for key, figures in folded.items():
        stored = RollupKey._make(CleanText.clean(part) if isinstance(part, str) else part for part in key)
        if stored in clean:
            clean[stored].merge(figures)
        else:
            clean[stored] = figures
    return clean


def _values(figures: Figures) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(figures, name) for name in COUNTS}
    return values | {"cost": figures.cost, "durations": _text(figures.durations), "first_bytes": _text(figures.first_bytes)}


def _figures(row: ResultRow[Any], at: int) -> Figures:
    figures = Figures()
    (
        figures.requests,
        figures.cached,
        figures.refused,
        figures.rejected,
        figures.upstream_failed,
        figures.client_gone,
        figures.metered,
        figures.tokens_in,
        figures.tokens_out,
        figures.tokens_cached,
        figures.tokens_cache_write,
        figures.tokens_reasoning,
        figures.priced,
        figures.unauthenticated,
        figures.cost,
        durations,
        first_bytes,
    ) = row[at:]
    figures.durations, figures.first_bytes = _histogram(durations), _histogram(first_bytes)
    return figures


def _text(histogram: dict[int, int]) -> str:
    """`[bucket, count, bucket, count, …]`: half the size of an object, and read faster."""
    return orjson.dumps([part for pair in sorted(histogram.items()) for part in pair]).decode()


def _histogram(stored: str) -> dict[int, int]:
    parts = orjson.loads(stored)
    return dict(zip(parts[::2], parts[1::2], strict=False))
