"""How a page of the log is found without a scan.

Triggers keep how many rows each hour of a gateway has (`record_counts`). Their sum is the total, and the hour in which a deep
page begins is known from them, so only that hour is stepped through, in the index. With filters there is no such short cut:
matches are looked for from the page's end of time, and counted up to a ceiling.
"""

import math
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy import Row as ResultRow
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.page import INT64_MAX, Page
from gateway.model.records import LogRecord
from gateway.store import tables
from gateway.store.log_query import LogEntry, LogQuery
from gateway.store.log_sql import chosen, ordering, scope

COUNT_CEILING: Final = 1000
"""Filtered totals are exact up to this many matches behind the page's start; one more stands for all that are more."""
_HOUR_S: Final = 3600.0
_WIDTH: Final = len(LogRecord._fields)
_c: Final = tables.records.c
ENTRY: Final = [*(_c[name] for name in LogRecord._fields), _c.feedback, _c.score]


def entry_of(row: ResultRow[Any]) -> LogEntry:
    """Of a row of `ENTRY`."""
    return LogEntry(LogRecord._make(row[:_WIDTH]), *row[_WIDTH:])


class Finder:
    """One question about one gateway's log."""

    def __init__(
        self, connection: AsyncConnection, account_id: str, gateway_id: str, query: LogQuery, visible_from: float | None
    ) -> None:
        self._connection = connection
        self._place = (account_id, gateway_id)
        self._query = query
        self._since = max((moment for moment in (query.since, visible_from) if moment is not None), default=None)
        self._before = query.before

    async def page(self, page: Page) -> tuple[list[LogEntry], int]:
        limit, offset = page.limit, page.offset
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
        wanted = select(*ENTRY).where(_c.id.in_(self.ids(limit, offset))).order_by(*ordering(self._query))
        return [entry_of(row) for row in await self._connection.execute(wanted)]

    def ids(self, limit: int, offset: int) -> Select[Any]:
        return select(_c.id).where(*self._where()).order_by(*ordering(self._query)).limit(limit).offset(offset)

    def _where(self) -> list[ColumnElement[bool]]:
        return [scope(*self._place, self._since, self._before), *chosen(self._query)]

    async def _total(self, offset: int) -> int:
        if self._query.counted:
            return sum(count for _, count in await self._hours())
        matches = select(_c.id).where(*self._where()).limit(min(offset + COUNT_CEILING + 1, INT64_MAX)).subquery()
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


async def finder(connection: AsyncConnection, account_id: str, gateway_id: str, query: LogQuery) -> Finder:
    """Of what is not marked as deleted."""
    return Finder(connection, account_id, gateway_id, query, await _visible_from(connection, account_id, gateway_id))


async def _visible_from(connection: AsyncConnection, account_id: str, gateway_id: str) -> float | None:
    """The first moment whose rows are not deleted; None when all are there."""
    table = tables.record_purges
    mark = select(table.c.until).where(table.c.account_id == account_id, table.c.gateway_id == gateway_id)
    until = (await connection.execute(mark)).scalar()
    return None if until is None else math.nextafter(until, math.inf)
