"""Dashboard sessions; they end with their token."""

from sqlalchemy import bindparam, delete, insert, or_, select, update

from gateway.model.stored import StoredSession
from gateway.store.pools import Pools
from gateway.store.statements import values_of
from gateway.store.tables import sessions


class SessionTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def get(self, key: bytes) -> StoredSession | None:
        async with self._pools.reading() as connection:
            row = (await connection.execute(select(sessions).where(sessions.c.key == key))).first()
        return None if row is None else StoredSession(**row._mapping)

    async def insert(self, session: StoredSession, most: int) -> None:
        """Of its token, no more than the `most` newest stay."""
        mine = sessions.c.token_id == session.token_id
        newest = select(sessions.c.key).where(mine).order_by(sessions.c.opened_at.desc(), sessions.c.key).limit(most)
        async with self._pools.writing() as connection:
            await connection.execute(insert(sessions), values_of(sessions, session))
            await connection.execute(delete(sessions).where(mine, sessions.c.key.not_in(newest.scalar_subquery())))

    async def delete(self, key: bytes) -> None:
        async with self._pools.writing() as connection:
            await connection.execute(delete(sessions).where(sessions.c.key == key))

    async def touch(self, seen: dict[bytes, float]) -> None:
        """key → when it was used last. Only ever forward."""
        at = bindparam("at", type_=sessions.c.seen_at.type)
        statement = update(sessions).where(sessions.c.key == bindparam("the_key"), sessions.c.seen_at < at).values(seen_at=at)
        async with self._pools.writing() as connection:
            await connection.execute(statement, [{"the_key": key, "at": moment} for key, moment in seen.items()])

    async def expire(self, opened_before: float, seen_before: float) -> None:
        ended = or_(sessions.c.opened_at < opened_before, sessions.c.seen_at < seen_before)
        async with self._pools.writing() as connection:
            await connection.execute(delete(sessions).where(ended))
