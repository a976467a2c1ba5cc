"""What Cloudflare AI Gateway offers and this version does not: the one table that refusals and the README are made from.

A row goes when its feature arrives. A setting in `settings` or `key_settings` is refused with 501 and its path unless its
value means "off"; a request option in `options` is read and has no effect; what `urls` describes answers 501.
"""

from typing import Any, Final, NamedTuple


class Absent(NamedTuple):
    feature: str
    settings: tuple[str, ...] = ()
    """Fields of a gateway."""
    key_settings: tuple[str, ...] = ()
    """Fields of a stored provider key."""
    options: tuple[str, ...] = ()
    """Header fields of a request."""
    urls: str = ""
    """What a client would call, for the README."""


ABSENT: Final[tuple[Absent, ...]] = (
    Absent(
        "Response cache",
        settings=("cache_ttl",),
        options=("cf-aig-cache-ttl", "cf-aig-skip-cache", "cf-aig-cache-key", "cf-cache-ttl", "cf-skip-cache"),
    ),
    Absent("Rate limits", settings=("rate_limiting_limit",), key_settings=("rate_limit",)),
    Absent(
        "Retries by setting",
        settings=("retry_max_attempts", "retry_delay", "retry_backoff"),
        options=("cf-aig-max-attempts", "cf-aig-retry-delay", "cf-aig-backoff"),
    ),
    Absent("Universal endpoint with fallback", urls="`POST /v1/{account}/{gateway}`"),
    Absent("Dynamic routes", urls="models named `dynamic/…`"),
    Absent("WebSockets", urls="any URL with `Upgrade: websocket`"),
    Absent("Spend limits", settings=("spend_limits",)),
    Absent("Guardrails", settings=("guardrails",)),
    Absent("Data loss prevention", settings=("dlp",)),
    Absent("Trace export", settings=("otel",), options=("cf-aig-otel-trace-id", "cf-aig-otel-parent-span-id")),
    Absent("Log export", settings=("logpush", "logpush_public_key")),
    Absent("Classification of logs", settings=("log_classification",)),
    Absent("Usage export to Stripe", settings=("stripe",)),
    Absent("Zero data retention", settings=("zdr",), options=("cf-aig-zdr",)),
    Absent("Unified billing", settings=("workers_ai_billing_mode",)),
    Absent("Secrets Store", settings=("store_id",)),
)
SETTINGS: Final = frozenset(name for row in ABSENT for name in row.settings)
KEY_SETTINGS: Final = frozenset(name for row in ABSENT for name in row.key_settings)


def is_off(value: Any, default: Any = None) -> bool:
    """Whether a setting's value asks for nothing: its default, empty, zero, `{"enabled": false, …}`, or only such values."""
    if isinstance(value, dict):
        return value.get("enabled") is False or all(map(is_off, value.values()))
    return not value or value == default
