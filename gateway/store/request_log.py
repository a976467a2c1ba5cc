"""The request log's reads, edits and deletions. The store's other half: `relational` connects, and inserts the records.

How a page is found without a scan: triggers keep how many rows each hour of a gateway has (`record_counts`). Their sum is the
total, and the hour in which a deep page begins is known from them, so only that hour is stepped through, in the index.
With filters there is no such short cut: matches are looked for from the page's end of time, and counted up to a ceiling.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, LargeBinary, Select, and_, bindparam, delete, exists, func, literal, select, update
from sqlalchemy import Row as ResultRow
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.records import LogBodies, LogRecord
from gateway.store import tables
from gateway.store.connected import Connected
from gateway.store.log_query import LogEntry, LogQuery
from gateway.store.log_sql import chosen, ordering, scope
from gateway.store.port import Page

COUNT_CEILING: Final = 1000
"""Filtered totals are exact up to this many matches behind the page's start; one more stands for all that are more."""
BODIES_AT_ONCE: Final = 100
"""A transaction of a hundred long bodies is about what other writers should wait for."""
_HOUR_S: Final = 3600.0
_INT64_MAX: Final = 2**63 - 1
_WIDTH: Final = len(LogRecord._fields)
_c: Final = tables.records.c
_ENTRY: Final = [*(_c[name] for name in LogRecord._fields), _c.feedback, _c.score]


def _entry(row: ResultRow[Any]) -> LogEntry:
    return LogEntry(LogRecord._make(row[:_WIDTH]), *row[_WIDTH:])


class RequestLog(Connected):
    # --- reading

    async def list_records(self, account_id: str, gateway_id: str, query: LogQuery, page: Page) -> tuple[list[LogEntry], int]:
        limit = min(max(page.per_page, 0), _INT64_MAX)
        offset = min(max(page.page - 1, 0) * limit, _INT64_MAX)
        async with self._asking() as connection:
            finder = _Finder(connection, account_id, gateway_id, query, await _visible_from(connection, account_id, gateway_id))
            return await finder.page(limit, offset)

    async def record(self, account_id: str, gateway_id: str, record_id: str) -> LogEntry | None:
        async with self._asking() as connection:
            row = (await connection.execute(_one(_ENTRY, account_id, gateway_id, record_id))).first()
            return None if row is None else _entry(row)

    async def bodies(self, account_id: str, gateway_id: str, record_id: str, head_bytes: int | None = None) -> LogBodies | None:
        table = tables.record_bodies
        columns: list[Any] = [table.c.request, table.c.response]
        if head_bytes is not None:
            columns = [func.substr(column, 1, head_bytes, type_=LargeBinary) for column in columns]
            fits = [func.length(column) <= head_bytes for column in (table.c.request, table.c.response)]
        else:
            fits = [literal(True), literal(True)]
        query = _one([*columns, table.c.request_complete, table.c.response_complete, *fits], account_id, gateway_id, record_id)
        async with self._asking() as connection:
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

    async def insert_bodies(self, bodies: Sequence[LogBodies]) -> None:
        for start in range(0, len(bodies), BODIES_AT_ONCE):
            rows = [one._asdict() for one in bodies[start : start + BODIES_AT_ONCE]]
            async with self._writing() as connection:
                await connection.execute(self._bodies_insertion(), rows)

    def _bodies_insertion(self) -> Any:
        """Only with their record: what was refused or deleted in between keeps no bodies."""
        place = {name: bindparam(name, type_=tables.CleanText) for name in ("id", "account_id", "gateway_id")}
        table = tables.record_bodies
        names = ["id", "request", "response", "request_complete", "response_complete"]
        row = select(*(bindparam(name, type_=table.c[name].type) for name in names))
        there = exists().where(*(_c[name] == value for name, value in place.items()))
        return self._database.insert(table).from_select(names, row.where(there)).on_conflict_do_nothing()

    async def edit_record(self, account_id: str, gateway_id: str, record_id: str, changes: Mapping[str, Any]) -> None:
        if not changes:
            return
        async with self._writing() as connection:
            same = (_c.account_id == account_id, _c.gateway_id == gateway_id, _c.id == record_id)
            await connection.execute(update(tables.records).where(*same).values(dict(changes)))

    async def find_records(self, account_id: str, gateway_id: str, query: LogQuery, limit: int) -> list[str]:
        async with self._asking() as connection:
            finder = _Finder(connection, account_id, gateway_id, query, await _visible_from(connection, account_id, gateway_id))
            return list((await connection.execute(finder.ids(limit, 0))).scalars())

    async def delete_records(self, account_id: str, gateway_id: str, record_ids: Sequence[str]) -> None:
        same = (_c.account_id == account_id, _c.gateway_id == gateway_id, _c.id.in_(record_ids))
        async with self._writing() as connection:
            await connection.execute(delete(tables.records).where(*same))
            await connection.execute(_forget_empty_hours(account_id, gateway_id))

    async def purge_records(self, account_id: str, gateway_id: str, before: float | None = None) -> None:
        async with self._writing() as connection:
            await self._hide(connection, account_id, gateway_id, before)

    async def _hide(self, connection: AsyncConnection, account_id: str, gateway_id: str, before: float | None = None) -> None:
        """Mark all rows there are, or those before a moment, as deleted: one row of work, however many they are."""
        newest = select(func.max(_c.created_at)).where(scope(account_id, gateway_id, None, before))
        until = (await connection.execute(newest)).scalar()
        if until is None:
            return
        place = {"account_id": account_id, "gateway_id": gateway_id}
        mark = self._database.insert(tables.record_purges).values(**place, until=until)
        changed = {"until": mark.excluded.until}
        await connection.execute(mark.on_conflict_do_update(index_elements=["account_id", "gateway_id"], set_=changed))

    # --- retention

    async def record_counts(self) -> dict[tuple[str, str], int]:
        table = tables.record_counts
        by_gateway = (table.c.account_id, table.c.gateway_id)
        async with self._reading() as connection:
            rows = await connection.execute(select(*by_gateway, func.sum(table.c.entries)).group_by(*by_gateway))
            return {(account_id, gateway_id): int(count) for account_id, gateway_id, count in rows}

    async def purges(self) -> list[tuple[str, str]]:
        table = tables.record_purges
        async with self._reading() as connection:
            return [(row[0], row[1]) for row in await connection.execute(select(table.c.account_id, table.c.gateway_id))]

    async def purge_batch(self, account_id: str, gateway_id: str, rows: int) -> int:
        mark = tables.record_purges
        place = and_(mark.c.account_id == account_id, mark.c.gateway_id == gateway_id)
        async with self._writing() as connection:
            until = (await connection.execute(select(mark.c.until).where(place))).scalar()
            if until is None:
                return 0
            taken = await _delete_oldest(connection, account_id, gateway_id, (rows, math.nextafter(until, math.inf)))
            if taken < rows:
                await connection.execute(delete(mark).where(place))
            return taken

    async def delete_oldest(self, account_id: str, gateway_id: str, rows: int) -> int:
        async with self._writing() as connection:
            return await _delete_oldest(connection, account_id, gateway_id, (rows, None))


