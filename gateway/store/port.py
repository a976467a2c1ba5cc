"""What control may ask of the store, and the rows it speaks in. Times are seconds since the epoch.

Reads and writes raise StoreDown when the database cannot be reached or answers with an error of its own; Conflict when a
unique key is taken. Nothing here knows HTTP. Secrets arrive and leave encrypted: the store sees ciphertext and digests only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from gateway.model.audit import AuditEntry
from gateway.model.gateways import Gateway
from gateway.model.records import LogBodies, LogRecord
from gateway.model.rollups import GatewaySum, Rollup
from gateway.model.unauthenticated import CallerHour, CallerSum
from gateway.store.log_query import LogEntry, LogQuery


class StoreDown(Exception):
    """The store cannot answer now."""


class Unusable(StoreDown):
    """Trying again cannot help; the text tells the operator what to do."""


class SchemaTooNew(Unusable):
    """The database was migrated by a later version of the gateway."""


class Conflict(Exception):
    """A row with this key exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    name: str
    created_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token without its value (specification section 5.2)."""

    id: str
    account_id: str
    """The account it was made in; what it permits is in `policies`."""
    kind: str
    """`user` or `account`: the tree it was created under."""
    name: str
    digest: bytes = field(repr=False)
    status: str
    """`active` or `disabled`; `expired` is derived from `expires_on` when shown."""
    policies: list[dict[str, Any]]
    condition: dict[str, Any] | None
    issued_on: float
    modified_on: float
    last_used_on: float | None = None
    not_before: float | None = None
    expires_on: float | None = None
    rolls: int = 0
    """How often it got a new value."""
    maker_id: str = ""
    """The token it was made with; empty for one that the service made."""
    maker_rolls: int = 0
    """The maker's count at that moment: with a maker that was rolled since it ends."""
    outlives_maker: bool = False
    pepper: str = ""
    """Id of the pepper that made `digest`."""
    older_digest: bytes | None = field(default=None, repr=False)
    """By the oldest pepper that was in use when `digest` was made, unless there was one only."""

    @property
    def known_by(self) -> tuple[bytes, ...]:
        """What edges may know it by."""
        return (self.digest,) if self.older_digest is None else (self.digest, self.older_digest)


