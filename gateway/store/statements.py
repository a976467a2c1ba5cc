"""Statements that every table needs: rows by their key, all columns of a noun, the entry of the audit log beside a change."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Executable, Row, Select, Table, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.audit import AuditEntry
from gateway.store import tables

T = TypeVar("T")


def row_as(noun: Callable[..., T]) -> Callable[[Row[Any]], T]:
    """Makes the noun of a row that has its fields by name."""
    return lambda row: noun(**row._mapping)


def having(table: Table, **key: object) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key.items()))


def rows_having(table: Table, **key: object) -> Select[Any]:
    return select(table).where(having(table, **key))


def values_of(table: Table, noun: object, *without: str) -> dict[str, Any]:
    return {column.name: getattr(noun, column.name) for column in table.columns if column.name not in without}


def replacing(table: Table, noun: object, *key: str) -> Executable:
    """UPDATE of all columns but the key; a row that is gone stays gone."""
    same = having(table, **{name: getattr(noun, name) for name in key})
    return update(table).where(same).values(values_of(table, noun, *key))


async def add_entry(connection: AsyncConnection, entry: AuditEntry | None) -> None:
    """The entry of the audit log that tells of a change, in the change's own transaction."""
    if entry is not None:
        await connection.execute(insert(tables.audit), values_of(tables.audit, entry))
