"""The store on a relational database: `port.Store` in SQLAlchemy Core. The queries are the same for SQLite and PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy import Row as ResultRow
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.model.audit import AuditEntry
from gateway.model.gateways import Gateway
from gateway.model.records import LogRecord, Row
from gateway.model.rollups import GatewaySum, Rollup, fold, fold_refused
from gateway.model.unauthenticated import CallerHour, CallerSum
from gateway.store import rollups, tables, unauthenticated
from gateway.store.connected import WRITE_S
from gateway.store.database import Database
from gateway.store.port import Account, AuditQuery, NewDigest, Page, StoredCustomProvider, StoredKey, Token
from gateway.store.request_log import RequestLog
from gateway.store.sessions import SessionTable

T = TypeVar("T")
_INT64_MAX: Final = 2**63 - 1


class RelationalStore(RequestLog, SessionTable):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        adding = database.insert(tables.records).on_conflict_do_nothing()
        self._insert_records = _positional(adding, database, LogRecord._fields)
        dialect = database.engine.dialect
        self._record_values = [tables.records.c[name].type.bind_processor(dialect) for name in LogRecord._fields]

    async def ping(self) -> None:
        """A write: a full disk and a read-only one still read."""
        await self.put_setting("ping", "")

    # accounts
    async def accounts(self) -> list[Account]:
        return await self._all(_as(Account), select(tables.accounts).order_by("created_at", "id"))

    async def account(self, account_id: str) -> Account | None:
        return await self._one(_as(Account), _get(tables.accounts, id=account_id))

    async def insert_account(self, account: Account, entry: AuditEntry | None = None) -> None:
        await self._write(insert(tables.accounts), _values(tables.accounts, account), entry)

    # gateways
    async def all_gateways(self) -> list[Gateway]:
        return await self._all(_as(Gateway), select(tables.gateways).order_by("account_id", "id"))

    async def list_gateways(self, account_id: str, page: Page, search: str = "") -> tuple[list[Gateway], int]:
        table = tables.gateways
        query = _get(table, account_id=account_id)
        if search:
            query = query.where(table.c.id.icontains(search, autoescape=True))
        return await self._page(_as(Gateway), query.order_by(table.c.created_at.desc(), table.c.id.desc()), page)

    async def gateway(self, account_id: str, gateway_id: str) -> Gateway | None:
        return await self._one(_as(Gateway), _get(tables.gateways, account_id=account_id, id=gateway_id))

    async def insert_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        await self._write(insert(tables.gateways), _values(tables.gateways, gateway), entry)

    async def update_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None:
        await self._write(_set(tables.gateways, gateway, "account_id", "id"), entry=entry)

    async def delete_gateway(self, account_id: str, gateway_id: str, entry: AuditEntry | None = None) -> None:
        belonging = {"account_id": account_id, "gateway_id": gateway_id}
        async with self._writing() as connection:
            await self._hide(connection, account_id, gateway_id)
            for table in (tables.rollups, tables.callers, tables.provider_keys):
                await connection.execute(delete(table).where(_same(table, **belonging)))
            await connection.execute(
                delete(tables.gateways).where(_same(tables.gateways, account_id=account_id, id=gateway_id))
            )
            await _note(connection, entry)

    # tokens
    async def list_tokens(
        self,
        account_id: str,
        page: Page,
        *,
        kind: str | None = None,
        descending: bool = True,
        expired_before: float | None = None,
    ) -> tuple[list[Token], int]:
        table = tables.tokens
        query = _get(table, account_id=account_id)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if expired_before is not None:
            query = query.where(or_(table.c.expires_on.is_(None), table.c.expires_on >= expired_before))
        order = [column.desc() if descending else column.asc() for column in (table.c.issued_on, table.c.id)]
        return await self._page(_as(Token), query.order_by(*order), page)

    async def token(self, token_id: str) -> Token | None:
        return await self._one(_as(Token), _get(tables.tokens, id=token_id))

    async def tokens_made_by(self, makers: Sequence[str]) -> list[Token]:
        return await self._all(_as(Token), select(tables.tokens).where(tables.tokens.c.maker_id.in_(makers)))

    async def tokens_by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        c, asked = tables.tokens.c, set(digests)
        found = await self._all(
            _as(Token), select(tables.tokens).where(or_(c.digest.in_(digests), c.older_digest.in_(digests)))
        )
        return {digest: token for token in found for digest in token.known_by if digest in asked}

    async def renew_digests(self, renewed: Sequence[NewDigest]) -> None:
        c = tables.tokens.c
        values = {name: bindparam(f"new_{name}", type_=c[name].type) for name in ("digest", "pepper", "older_digest")}
        statement = update(tables.tokens).where(c.digest == bindparam("was", type_=c.digest.type)).values(values)
        rows = [
            {"was": one.was, "new_digest": one.digest, "new_pepper": one.pepper, "new_older_digest": one.older_digest}
            for one in renewed
        ]
        await self._write(statement, rows)

    async def forget_older_digests(self) -> None:
        c = tables.tokens.c
        await self._write(update(tables.tokens).where(c.older_digest.is_not(None)).values(older_digest=None))

    async def tokens_by_pepper(self, now: float) -> dict[str, int]:
        c = tables.tokens.c
        lasting = or_(c.expires_on.is_(None), c.expires_on > now)
        return dict(await self._all(tuple, select(c.pepper, func.count()).where(lasting).group_by(c.pepper)))

    async def insert_token(self, token: Token, entry: AuditEntry | None = None) -> None:
        await self._write(insert(tables.tokens), _values(tables.tokens, token), entry)

    async def update_token(self, token: Token, entry: AuditEntry | None = None) -> None:
        await self._write(_set(tables.tokens, token, "id"), entry=entry)

    async def delete_token(self, token_id: str, entry: AuditEntry | None = None) -> None:
        async with self._writing() as connection:
            await connection.execute(delete(tables.sessions).where(_same(tables.sessions, token_id=token_id)))
            await connection.execute(delete(tables.tokens).where(_same(tables.tokens, id=token_id)))
            await _note(connection, entry)

    async def touch_tokens(self, used: dict[str, float]) -> None:
        """Only ever forward: several edges report, in any order."""
        if not used:
            return
        table = tables.tokens
        used_at = bindparam("used_at", type_=table.c.last_used_on.type)
        older = or_(table.c.last_used_on.is_(None), table.c.last_used_on < used_at)
        statement = update(table).where(table.c.id == bindparam("token_id"), older).values(last_used_on=used_at)
        await self._write(statement, [{"token_id": token_id, "used_at": moment} for token_id, moment in used.items()])

    # provider keys
    async def all_keys(self) -> list[StoredKey]:
        return await self._all(
            _as(StoredKey), select(tables.provider_keys).order_by("account_id", "gateway_id", "created_at", "id")
        )

    async def list_keys(self, account_id: str, gateway_id: str, page: Page) -> tuple[list[StoredKey], int]:
        """Newest first."""
        table = tables.provider_keys
        query = _get(table, account_id=account_id, gateway_id=gateway_id)
        return await self._page(_as(StoredKey), query.order_by(table.c.created_at.desc(), table.c.id.desc()), page)

    async def key(self, account_id: str, gateway_id: str, key_id: str) -> StoredKey | None:
        query = _get(tables.provider_keys, account_id=account_id, gateway_id=gateway_id, id=key_id)
        return await self._one(_as(StoredKey), query)

    async def keys_of_custom(self, account_id: str, custom_id: str) -> list[StoredKey]:
        query = _get(tables.provider_keys, account_id=account_id, custom_id=custom_id)
        return await self._all(_as(StoredKey), query.order_by("gateway_id", "created_at", "id"))

    async def insert_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        await self._write(insert(tables.provider_keys), _values(tables.provider_keys, key), entry)

    async def update_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        await self._write(_set(tables.provider_keys, key, "account_id", "gateway_id", "id"), entry=entry)

    async def delete_key(self, account_id: str, gateway_id: str, key_id: str, entry: AuditEntry | None = None) -> None:
        table = tables.provider_keys
        await self._write(
            delete(table).where(_same(table, account_id=account_id, gateway_id=gateway_id, id=key_id)), entry=entry
        )

    # custom providers
    async def all_custom_providers(self) -> list[StoredCustomProvider]:
        return await self._all(_as(StoredCustomProvider), select(tables.custom_providers).order_by("account_id", "slug"))

    async def list_custom_providers(
        self, account_id: str, page: Page, search: str = "", switches: Mapping[str, bool] | None = None
    ) -> tuple[list[StoredCustomProvider], int]:
        """Newest first, names or slugs containing `search`; `switches`: `beta` and `enable` as they must be."""
        table = tables.custom_providers
        query = _get(table, account_id=account_id, **(switches or {}))
        if search:
            query = query.where(or_(*(column.icontains(search, autoescape=True) for column in (table.c.name, table.c.slug))))
        return await self._page(_as(StoredCustomProvider), query.order_by(table.c.created_at.desc(), table.c.id.desc()), page)

    async def custom_provider(self, account_id: str, provider_id: str) -> StoredCustomProvider | None:
        return await self._one(_as(StoredCustomProvider), _get(tables.custom_providers, account_id=account_id, id=provider_id))

    async def custom_provider_by_slug(self, account_id: str, slug: str) -> StoredCustomProvider | None:
        return await self._one(_as(StoredCustomProvider), _get(tables.custom_providers, account_id=account_id, slug=slug))

    async def insert_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        await self._write(insert(tables.custom_providers), _values(tables.custom_providers, provider), entry)

    async def update_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        await self._write(_set(tables.custom_providers, provider, "account_id", "id"), entry=entry)

    async def delete_custom_provider(self, account_id: str, provider_id: str, entry: AuditEntry | None = None) -> None:
        table = tables.custom_providers
        await self._write(delete(table).where(_same(table, account_id=account_id, id=provider_id)), entry=entry)

    # request log
    async def insert_records(self, records: list[LogRecord]) -> None:
        """Past SQLAlchemy's work on each value; the few batches that need it get it by themselves."""
        if records:
            rows = records if _storable(records) else [_bound(self._record_values, record) for record in records]
            async with self._writing() as connection:
                if new := await rollups.unknown(connection, rows):
                    await connection.exec_driver_sql(self._insert_records, new)
                    await rollups.add(connection, self._database, fold(map(_record, new)))

    # analytics
    async def rollups(self, account_id: str, gateway_id: str, span: int, period: tuple[float, float]) -> list[Rollup]:
        async with self._asking() as connection:
            return await rollups.read(connection, (account_id, gateway_id), span, period)

    async def gateway_sums(self, account_id: str, span: int, period: tuple[float, float]) -> list[GatewaySum]:
        async with self._asking() as connection:
            return await rollups.sums(connection, account_id, span, period)

    async def expire_rollups(self, before: dict[int, float]) -> None:
        async with self._writing() as connection:
            await rollups.expire(connection, before)

    # requests without a valid token
    async def add_unauthenticated(
        self, refused: Mapping[tuple[str, str], int], callers: Mapping[CallerHour, int], now: float
    ) -> None:
        async with self._writing() as connection:
            if refused:
                await rollups.add(connection, self._database, fold_refused(refused, now))
            if callers:
                await unauthenticated.add(connection, self._database, callers, now)

    async def callers(self, account_id: str, gateway_id: str, since: int) -> list[CallerSum]:
        async with self._asking() as connection:
            return await unauthenticated.read(connection, account_id, gateway_id, since)

    async def expire_callers(self, before: int) -> None:
        async with self._writing() as connection:
            await unauthenticated.expire(connection, before)

    # audit log
    async def insert_audit(self, entry: AuditEntry) -> None:
        await self._write(insert(tables.audit), _values(tables.audit, entry))

    async def list_audit(self, accounts: Sequence[str], query: AuditQuery) -> list[AuditEntry]:
        c = tables.audit.c
        found = select(tables.audit).where(c.account_id.in_(accounts), *(c[name] == text for name, text in query.equal.items()))
        if query.since is not None:
            found = found.where(c.created_at >= query.since)
        if query.before is not None:
            found = found.where(c.created_at < query.before)
        if query.cursor:
            found = found.where(c.id < query.cursor if query.descending else c.id > query.cursor)
        return await self._all(_as(AuditEntry), found.order_by(c.id.desc() if query.descending else c.id).limit(query.limit))

    async def expire_audit(self, before: float) -> None:
        await self._write(delete(tables.audit).where(tables.audit.c.created_at < before))

    # the service's own
    async def setting(self, name: str) -> str | None:
        row = await self._one(tuple, _get(tables.settings, name=name))
        return None if row is None else row[1]

    async def settings_of(self, prefix: str) -> dict[str, str]:
        named = tables.settings.c.name.startswith(prefix, autoescape=True)
        return dict(await self._all(tuple, select(tables.settings).where(named)))

    async def put_setting(self, name: str, value: str) -> None:
        statement = self._database.insert(tables.settings).values(name=name, value=value)
        await self._write(statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value}))

    async def delete_setting(self, name: str) -> None:
        await self._write(delete(tables.settings).where(_same(tables.settings, name=name)))

    # how some of them read and write
    async def _page(self, make: Callable[[ResultRow[Any]], T], query: Select[Any], page: Page) -> tuple[list[T], int]:
        """One page of the query's rows and how many there are; a page that is not full needs no counting."""
        limit = min(max(page.per_page, 0), _INT64_MAX)
        offset = min(max(page.page - 1, 0) * limit, _INT64_MAX)
        async with self._asking() as connection:
            rows = (await connection.execute(query.limit(limit).offset(offset))).all()
            if len(rows) < limit and (rows or offset == 0):
                total = offset + len(rows)
            else:
                counting = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
                total = (await connection.execute(counting)).scalar_one()
        return [make(row) for row in rows], total

    async def _write(self, statement: Executable, values: Any = None, entry: AuditEntry | None = None) -> None:
        async def execute() -> None:
            async with self._writing() as connection:
                await connection.execute(statement, values)
                await _note(connection, entry)

        await self._in_time(WRITE_S, execute())


async def _note(connection: AsyncConnection, entry: AuditEntry | None) -> None:
    """The entry of the audit log that belongs to what the transaction changes."""
    if entry is not None:
        await connection.execute(insert(tables.audit), _values(tables.audit, entry))


def _as(kind: Callable[..., T]) -> Callable[[ResultRow[Any]], T]:
    return lambda row: kind(**row._mapping)


def _same(table: Table, **key: object) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in key.items()))


def _get(table: Table, **key: object) -> Select[Any]:
    return select(table).where(_same(table, **key))


def _values(table: Table, value: object, *without: str) -> dict[str, Any]:
    return {column.name: getattr(value, column.name) for column in table.columns if column.name not in without}


def _set(table: Table, value: object, *key: str) -> Executable:
    """UPDATE of all columns but the key; a row that is gone stays gone."""
    same = _same(table, **{name: getattr(value, name) for name in key})
    return update(table).where(same).values(_values(table, value, *key))


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
