"""API tokens: what they permit, and what they are known by."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from gateway.model.audit import AuditEntry
from gateway.model.page import Page
from gateway.model.tokens import NewDigest, Token
from gateway.store.pools import Pools
from gateway.store.statements import add_entry, having, replacing, row_as, rows_having, values_of
from gateway.store.tables import sessions, tokens


class TokenTable:
    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    async def page(
        self,
        account_id: str,
        page: Page,
        *,
        kind: str | None = None,
        descending: bool = True,
        expired_before: float | None = None,
    ) -> tuple[list[Token], int]:
        """By issue date; `expired_before` leaves out those that expired earlier than that."""
        query = rows_having(tokens, account_id=account_id)
        if kind is not None:
            query = query.where(tokens.c.kind == kind)
        if expired_before is not None:
            query = query.where(or_(tokens.c.expires_on.is_(None), tokens.c.expires_on >= expired_before))
        order = [column.desc() if descending else column.asc() for column in (tokens.c.issued_on, tokens.c.id)]
        return await self._pools.page(row_as(Token), query.order_by(*order), page)

    async def get(self, token_id: str) -> Token | None:
        return await self._pools.one(row_as(Token), rows_having(tokens, id=token_id))

    async def made_by(self, makers: Sequence[str]) -> list[Token]:
        return await self._pools.all(row_as(Token), select(tokens).where(tokens.c.maker_id.in_(makers)))

    async def by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        """Those that are there, in one query, by digest or older digest."""
        c, asked = tokens.c, set(digests)
        query = select(tokens).where(or_(c.digest.in_(digests), c.older_digest.in_(digests)))
        found = await self._pools.all(row_as(Token), query)
        return {digest: token for token in found for digest in token.known_by if digest in asked}

    async def count_by_pepper(self, now: float) -> dict[str, int]:
        """Pepper's id → tokens whose digest it made, but for those that expired."""
        c = tokens.c
        lasting = or_(c.expires_on.is_(None), c.expires_on > now)
        return dict(await self._pools.all(tuple, select(c.pepper, func.count()).where(lasting).group_by(c.pepper)))

    async def insert(self, token: Token, entry: AuditEntry | None = None) -> None:
        await self._pools.write(insert(tokens), values_of(tokens, token), entry)

    async def update(self, token: Token, entry: AuditEntry | None = None) -> None:
        await self._pools.write(replacing(tokens, token, "id"), entry=entry)

    async def delete(self, token_id: str, entry: AuditEntry | None = None) -> None:
        """With its dashboard sessions."""
        async with self._pools.writing() as connection:
            await connection.execute(delete(sessions).where(having(sessions, token_id=token_id)))
            await connection.execute(delete(tokens).where(having(tokens, id=token_id)))
            await add_entry(connection, entry)

    async def renew_digests(self, renewed: Sequence[NewDigest]) -> None:
        """One that has another digest by now, or is gone, stays so."""
        c = tokens.c
        values = {name: bindparam(f"new_{name}", type_=c[name].type) for name in ("digest", "pepper", "older_digest")}
        statement = update(tokens).where(c.digest == bindparam("was", type_=c.digest.type)).values(values)
        rows = [
            {"was": one.was, "new_digest": one.digest, "new_pepper": one.pepper, "new_older_digest": one.older_digest}
            for one in renewed
        ]
        await self._pools.write(statement, rows)

    async def forget_older_digests(self) -> None:
        await self._pools.write(update(tokens).where(tokens.c.older_digest.is_not(None)).values(older_digest=None))

    async def touch(self, used: dict[str, float]) -> None:
        """token id → last use. Only ever forward: several edges report, in any order."""
        if not used:
            return
        used_at = bindparam("used_at", type_=tokens.c.last_used_on.type)
        older = or_(tokens.c.last_used_on.is_(None), tokens.c.last_used_on < used_at)
        statement = update(tokens).where(tokens.c.id == bindparam("token_id"), older).values(last_used_on=used_at)
        await self._pools.write(statement, [{"token_id": token_id, "used_at": moment} for token_id, moment in used.items()])