class NewDigest(NamedTuple):
    """What a token is known by from now on."""

    was: bytes
    """Its digest until now."""
    digest: bytes
    pepper: str
    older_digest: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A dashboard session: it names a token and holds none of its rights."""

    key: bytes = field(repr=False)
    """Digest of the cookie's value."""
    token_id: str
    rolls: int
    """Of the token at sign-in: a rolled token ends its sessions as a revoked one does."""
    secure: bool
    """Made over TLS: its cookie has the `__Host-` name, which no other site of the domain can set."""
    opened_at: float
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A provider key of a gateway (section 12), encrypted."""

    id: str
    account_id: str
    gateway_id: str
    provider: str
    alias: str
    default_config: bool
    sealed: bytes = field(repr=False)
    """Ciphertext of `control.vault`."""
    preview: str
    rate_limit: int | None
    rate_limit_period: int | None
    created_at: float
    modified_at: float
    custom_id: str | None = None
    """The custom provider that the key was stored for; its deletion deletes the key. None for the registry's providers."""
    origin: str = ""
    """Of that provider's base URL when the key was stored or moved: it is sent nowhere else."""
    hosts: list[str] = field(default_factory=list)
    """Where the key may go besides the provider's own hosts, if requests name the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCustomProvider:
    """A custom provider as the API shows it; `headers` (JSON text) may hold credentials, so it is sealed too."""

    id: str
    account_id: str
    name: str
    slug: str
    base_url: str
    description: str | None
    link: str | None
    enable: bool
    beta: bool
    sealed_headers: bytes | None = field(repr=False)
    curl_example: str | None
    js_example: str | None
    position: int
    logo: str | None
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    page: int = 1
    per_page: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    since: float | None = None
    before: float | None = None
    limit: int = 100
    cursor: str = ""
    """The id after which to go on."""
    descending: bool = True
    equal: Mapping[str, str] = field(default_factory=dict)
    """Column → the value it must have."""


class Store(Protocol):
    """A change takes the entry of the audit log that tells of it into its transaction."""

    async def open(self) -> None:
        """Connect and bring the schema up to date by migrations. Raises StoreDown; may be called again after a failure."""

    async def close(self) -> None: ...

    failed_writes: int
    """How many writes ended in StoreDown so far, whoever wanted them."""

    async def ping(self) -> None:
        """Raise StoreDown unless a trivial write is taken, and by what was opened."""

    # accounts
    async def accounts(self) -> list[Account]: ...
    async def account(self, account_id: str) -> Account | None: ...
    async def insert_account(self, account: Account, entry: AuditEntry | None = None) -> None: ...

    # gateways
    async def all_gateways(self) -> list[Gateway]: ...
    async def list_gateways(self, account_id: str, page: Page, search: str = "") -> tuple[list[Gateway], int]:
        """Newest first, ids containing `search` (as text, no wildcards); with the count of all that match."""

    async def gateway(self, account_id: str, gateway_id: str) -> Gateway | None: ...
    async def insert_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None: ...
    async def update_gateway(self, gateway: Gateway, entry: AuditEntry | None = None) -> None: ...
    async def delete_gateway(self, account_id: str, gateway_id: str, entry: AuditEntry | None = None) -> None:
        """With its keys and logs; the rows of a long log are taken from the disk by `purge_batch`."""

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
        """By issue date; `expired_before` leaves out those that expired earlier than that."""

    async def token(self, token_id: str) -> Token | None: ...
    async def tokens_made_by(self, makers: Sequence[str]) -> list[Token]: ...
    async def tokens_by_digest(self, digests: Sequence[bytes]) -> dict[bytes, Token]:
        """Those that are there, in one query, by digest or older digest."""

    async def renew_digests(self, renewed: Sequence[NewDigest]) -> None:
        """One that has another digest by now, or is gone, stays so."""

    async def forget_older_digests(self) -> None: ...
    async def tokens_by_pepper(self, now: float) -> dict[str, int]:
        """Pepper's id → tokens whose digest it made, but for those that expired."""

    async def insert_token(self, token: Token, entry: AuditEntry | None = None) -> None: ...
    async def update_token(self, token: Token, entry: AuditEntry | None = None) -> None: ...
    async def delete_token(self, token_id: str, entry: AuditEntry | None = None) -> None: ...
    async def touch_tokens(self, used: dict[str, float]) -> None:
        """token id → last use."""

    # dashboard sessions; they end with their token
    async def session(self, key: bytes) -> StoredSession | None: ...
    async def insert_session(self, session: StoredSession, most: int) -> None:
        """Of its token, no more than the `most` newest stay."""

    async def delete_session(self, key: bytes) -> None: ...
    async def touch_sessions(self, seen: dict[bytes, float]) -> None:
        """key → when it was used last."""

    async def expire_sessions(self, opened_before: float, seen_before: float) -> None: ...

    # provider keys
    async def all_keys(self) -> list[StoredKey]: ...
    async def list_keys(self, account_id: str, gateway_id: str, page: Page) -> tuple[list[StoredKey], int]: ...
    async def key(self, account_id: str, gateway_id: str, key_id: str) -> StoredKey | None: ...
    async def keys_of_custom(self, account_id: str, custom_id: str) -> list[StoredKey]:
        """The keys of a custom provider, on all gateways."""

    async def insert_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None:
        """Conflict when (gateway, provider, alias) is taken."""

    async def update_key(self, key: StoredKey, entry: AuditEntry | None = None) -> None: ...
    async def delete_key(self, account_id: str, gateway_id: str, key_id: str, entry: AuditEntry | None = None) -> None: ...

    # custom providers
    async def all_custom_providers(self) -> list[StoredCustomProvider]: ...
    async def list_custom_providers(
        self, account_id: str, page: Page, search: str = "", switches: Mapping[str, bool] | None = None
    ) -> tuple[list[StoredCustomProvider], int]: ...
    async def custom_provider(self, account_id: str, provider_id: str) -> StoredCustomProvider | None: ...
    async def custom_provider_by_slug(self, account_id: str, slug: str) -> StoredCustomProvider | None: ...
    async def insert_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None:
        """Conflict when the account has the slug."""

    async def update_custom_provider(self, provider: StoredCustomProvider, entry: AuditEntry | None = None) -> None: ...
    async def delete_custom_provider(self, account_id: str, provider_id: str, entry: AuditEntry | None = None) -> None:
        """With its keys."""

    # request log
    async def insert_records(self, records: list[LogRecord]) -> None:
        """One transaction; a record whose id exists is ignored, so a batch may be tried again.

        Each new record is counted in the rollups.
        """

    async def list_records(self, account_id: str, gateway_id: str, query: LogQuery, page: Page) -> tuple[list[LogEntry], int]:
        """With the count of all that match; filtered, it counts no more than 1,000 matches from the page's start on."""

    async def record(self, account_id: str, gateway_id: str, record_id: str) -> LogEntry | None: ...
    async def insert_bodies(self, bodies: Sequence[LogBodies]) -> None:
        """In small transactions. Bodies without their record are left out, and those that are there already stay."""

    async def bodies(self, account_id: str, gateway_id: str, record_id: str, head_bytes: int | None = None) -> LogBodies | None:
        """Whole, or the first `head_bytes` of each; `_complete` then says whether that is all."""

    async def edit_record(self, account_id: str, gateway_id: str, record_id: str, changes: Mapping[str, Any]) -> None:
        """`changes`: new values of `feedback`, `score`, `metadata` (JSON text); those not named stay."""

    async def find_records(self, account_id: str, gateway_id: str, query: LogQuery, limit: int) -> list[str]:
        """Ids of the first matches in the query's order."""

    async def delete_records(self, account_id: str, gateway_id: str, record_ids: Sequence[str]) -> None:
        """With their bodies, in one transaction: a few hundred at a time."""

    async def purge_records(self, account_id: str, gateway_id: str, before: float | None = None) -> None:
        """All there are, or all before a moment: gone for every reader at once, taken from the disk by `purge_batch`."""

    async def purges(self) -> list[tuple[str, str]]:
        """Account and gateway of purges under way."""

    async def purge_batch(self, account_id: str, gateway_id: str, rows: int) -> int:
        """Delete up to `rows` purged records, in one transaction; how many. Fewer than `rows`: that was the last batch."""

    async def record_counts(self) -> dict[tuple[str, str], int]:
        """(account, gateway) → stored records, those being purged included."""

    async def delete_oldest(self, account_id: str, gateway_id: str, rows: int) -> int:
        """Delete the oldest `rows` records, in one transaction; how many there were."""

    # analytics
    async def rollups(self, account_id: str, gateway_id: str, span: int, period: tuple[float, float]) -> list[Rollup]:
        """A gateway's rollups of this span (model.rollups.SPANS_S) that start in the period, oldest first."""

    async def gateway_sums(self, account_id: str, span: int, period: tuple[float, float]) -> list[GatewaySum]:
        """The same of all gateways of the account, by gateway and start."""

    async def expire_rollups(self, before: dict[int, float]) -> None:
        """Drop rollups: span → first moment that is kept."""

    async def add_unauthenticated(
        self, refused: Mapping[tuple[str, str], int], callers: Mapping[CallerHour, int], now: float
    ) -> None:
        """Count refused requests, (account, gateway) → how many, in this moment's rollups; add callers to their hour."""

    async def callers(self, account_id: str, gateway_id: str, since: int) -> list[CallerSum]:
        """Who used the gateway while it asked for no token, from that hour on."""

    async def expire_callers(self, before: int) -> None:
        """Drop hours that began before this moment."""

    # audit log
    async def insert_audit(self, entry: AuditEntry) -> None: ...
    async def list_audit(self, accounts: Sequence[str], query: AuditQuery) -> list[AuditEntry]:
        """Entries of these accounts, by id."""

    async def expire_audit(self, before: float) -> None:
        """Drop entries older than this moment."""

    async def setting(self, name: str) -> str | None:
        """A value of the service's own (schema-independent facts such as the bootstrap's account)."""

    async def settings_of(self, prefix: str) -> dict[str, str]:
        """All whose names begin so."""

    async def put_setting(self, name: str, value: str) -> None: ...
    async def delete_setting(self, name: str) -> None: ...
