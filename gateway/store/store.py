"""The store: its tables over one set of pools. Who needs some of them takes those, not the store."""

from dataclasses import dataclass

from gateway.store.accounts import AccountTable
from gateway.store.audit import AuditTable
from gateway.store.callers import CallerTable
from gateway.store.custom_providers import CustomProviderTable
from gateway.store.database import postgres_database, sqlite_database
from gateway.store.facts import FactTable
from gateway.store.gateways import GatewayTable
from gateway.store.keys import KeyTable
from gateway.store.log import RequestLog
from gateway.store.pools import Pools
from gateway.store.rollups import RollupTable
from gateway.store.sessions import SessionTable
from gateway.store.tokens import TokenTable

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Store:
    """A change takes the entry of the audit log that tells of it into its transaction. All raise StoreDown."""

    pools: Pools
    accounts: AccountTable
    gateways: GatewayTable
    tokens: TokenTable
    sessions: SessionTable
    keys: KeyTable
    custom_providers: CustomProviderTable
    log: RequestLog
    rollups: RollupTable
    callers: CallerTable
    audit: AuditTable
    facts: FactTable

    @classmethod
    def over(cls, pools: Pools) -> "Store":
        return cls(
            pools=pools,
            accounts=AccountTable(pools),
            gateways=GatewayTable(pools),
            tokens=TokenTable(pools),
            sessions=SessionTable(pools),
            keys=KeyTable(pools),
            custom_providers=CustomProviderTable(pools),
            log=RequestLog(pools),
            rollups=RollupTable(pools),
            callers=CallerTable(pools),
            audit=AuditTable(pools),
            facts=FactTable(pools),
        )

    async def hold(self) -> None:
        """Keep other services away from it until it is closed; before `open`. Raises Unusable when one has it, StoreDown."""
        await self.pools.hold()

    async def open(self) -> None:
        """Connect and bring the schema up to date. Raises StoreDown; may be called again after a failure."""
        await self.pools.open()

    async def close(self) -> None:
        await self.pools.close()

    async def ping(self) -> None:
        """Raise StoreDown unless a trivial write is taken, by what was opened: a full disk and a read-only one still read."""
        await self.facts.put("ping", "")


def open_store(url: str, *, create: bool = True) -> Store:
    """A store for `sqlite:////absolute/path`, `sqlite:///relative/path` or `postgresql://…`; its `open` connects.
    `create`: whether a file that is not there may be made.

    Raises ValueError for any other URL, without repeating it (it may hold a password); ImportError when
    PostgreSQL is asked for and the extra `postgres` is not installed.
    """
    if url.startswith(_SQLITE):
        path = url.removeprefix(_SQLITE)
        if not path or path == ":memory:" or "\0" in path:
            raise ValueError("the store's URL names no file: want sqlite:////absolute/path")
        return Store.over(Pools(sqlite_database(path, create=create)))
    if url.startswith(("postgresql://", "postgres://")):
        return Store.over(Pools(postgres_database(url)))
    raise ValueError("the store's URL must begin with sqlite:/// or postgresql://")
