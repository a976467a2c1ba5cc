"""The tables, once for both databases. Columns carry the names of the values they hold, so rows map 1:1.

A change here needs a migration beside it; a test compares the two.
"""

import re
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from gateway.model.rollups import COUNTS

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_INT64_MAX: Final = 2**63 - 1


class CleanText(TypeDecorator[str]):
    """Text in which NUL (PostgreSQL refuses it) and lone surrogates (UTF-8 does) become U+FFFD, in queries too."""

    impl = Text
    cache_ok = True

    @staticmethod
    def clean(value: str) -> str:
        return _UNSTORABLE.sub("\ufffd", value)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.clean(value)


class Whole(TypeDecorator[int]):
    """An integer held within 64 bits: one absurd count in a provider's answer must not cost a batch of log rows."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        if value is None or -_INT64_MAX <= value <= _INT64_MAX:
            return value
        return _INT64_MAX if value > 0 else -_INT64_MAX


def _json(name: str) -> Column[object]:
    return Column(name, JSON(none_as_null=True))


metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("name", CleanText, nullable=False),
    Column("created_at", Double, nullable=False),
)

gateways: Final = Table(
    "gateways",
    metadata,
    Column("account_id", CleanText, ForeignKey("accounts.id"), primary_key=True),
    Column("id", CleanText, primary_key=True),
    Column("internal_id", CleanText, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("modified_at", Double, nullable=False),
    Column("authentication", Boolean, nullable=False),
    Column("collect_logs", Boolean, nullable=False),
    Column("collect_log_payloads", Boolean, nullable=False),
    Column("byok_only", Boolean, nullable=False),
    Column("cache_invalidate_on_update", Boolean, nullable=False),
    Column("cache_ttl", Whole),
    Column("rate_limiting_interval", Whole),
    Column("rate_limiting_limit", Whole),
    Column("rate_limiting_technique", CleanText),
    Column("log_management", Whole),
    Column("log_management_strategy", CleanText),
    Column("log_classification", Boolean, nullable=False),
    Column("logpush", Boolean, nullable=False),
    Column("logpush_public_key", CleanText),
    Column("retry_max_attempts", Whole),
    Column("retry_delay", Whole),
    Column("retry_backoff", CleanText),
    _json("spend_limits"),
    _json("guardrails"),
    _json("dlp"),
    _json("otel"),
    _json("stripe"),
    Column("store_id", CleanText),
    Column("workers_ai_billing_mode", CleanText, nullable=False),
    Column("zdr", Boolean, nullable=False),
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("account_id", CleanText, ForeignKey("accounts.id"), nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("name", CleanText, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("status", CleanText, nullable=False),
    Column("policies", JSON, nullable=False),
    _json("condition"),
    Column("issued_on", Double, nullable=False),
    Column("modified_on", Double, nullable=False),
    Column("last_used_on", Double),
    Column("not_before", Double),
    Column("expires_on", Double),
    Column("rolls", Whole, nullable=False),
    Column("maker_id", CleanText, nullable=False, index=True),
    Column("maker_rolls", Whole, nullable=False),
    Column("outlives_maker", Boolean, nullable=False),
    Column("pepper", CleanText, nullable=False),
    Column("older_digest", LargeBinary, unique=True),
    Index(None, "account_id", "issued_on", "id"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("token_id", CleanText, nullable=False),
    Column("rolls", Whole, nullable=False),
    Column("secure", Boolean, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Index("ix_sessions_token", "token_id", "opened_at"),
)

provider_keys: Final = Table(
    "provider_keys",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("account_id", CleanText, nullable=False),
    Column("gateway_id", CleanText, nullable=False),
    Column("provider", CleanText, nullable=False),
    Column("alias", CleanText, nullable=False),
    Column("default_config", Boolean, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("preview", CleanText, nullable=False),
    Column("rate_limit", Whole),
    Column("rate_limit_period", Whole),
    Column("created_at", Double, nullable=False),
    Column("modified_at", Double, nullable=False),
    Column("custom_id", CleanText, ForeignKey("custom_providers.id", ondelete="CASCADE")),
    Column("origin", CleanText, nullable=False),
    Column("hosts", JSON, nullable=False),
    UniqueConstraint("account_id", "gateway_id", "provider", "alias"),
    ForeignKeyConstraint(["account_id", "gateway_id"], ["gateways.account_id", "gateways.id"], ondelete="CASCADE"),
)

custom_providers: Final = Table(
    "custom_providers",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("account_id", CleanText, ForeignKey("accounts.id"), nullable=False),
    Column("name", CleanText, nullable=False),
    Column("slug", CleanText, nullable=False),
    Column("base_url", CleanText, nullable=False),
    Column("description", CleanText),
    Column("link", CleanText),
    Column("enable", Boolean, nullable=False),
    Column("beta", Boolean, nullable=False),
    Column("sealed_headers", LargeBinary),
    Column("curl_example", CleanText),
    Column("js_example", CleanText),
    Column("position", Whole, nullable=False),
    Column("logo", CleanText),
    Column("created_at", Double, nullable=False),
    Column("modified_at", Double, nullable=False),
    UniqueConstraint("account_id", "slug"),
)

records: Final = Table(
    "records",
    metadata,
    Column("id", CleanText, primary_key=True),
    # No foreign key: the last batch of a gateway may arrive after its deletion.
    Column("account_id", CleanText, nullable=False),
    Column("gateway_id", CleanText, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("provider", CleanText, nullable=False),
    Column("model", CleanText, nullable=False),
    Column("model_type", CleanText, nullable=False),
    Column("method", CleanText, nullable=False),
    Column("path", CleanText, nullable=False),
    Column("status_code", Whole, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("outcome", CleanText, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("duration_ms", Whole, nullable=False),
    Column("first_byte_ms", Whole),
    Column("tokens_in", Whole),
    Column("tokens_out", Whole),
    Column("tokens_cached", Whole),
    Column("tokens_reasoning", Whole),
    Column("usage_exactness", CleanText, nullable=False),
    Column("metadata", CleanText),
    Column("step", Whole, nullable=False),
    Column("request_type", CleanText, nullable=False),
    Column("request_content_type", CleanText, nullable=False),
    Column("response_content_type", CleanText, nullable=False),
    Column("request_size", Whole, nullable=False),
    Column("response_size", Whole, nullable=False),
    Column("event_id", CleanText, nullable=False),
    Column("user_agent", CleanText, nullable=False),
    Column("authentication", Boolean, nullable=False),
    Column("token_id", CleanText, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("tokens_cache_write", Whole),
    Column("events", Whole, nullable=False),
    Column("overhead_us", Whole),
    Column("auth_state", CleanText, nullable=False),
    Column("custom_cost", CleanText),
    Column("asked", Boolean, nullable=False),
    Column("error_code", Whole),
    Column("error_message", CleanText, nullable=False),
    Column("error_cause", CleanText, nullable=False),
    Column("cost", Double),
    # Said of a record afterwards; the edge's rows never name them.
    Column("feedback", Whole),
    Column("score", Double),
    # The database fills it in. Short enough for PostgreSQL's index, whatever a client calls its model.
    Column("model_key", Text, Computed("substr(model, 1, 64)", persisted=True)),
    # Read backwards for newest first. Ascending, because new rows then land at the end of their gateway's range. The numbers
    # and the model behind the id let a scan for rare rows pass over the others without opening them.
    Index(
        "ix_records_newest",
        "account_id", "gateway_id", "created_at", "id",
        "success", "cached", "status_code", "duration_ms", "tokens_in", "tokens_out", "cost", "model_key",
    ),
)  # fmt: skip

record_bodies: Final = Table(
    "record_bodies",
    metadata,
    Column("id", CleanText, ForeignKey("records.id", ondelete="CASCADE"), primary_key=True),
    Column("request", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("request_complete", Boolean, nullable=False),
    Column("response_complete", Boolean, nullable=False),
)

# Kept by triggers of the first migration, so that insertion and deletion need not know.
record_counts: Final = Table(
    "record_counts",
    metadata,
    Column("account_id", CleanText, primary_key=True),
    Column("gateway_id", CleanText, primary_key=True),
    Column("hour", Double, primary_key=True),
    Column("entries", BigInteger, nullable=False),
)

# Log rows of a gateway up to a moment that are deleted but still there: nobody sees them, retention takes them in batches.
record_purges: Final = Table(
    "record_purges",
    metadata,
    Column("account_id", CleanText, primary_key=True),
    Column("gateway_id", CleanText, primary_key=True),
    Column("until", Double, nullable=False),
)

rollups: Final = Table(
    "rollups",
    metadata,
    Column("account_id", CleanText, primary_key=True),
    Column("gateway_id", CleanText, primary_key=True),
    Column("span", Whole, primary_key=True, autoincrement=False),
    Column("start", Whole, primary_key=True, autoincrement=False),
    Column("provider", CleanText, primary_key=True),
    Column("model", CleanText, primary_key=True),
    *(Column(name, Whole, nullable=False) for name in COUNTS),
    Column("cost", Double, nullable=False),
    Column("durations", CleanText, nullable=False),
    Column("first_bytes", CleanText, nullable=False),
    Index("ix_rollups_age", "span", "start"),
    Index("ix_rollups_account", "account_id", "span", "start"),
)

callers: Final = Table(
    "callers",
    metadata,
    Column("account_id", CleanText, primary_key=True),
    Column("gateway_id", CleanText, primary_key=True),
    Column("hour", Whole, primary_key=True, autoincrement=False),
    Column("valid", Boolean, primary_key=True, autoincrement=False),
    Column("address", CleanText, primary_key=True),
    Column("user_agent", CleanText, primary_key=True),
    Column("path", CleanText, primary_key=True),
    Column("requests", Whole, nullable=False),
    Column("last_seen", Double, nullable=False),
    Index("ix_callers_hour", "hour"),
)

# Apart from the request log: other readers, another age, and no foreign key, for it outlives what it tells of.
audit: Final = Table(
    "audit",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("created_at", Double, nullable=False, index=True),
    Column("account_id", CleanText, nullable=False),
    Column("action", CleanText, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    Column("actor_id", CleanText, nullable=False),
    Column("actor_name", CleanText, nullable=False),
    Column("interface", CleanText, nullable=False),
    Column("address", CleanText, nullable=False),
    Column("resource_type", CleanText, nullable=False),
    Column("resource_id", CleanText, nullable=False),
    Column("resource_name", CleanText, nullable=False),
    _json("before"),
    _json("after"),
    Index(None, "account_id", "id"),
)

facts: Final = Table(
    "facts",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("value", CleanText, nullable=False),
)