class _Finder:
    """One question about one gateway's log."""

    def __init__(
        self, connection: AsyncConnection, account_id: str, gateway_id: str, query: LogQuery, visible_from: float | None
    ) -> None:
        self._connection = connection
        self._place = (account_id, gateway_id)
        self._query = query
        self._since = max((moment for moment in (query.since, visible_from) if moment is not None), default=None)
        self._before = query.before

    async def page(self, limit: int, offset: int) -> tuple[list[LogEntry], int]:
        if self._query.counted and offset:
            return await self._deep_page(limit, offset)
        found = await self._entries(limit, offset)
        if len(found) < limit and (found or offset == 0):
            return found, offset + len(found)
        return found, await self._total(offset)

    async def _deep_page(self, limit: int, offset: int) -> tuple[list[LogEntry], int]:
        """The hours before the page are passed over by their counts."""
        hours = await self._hours()
        total = sum(count for _, count in hours)
        if offset >= total:
            return [], total
        if self._query.order_by == "created_at":
            for hour, count in reversed(hours) if self._query.descending else hours:
                if offset < count:
                    self._start_at(hour)
                    break
                offset -= count
        return await self._entries(limit, offset), total

    def _start_at(self, hour: float) -> None:
        if self._query.descending:
            self._before = min((hour + 1) * _HOUR_S, math.inf if self._before is None else self._before)
        else:
            self._since = max(hour * _HOUR_S, -math.inf if self._since is None else self._since)

    async def _entries(self, limit: int, offset: int) -> list[LogEntry]:
        """The ids first: those the index often has alone; then the few rows."""
        wanted = select(*_ENTRY).where(_c.id.in_(self.ids(limit, offset))).order_by(*ordering(self._query))
        return [_entry(row) for row in await self._connection.execute(wanted)]

    def ids(self, limit: int, offset: int) -> Select[Any]:
        return select(_c.id).where(*self._where()).order_by(*ordering(self._query)).limit(limit).offset(offset)

    def _where(self) -> list[ColumnElement[bool]]:
        return [scope(*self._place, self._since, self._before), *chosen(self._query)]

    async def _total(self, offset: int) -> int:
        if self._query.counted:
            return sum(count for _, count in await self._hours())
        matches = select(_c.id).where(*self._where()).limit(min(offset + COUNT_CEILING + 1, _INT64_MAX)).subquery()
        return int((await self._connection.execute(select(func.count()).select_from(matches))).scalar_one())

    async def _hours(self) -> list[tuple[float, int]]:
        """The rows of each hour, oldest first; the hours at the ends are counted as far as they are asked for."""
        table = tables.record_counts
        account_id, gateway_id = self._place
        query = select(table.c.hour, table.c.entries).where(
            table.c.account_id == account_id, table.c.gateway_id == gateway_id, table.c.entries > 0
        )
        if self._since is not None:
            query = query.where(table.c.hour >= math.floor(self._since / _HOUR_S))
        if self._before is not None:
            query = query.where(table.c.hour <= math.floor(self._before / _HOUR_S))
        hours = []
        for hour, count in (await self._connection.execute(query.order_by(table.c.hour))).all():
            hours.append((hour, count if self._whole(hour) else await self._part(hour)))
        return hours

    def _whole(self, hour: float) -> bool:
        return (self._since is None or hour * _HOUR_S >= self._since) and (
            self._before is None or (hour + 1) * _HOUR_S <= self._before
        )

    async def _part(self, hour: float) -> int:
        since = max(hour * _HOUR_S, -math.inf if self._since is None else self._since)
        before = min((hour + 1) * _HOUR_S, math.inf if self._before is None else self._before)
        counting = select(func.count()).select_from(tables.records).where(scope(*self._place, since, before))
        return int((await self._connection.execute(counting)).scalar_one())


async def _visible_from(connection: AsyncConnection, account_id: str, gateway_id: str) -> float | None:
    """The first moment whose rows are not deleted; None when all are there."""
    table = tables.record_purges
    mark = select(table.c.until).where(table.c.account_id == account_id, table.c.gateway_id == gateway_id)
    until = (await connection.execute(mark)).scalar()
    return None if until is None else math.nextafter(until, math.inf)


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
