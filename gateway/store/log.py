"""The request log: its records and their bodies."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Executable, LargeBinary, Select, and_, bindparam, delete, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.page import Page
from gateway.model.records import LogBodies, LogRecord, Row
from gateway.model.rollups import fold
from gateway.store import rollups, tables
from gateway.store.database import Database
from gateway.store.log_pages import ENTRY, entry_of, finder
from gateway.store.log_query import LogEntry, LogQuery
from gateway.store.log_sql import scope
from gateway.store.pools import Pools

BODIES_AT_ONCE: Final = 100
"""A transaction of a hundred long bodies is about what other writers should wait for."""
_c: Final = tables.records.c


class RequestLog:
    def __init__(self, pools: Pools) -> None:
        database = pools.database
        self._pools = pools
        adding = database.insert(tables.records).on_conflict_do_nothing()
        self._insert_records = _positional(adding, database, LogRecord._fields)
        dialect = database.engine.dialect
        self._record_values = [tables.records.c[name].type.bind_processor(dialect) for name in LogRecord._fields]

    # --- reading

    async def page(self, account_id: str, gateway_id: str, query: LogQuery, page: Page) -> tuple[list[LogEntry], int]:
        """With the count of all that match; filtered, it counts no more than 1,000 matches from the page's start on."""
        async with self._pools.asking() as connection:
            return await (await finder(connection, account_id, gateway_id, query)).page(page)

    async def get(self, account_id: str, gateway_id: str, record_id: str) -> LogEntry | None:
        async with self._pools.asking() as connection:
            row = (await connection.execute(_one(ENTRY, account_id, gateway_id, record_id))).first()
            return None if row is None else entry_of(row)

    async def bodies(self, account_id: str, gateway_id: str, record_id: str, head_bytes: int | None = None) -> LogBodies | None:
        """Whole, or the first `head_bytes` of each; `_complete` then says whether that is all."""
        table = tables.record_bodies
        columns: list[Any] = [table.c.request, table.c.response]
        if head_bytes is not None:
            columns = [func.substr(column, 1, head_bytes, type_=LargeBinary) for column in columns]
            fits = [func.length(column) <= head_bytes for column in (table.c.request, table.c.response)]
        else:
            fits = [literal(True), literal(True)]
        query = _one([*columns, table.c.request_complete, table.c.response_complete, *fits], account_id, gateway_id, record_id)
        async with self._pools.asking() as connection:
            row = (await connection.execute(query.join(table, table.c.id == _c.id))).first()
        if row is None:
            return None
        request, response, request_complete, response_complete, request_fits, response_fits = row
        return LogBodies(
            record_id,
            account_id,
            gateway_id,
            bytes(request or b""),
            bytes(response or b""),
            bool(request_complete and request_fits),
            bool(response_complete and response_fits),
        )

    # --- writing

    async def insert(self, records: Sequence[LogRecord]) -> None:
        """One transaction; a record whose id exists is ignored, so a batch may be tried again. Each new one is counted in the
        rollups."""
        if not records:
            return
        # Past SQLAlchemy's work on each value; the few batches that need it get it by themselves.
        rows = records if _storable(records) else [_bound(self._record_values, record) for record in records]
        async with self._pools.writing() as connection:
            if new := await rollups.unknown(connection, rows):
                await connection.exec_driver_sql(self._insert_records, new)
                await rollups.add(connection, self._pools.database, fold(map(_record, new)))

    async def insert_bodies(self, bodies: Sequence[LogBodies]) -> None:
        """In small transactions. Bodies without their record are left out, and those that are there already stay."""
        for start in range(0, len(bodies), BODIES_AT_ONCE):
            rows = [one._asdict() for one in bodies[start : start + BODIES_AT_ONCE]]
            async with self._pools.writing() as connection:
                await connection.execute(self._bodies_insertion(), rows)

    def _bodies_insertion(self) -> Any:
        """Only with their record: what was refused or deleted in between keeps no bodies."""
        place = {name: bindparam(name, type_=tables.CleanText) for name in ("id", "account_id", "gateway_id")}
        table = tables.record_bodies
        names = ["id", "request", "response", "request_complete", "response_complete"]
        row = select(*(bindparam(name, type_=table.c[name].type) for name in names))
        there = exists().where(*(_c[name] == value for name, value in place.items()))
        return self._pools.database.insert(table).from_select(names, row.where(there)).on_conflict_do_nothing()

    async def edit(self, account_id: str, gateway_id: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """`changes`: new values of `feedback`, `score`, `metadata` (JSON text); those not named stay."""
        if not changes:
            return
        async with self._pools.writing() as connection:
            same = (_c.account_id == account_id, _c.gateway_id == gateway_id, _c.id == record_id)
            await connection.execute(update(tables.records).where(*same).values(dict(changes)))

    async def find(self, account_id: str, gateway_id: str, query: LogQuery, limit: int) -> list[str]:
        """Ids of the first matches in the query's order."""
        async with self._pools.asking() as connection:
            wanted = await finder(connection, account_id, gateway_id, query)
            return list((await connection.execute(wanted.ids(limit, 0))).scalars())

    async def delete(self, account_id: str, gateway_id: str, record_ids: Sequence[str]) -> None:
        """With their bodies, in one transaction: a few hundred at a time."""
        same = (_c.account_id == account_id, _c.gateway_id == gateway_id, _c.id.in_(record_ids))
        async with self._pools.writing() as connection:
            await connection.execute(delete(tables.records).where(*same))
            await connection.execute(_forget_empty_hours(account_id, gateway_id))

    async def purge(self, account_id: str, gateway_id: str, before: float | None = None) -> None:
        """All there are, or all before a moment: gone for every reader at once, taken from the disk by `purge_batch`."""
        async with self._pools.writing() as connection:
            await hide(connection, self._pools.database, account_id, gateway_id, before)

    # --- retention

    async def counts(self) -> dict[tuple[str, str], int]:
        """(account, gateway) → stored records, those being purged included."""
        table = tables.record_counts
        by_gateway = (table.c.account_id, table.c.gateway_id)
        async with self._pools.reading() as connection:
            rows = await connection.execute(select(*by_gateway, func.sum(table.c.entries)).group_by(*by_gateway))
            return {(account_id, gateway_id): int(count) for account_id, gateway_id, count in rows}

    async def purges(self) -> list[tuple[str, str]]:
        """Account and gateway of purges under way."""
        table = tables.record_purges
        async with self._pools.reading() as connection:
            return [(row[0], row[1]) for row in await connection.execute(select(table.c.account_id, table.c.gateway_id))]

    async def purge_batch(self, account_id: str, gateway_id: str, rows: int) -> int:
        """Delete up to `rows` purged records, in one transaction; how many. Fewer than `rows`: that was the last batch."""
        mark = tables.record_purges
        place = and_(mark.c.account_id == account_id, mark.c.gateway_id == gateway_id)
        async with self._pools.writing() as connection:
            until = (await connection.execute(select(mark.c.until).where(place))).scalar()
            if until is None:
                return 0
            taken = await _delete_oldest(connection, account_id, gateway_id, (rows, math.nextafter(until, math.inf)))
            if taken < rows:
                await connection.execute(delete(mark).where(place))
            return taken

    async def delete_oldest(self, account_id: str, gateway_id: str, rows: int) -> int:
        """Delete the oldest `rows` records, in one transaction; how many there were."""
        async with self._pools.writing() as connection:
            return await _delete_oldest(connection, account_id, gateway_id, (rows, None))


async def hide(
    connection: AsyncConnection, database: Database, account_id: str, gateway_id: str, before: float | None = None
) -> None:
    """Mark all rows there are, or those before a moment, as deleted: one row of work, however many they are."""
    newest = select(func.max(_c.created_at)).where(scope(account_id, gateway_id, None, before))
    until = (await connection.execute(newest)).scalar()
    if until is None:
        return
    place = {"account_id": account_id, "gateway_id": gateway_id}
    mark = database.insert(tables.record_purges).values(**place, until=until)
    changed = {"until": mark.excluded.until}
    await connection.execute(mark.on_conflict_do_update(index_elements=["account_id", "gateway_id"], set_=changed))


def _one(columns: Sequence[Any], account_id: str, gateway_id: str, record_id: str) -> Select[Any]:
    """A record that belongs to the gateway and is not marked as deleted."""
    mark = tables.record_purges
    hidden = exists().where(
        mark.c.account_id == _c.account_id, mark.c.gateway_id == _c.gateway_id, mark.c.until >= _c.created_at
    )
    same = (_c.id == record_id, _c.account_id == account_id, _c.gateway_id == gateway_id)
    return select(*columns).select_from(tables.records).where(*same, ~hidden)


async def _delete_oldest(
    connection: AsyncConnection, account_id: str, gateway_id: str, bounds: tuple[int, float | None]
) -> int:
    rows, before = bounds
    oldest = select(_c.id).where(scope(account_id, gateway_id, None, before)).order_by(_c.created_at, _c.id).limit(rows)
    ids = list((await connection.execute(oldest)).scalars())
    await connection.execute(delete(tables.records).where(_c.id.in_(ids)))
    await connection.execute(_forget_empty_hours(account_id, gateway_id))
    return len(ids)


def _forget_empty_hours(account_id: str, gateway_id: str) -> Any:
    table = tables.record_counts
    return delete(table).where(table.c.account_id == account_id, table.c.gateway_id == gateway_id, table.c.entries <= 0)


def _positional(statement: Executable, database: Database, names: Sequence[str]) -> str:
    """The statement's SQL for the driver, its parameters in the order of `names`."""
    compiled = statement.compile(dialect=database.engine.dialect, column_keys=names)  # type: ignore[attr-defined]
    if list(compiled.positiontup) != list(names):
        raise TypeError("the table's columns are not in the record's order")
    return str(compiled)


def _bound(processors: Sequence[Callable[[Any], Any] | None], row: Row) -> Row:
    """The row's values as the columns' types would have them."""
    return tuple(bind(value) if bind else value for bind, value in zip(processors, row, strict=True))


def _storable(rows: Sequence[Row]) -> bool:
    """Whether no text holds NUL or a lone surrogate, and no integer more than 53 bits: one pass in C tells of a whole batch."""
    try:
        return b"\\u0000" not in orjson.dumps([tuple(row) for row in rows], option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return False


def _record(row: Row) -> LogRecord:
    return row if type(row) is LogRecord else LogRecord._make(row)
