"""Dashboard sessions in the relational store."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.store.port import StoredSession
from gateway.store.tables import sessions

_COLUMNS: Final = tuple(column.name for column in sessions.columns)


class SessionTable:
    """Wants `_reading` and `_writing` of the store it is part of."""

    _reading: Callable[[], AbstractAsyncContextManager[AsyncConnection]]
    _writing: Callable[[], AbstractAsyncContextManager[AsyncConnection]]

    async def session(self, key: bytes) -> StoredSession | None:
        async with self._reading() as connection:
            row = (await connection.execute(select(sessions).where(sessions.c.key == key))).first()
        return None if row is None else StoredSession(**row._mapping)

    async def insert_session(self, session: StoredSession, most: int) -> None:
        mine = sessions.c.token_id == session.token_id
        newest = select(sessions.c.key).where(mine).order_by(sessions.c.opened_at.desc(), sessions.c.key).limit(most)
        async with self._writing() as connection:
            await connection.execute(insert(sessions), {name: getattr(session, name) for name in _COLUMNS})
            await connection.execute(delete(sessions).where(mine, sessions.c.key.not_in(newest.scalar_subquery())))

    async def delete_session(self, key: bytes) -> None:
        async with self._writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.key == key))

    async def touch_sessions(self, seen: dict[bytes, float]) -> None:
        """Only ever forward."""
        at = bindparam("at", type_=sessions.c.seen_at.type)
        statement = update(sessions).where(sessions.c.key == bindparam("the_key"), sessions.c.seen_at < at).values(seen_at=at)
        async with self._writing() as connection:
            await connection.execute(statement, [{"the_key": key, "at": moment} for key, moment in seen.items()])

    async def expire_sessions(self, opened_before: float, seen_before: float) -> None:
        ended = or_(sessions.c.opened_at < opened_before, sessions.c.seen_at < seen_before)
        async with self._writing() as connection:
            await connection.execute(delete(sessions).where(ended))
