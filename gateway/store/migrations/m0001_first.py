"""The first schema: accounts, gateways, tokens, sessions, provider keys, custom providers, request log, rollups, settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ONE_MORE = """
    INSERT INTO record_counts VALUES (NEW.account_id, NEW.gateway_id, {hour}, 1)
    ON CONFLICT (account_id, gateway_id, hour) DO UPDATE SET entries = record_counts.entries + 1;
"""
_ONE_LESS = """
    UPDATE record_counts SET entries = entries - 1
    WHERE account_id = OLD.account_id AND gateway_id = OLD.gateway_id AND hour = {hour};
"""
_SQLITE_HOUR = "CAST({row}.created_at / 3600 AS INTEGER)"
_POSTGRES_HOUR = "floor({row}.created_at / 3600)"
_COUNTING = {
    "sqlite": (
        "CREATE TRIGGER records_counted AFTER INSERT ON records BEGIN"
        + _ONE_MORE.format(hour=_SQLITE_HOUR.format(row="NEW"))
        + "END",
        "CREATE TRIGGER records_discounted AFTER DELETE ON records BEGIN"
        + _ONE_LESS.format(hour=_SQLITE_HOUR.format(row="OLD"))
        + "END",
    ),
    "postgresql": (
        "CREATE FUNCTION records_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        + _ONE_MORE.format(hour=_POSTGRES_HOUR.format(row="NEW"))
        + "RETURN NULL; END $$",
        "CREATE FUNCTION records_discounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        + _ONE_LESS.format(hour=_POSTGRES_HOUR.format(row="OLD"))
        + "RETURN NULL; END $$",
        "CREATE TRIGGER records_counted AFTER INSERT ON records FOR EACH ROW EXECUTE FUNCTION records_counted()",
        "CREATE TRIGGER records_discounted AFTER DELETE ON records FOR EACH ROW EXECUTE FUNCTION records_discounted()",
    ),
}
"""How many log rows there are in each hour: totals and deep pages without a scan."""


def upgrade() -> None:
    _accounts()
    _gateways()
    _tokens()
    _sessions()
    _custom_providers()
    _provider_keys()
    _records()
    _record_bodies()
    _record_counts()
    _record_purges()
    _rollups()
    _callers()
    _audit()
    _facts()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
    )


def _gateways() -> None:
    op.create_table(
        "gateways",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("internal_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("modified_at", sa.Double, nullable=False),
        sa.Column("authentication", sa.Boolean, nullable=False),
        sa.Column("collect_logs", sa.Boolean, nullable=False),
        sa.Column("collect_log_payloads", sa.Boolean, nullable=False),
        sa.Column("byok_only", sa.Boolean, nullable=False),
        sa.Column("cache_invalidate_on_update", sa.Boolean, nullable=False),
        sa.Column("cache_ttl", sa.BigInteger),
        sa.Column("rate_limiting_interval", sa.BigInteger),
        sa.Column("rate_limiting_limit", sa.BigInteger),
        sa.Column("rate_limiting_technique", sa.Text),
        sa.Column("log_management", sa.BigInteger),
        sa.Column("log_management_strategy", sa.Text),
        sa.Column("log_classification", sa.Boolean, nullable=False),
        sa.Column("logpush", sa.Boolean, nullable=False),
        sa.Column("logpush_public_key", sa.Text),
        sa.Column("retry_max_attempts", sa.BigInteger),
        sa.Column("retry_delay", sa.BigInteger),
        sa.Column("retry_backoff", sa.Text),
        sa.Column("spend_limits", sa.JSON),
        sa.Column("guardrails", sa.JSON),
        sa.Column("dlp", sa.JSON),
        sa.Column("otel", sa.JSON),
        sa.Column("stripe", sa.JSON),
        sa.Column("store_id", sa.Text),
        sa.Column("workers_ai_billing_mode", sa.Text, nullable=False),
        sa.Column("zdr", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_gateways"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_gateways_accounts"),
        sa.UniqueConstraint("internal_id", name="uq_gateways_internal_id"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("policies", sa.JSON, nullable=False),
        sa.Column("condition", sa.JSON),
        sa.Column("issued_on", sa.Double, nullable=False),
        sa.Column("modified_on", sa.Double, nullable=False),
        sa.Column("last_used_on", sa.Double),
        sa.Column("not_before", sa.Double),
        sa.Column("expires_on", sa.Double),
        sa.Column("rolls", sa.BigInteger, nullable=False),
        sa.Column("maker_id", sa.Text, nullable=False),
        sa.Column("maker_rolls", sa.BigInteger, nullable=False),
        sa.Column("outlives_maker", sa.Boolean, nullable=False),
        sa.Column("pepper", sa.Text, nullable=False),
        sa.Column("older_digest", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_tokens_accounts"),
        sa.UniqueConstraint("digest", name="uq_tokens_digest"),
        sa.UniqueConstraint("older_digest", name="uq_tokens_older_digest"),
    )
    op.create_index("ix_tokens_account_id_issued_on_id", "tokens", ["account_id", "issued_on", "id"])
    op.create_index("ix_tokens_maker_id", "tokens", ["maker_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("rolls", sa.BigInteger, nullable=False),
        sa.Column("secure", sa.Boolean, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sessions"),
    )
    op.create_index("ix_sessions_token", "sessions", ["token_id", "opened_at"])


def _provider_keys() -> None:
    op.create_table(
        "provider_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("default_config", sa.Boolean, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("preview", sa.Text, nullable=False),
        sa.Column("rate_limit", sa.BigInteger),
        sa.Column("rate_limit_period", sa.BigInteger),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("modified_at", sa.Double, nullable=False),
        sa.Column("custom_id", sa.Text),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_provider_keys"),
        sa.ForeignKeyConstraint(
            ["custom_id"], ["custom_providers.id"], name="fk_provider_keys_custom_providers", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "gateway_id"],
            ["gateways.account_id", "gateways.id"],
            name="fk_provider_keys_gateways",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "account_id", "gateway_id", "provider", "alias", name="uq_provider_keys_account_id_gateway_id_provider_alias"
        ),
    )


def _custom_providers() -> None:
    op.create_table(
        "custom_providers",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("slug", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("link", sa.Text),
        sa.Column("enable", sa.Boolean, nullable=False),
        sa.Column("beta", sa.Boolean, nullable=False),
        sa.Column("sealed_headers", sa.LargeBinary),
        sa.Column("curl_example", sa.Text),
        sa.Column("js_example", sa.Text),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("logo", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("modified_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_custom_providers"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_custom_providers_accounts"),
        sa.UniqueConstraint("account_id", "slug", name="uq_custom_providers_account_id_slug"),
    )


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("model_type", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("status_code", sa.BigInteger, nullable=False),
        sa.Column("success", sa.Boolean, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("first_byte_ms", sa.BigInteger),
        sa.Column("tokens_in", sa.BigInteger),
        sa.Column("tokens_out", sa.BigInteger),
        sa.Column("tokens_cached", sa.BigInteger),
        sa.Column("tokens_reasoning", sa.BigInteger),
        sa.Column("usage_exactness", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("request_type", sa.Text, nullable=False),
        sa.Column("request_content_type", sa.Text, nullable=False),
        sa.Column("response_content_type", sa.Text, nullable=False),
        sa.Column("request_size", sa.BigInteger, nullable=False),
        sa.Column("response_size", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("authentication", sa.Boolean, nullable=False),
        sa.Column("token_id", sa.Text, nullable=False),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("tokens_cache_write", sa.BigInteger),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("overhead_us", sa.BigInteger),
        sa.Column("auth_state", sa.Text, nullable=False),
        sa.Column("custom_cost", sa.Text),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("error_code", sa.BigInteger),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("error_cause", sa.Text, nullable=False),
        sa.Column("cost", sa.Double),
        sa.Column("feedback", sa.BigInteger),
        sa.Column("score", sa.Double),
        sa.Column("model_key", sa.Text, sa.Computed("substr(model, 1, 64)", persisted=True)),
        sa.PrimaryKeyConstraint("id", name="pk_records"),
    )
    place = ["account_id", "gateway_id", "created_at", "id"]
    looked_at = ["success", "cached", "status_code", "duration_ms", "tokens_in", "tokens_out", "cost", "model_key"]
    op.create_index("ix_records_newest", "records", place + looked_at)


def _record_bodies() -> None:
    op.create_table(
        "record_bodies",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sa.Column("request_complete", sa.Boolean, nullable=False),
        sa.Column("response_complete", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_record_bodies"),
        sa.ForeignKeyConstraint(["id"], ["records.id"], name="fk_record_bodies_records", ondelete="CASCADE"),
    )


def _record_counts() -> None:
    op.create_table(
        "record_counts",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("hour", sa.Double, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "gateway_id", "hour", name="pk_record_counts"),
    )
    for statement in _COUNTING[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


def _record_purges() -> None:
    op.create_table(
        "record_purges",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "gateway_id", name="pk_record_purges"),
    )


def _rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("span", sa.BigInteger, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("cached", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
        sa.Column("upstream_failed", sa.BigInteger, nullable=False),
        sa.Column("client_gone", sa.BigInteger, nullable=False),
        sa.Column("metered", sa.BigInteger, nullable=False),
        sa.Column("tokens_in", sa.BigInteger, nullable=False),
        sa.Column("tokens_out", sa.BigInteger, nullable=False),
        sa.Column("tokens_cached", sa.BigInteger, nullable=False),
        sa.Column("tokens_cache_write", sa.BigInteger, nullable=False),
        sa.Column("tokens_reasoning", sa.BigInteger, nullable=False),
        sa.Column("priced", sa.BigInteger, nullable=False),
        sa.Column("unauthenticated", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.Double, nullable=False),
        sa.Column("durations", sa.Text, nullable=False),
        sa.Column("first_bytes", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "gateway_id", "span", "start", "provider", "model", name="pk_rollups"),
    )
    op.create_index("ix_rollups_age", "rollups", ["span", "start"])
    op.create_index("ix_rollups_account", "rollups", ["account_id", "span", "start"])


def _callers() -> None:
    op.create_table(
        "callers",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("valid", sa.Boolean, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "gateway_id", "hour", "valid", "address", "user_agent", "path", name="pk_callers"
        ),
    )
    op.create_index("ix_callers_hour", "callers", ["hour"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("succeeded", sa.Boolean, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor_name", sa.Text, nullable=False),
        sa.Column("interface", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("resource_type", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("resource_name", sa.Text, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_created_at", "audit", ["created_at"])
    op.create_index("ix_audit_account_id_id", "audit", ["account_id", "id"])


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
