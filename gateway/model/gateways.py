"""A gateway: the customer's object whose settings decide how requests under its id are treated (specification section 4)."""

from dataclasses import dataclass, field
from typing import Any

DEFAULT_GATEWAY_ID = "default"
"""The id used when a request names none; created on the first authenticated request (section 4.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Settings of one gateway; times are seconds since the epoch, intervals seconds, delays milliseconds."""

    account_id: str
    id: str
    internal_id: str
    created_at: float
    modified_at: float
    authentication: bool = True
    """The Authenticated Gateway toggle. On for new gateways unless the creator says otherwise (secure by default)."""
    collect_logs: bool = True
    collect_log_payloads: bool = False
    """Ours beyond Cloudflare's: whether logged requests keep their bodies, unless the request says otherwise."""
    byok_only: bool = False
    cache_invalidate_on_update: bool = False
    cache_ttl: int | None = 0
    rate_limiting_interval: int | None = 0
    rate_limiting_limit: int | None = 0
    rate_limiting_technique: str | None = "fixed"
    log_management: int | None = None
    log_management_strategy: str | None = None
    log_classification: bool = False
    logpush: bool = False
    logpush_public_key: str | None = None
    retry_max_attempts: int | None = None
    retry_delay: int | None = None
    retry_backoff: str | None = None
    spend_limits: dict[str, Any] | None = None
    guardrails: dict[str, Any] | None = None
    dlp: dict[str, Any] | None = None
    otel: list[dict[str, Any]] | None = None
    stripe: dict[str, Any] | None = None
    store_id: str | None = None
    workers_ai_billing_mode: str = "postpaid"
    zdr: bool = False

    @property
    def is_default(self) -> bool:
        return self.id == DEFAULT_GATEWAY_ID


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderKey:
    """A stored provider key as the edge needs it: decrypted, in memory only (section 12)."""

    provider: str
    alias: str
    secret: str = field(repr=False)
    default: bool = False
    """Used where a request asks for no alias; without such a key the one called `default` is."""
    hosts: tuple[str, ...] = ()
    """Where it may go besides the provider's own hosts, if requests name the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomProvider:
    """A provider an account added itself, reached as `custom-{slug}` (section 11)."""

    id: str
    account_id: str
    slug: str
    base_url: str
    enable: bool
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Extra header fields for each request; may hold credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEntry:
    """One gateway as the settings snapshot carries it."""

    gateway: Gateway
    keys: tuple[ProviderKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """One account as the settings snapshot carries it."""

    account_id: str
    custom_providers: tuple[CustomProvider, ...] = ()
