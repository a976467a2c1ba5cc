"""Request options: every `cf-aig-*` field of specification section 3.1, parsed once into one value.

A field that cannot be read is ignored and never fails the request (section 3.1). A field beats the gateway's setting.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from gateway.model import bounds
from gateway.protocol.field_text import readable

MAX_ATTEMPTS: Final = 5
MAX_RETRY_DELAY_MS: Final = 60_000
CACHE_TTL_MIN_S: Final = 60
CACHE_TTL_MAX_S: Final = 2_592_000

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_WHOLE: Final = re.compile(r"[0-9]{1,12}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """None means: the request does not say, the gateway's setting decides."""

    gateway_id: str | None = None
    skip_cache: bool | None = None
    cache_ttl_s: int | None = None
    """0 switches caching off for this request; else 60 to 2,592,000."""
    cache_key: str | None = None
    collect_log: bool | None = None
    collect_log_payload: bool | None = None
    metadata: str | None = None
    """JSON text of at most five flat entries."""
    event_id: str | None = None
    custom_cost: str | None = None
    """JSON text of `total_cost`, or of rates per token; US dollars."""
    request_timeout_ms: int | None = None
    """To the first byte of the answer."""
    max_attempts: int | None = None
    retry_delay_ms: int | None = None
    backoff: str | None = None
    byok_alias: str | None = None
    no_wholesale: bool = False
    zdr: bool | None = None
    otel_trace_id: str | None = None
    otel_parent_span_id: str | None = None
    fal_target_url: str | None = None

    @classmethod
    def read(cls, control: Mapping[bytes, bytes]) -> "RequestOptions":
        """From `RequestHead.control`; the shared empty value when nothing is asked for."""
        found: dict[str, Any] = {}
        for name, value in control.items():
            if (rule := _RULES.get(name)) is None:
                continue
            field, parse = rule
            if field in found and name in _OLD_NAMES:
                continue
            try:
                parsed = parse(_decoded(name, value))
            except (ValueError, TypeError):
                continue
            if parsed is not None:
                found[field] = parsed
        return cls(**found) if found else NO_OPTIONS

    def of_stranger(self) -> "RequestOptions":
        """What counts of it for a caller without a token: no bodies stored, nothing put into sums
        (decision 0018)."""
        return replace(self, collect_log_payload=None, metadata=None, custom_cost=None)


def _decoded(name: bytes, value: bytes) -> str:
    """UTF-8; metadata is for people, and many clients write Latin-1 there. UnicodeDecodeError otherwise."""
    return readable(value) if name == b"cf-aig-metadata" else value.decode()


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def _text(text: str) -> str | None:
    return text if 0 < len(text) <= 1024 else None


def _event_id(text: str) -> str | None:
    return bounds.text(text, bounds.EVENT_ID) if 0 < len(text) <= bounds.EVENT_ID else None


def _identifier(text: str) -> str | None:
    return text if _ID.match(text) else None


def _whole(text: str, low: int, high: int) -> int | None:
    """A whole number within bounds; None for anything else."""
    return number if _WHOLE.match(text) and low <= (number := int(text)) <= high else None


def _cache_ttl(text: str) -> int | None:
    return 0 if text == "0" else _whole(text, CACHE_TTL_MIN_S, CACHE_TTL_MAX_S)


def _hexadecimal(length: int) -> Callable[[str], str | None]:
    pattern = re.compile(rf"[0-9a-f]{{{length}}}\Z")
    return lambda text: text if pattern.match(text) and text.strip("0") else None


def _metadata(text: str) -> str | None:
    """The first five entries whose values are flat; keys starting `cf.` are reserved and dropped."""
    entries = orjson.loads(text)
    if not isinstance(entries, dict):
        return None
    flat = {
        key: value
        for key, value in entries.items()
        if not key.startswith("cf.") and (value is None or isinstance(value, str | int | float | bool))
    }
    kept = {
        bounds.text(key, bounds.METADATA_KEY): bounds.text(value, bounds.METADATA_VALUE) if isinstance(value, str) else value
        for key, value in list(flat.items())[: bounds.METADATA_ENTRIES]
    }
    return orjson.dumps(kept).decode() if kept else None


_COST_FIELDS: Final = ("per_token_in", "per_token_out", "per_cache_read_token", "per_cache_write_token", "total_cost")


def _custom_cost(text: str) -> str | None:
    """Either `total_cost`, or `per_token_in` and `per_token_out` with optional cache rates; US dollars (section 13).
    One beyond all bounds is no price, and like any other value that cannot be read it is passed over."""
    given = orjson.loads(text)
    if not isinstance(given, dict):
        return None
    costs = {
        name: float(given[name])
        for name in _COST_FIELDS
        if isinstance(given.get(name), int | float)
        and not isinstance(given[name], bool)
        and 0 <= given[name] <= (bounds.COST_USD if name == "total_cost" else bounds.RATE_USD)
    }
    complete = "total_cost" in costs or {"per_token_in", "per_token_out"} <= costs.keys()
    return orjson.dumps(costs).decode() if complete else None


def _backoff(text: str) -> str | None:
    return text if text in ("constant", "linear", "exponential") else None


def _max_attempts(text: str) -> int | None:
    return _whole(text, 1, MAX_ATTEMPTS)


def _retry_delay(text: str) -> int | None:
    return _whole(text, 0, MAX_RETRY_DELAY_MS)


def _timeout(text: str) -> int | None:
    return _whole(text, 1, 86_400_000)


def _alias(text: str) -> str | None:
    # Kept even when odd: an alias that no key has must be refused, not silently replaced by the default one.
    return text if _ID.match(text) else "?"


_RULES: Final[dict[bytes, tuple[str, Callable[[str], Any]]]] = {
    b"cf-aig-gateway-id": ("gateway_id", _identifier),
    b"cf-aig-skip-cache": ("skip_cache", _boolean),
    b"cf-aig-cache-ttl": ("cache_ttl_s", _cache_ttl),
    b"cf-aig-cache-key": ("cache_key", _text),
    b"cf-aig-collect-log": ("collect_log", _boolean),
    b"cf-aig-collect-log-payload": ("collect_log_payload", _boolean),
    b"cf-aig-metadata": ("metadata", _metadata),
    b"cf-aig-event-id": ("event_id", _event_id),
    b"cf-aig-custom-cost": ("custom_cost", _custom_cost),
    b"cf-aig-request-timeout": ("request_timeout_ms", _timeout),
    b"cf-aig-max-attempts": ("max_attempts", _max_attempts),
    b"cf-aig-retry-delay": ("retry_delay_ms", _retry_delay),
    b"cf-aig-backoff": ("backoff", _backoff),
    b"cf-aig-byok-alias": ("byok_alias", _alias),
    b"cf-aig-no-wholesale": ("no_wholesale", _boolean),
    b"cf-aig-zdr": ("zdr", _boolean),
    b"cf-aig-otel-trace-id": ("otel_trace_id", _hexadecimal(32)),
    b"cf-aig-otel-parent-span-id": ("otel_parent_span_id", _hexadecimal(16)),
    b"x-fal-target-url": ("fal_target_url", _text),
    # Deprecated names, still honoured; the new ones win.
    b"cf-cache-ttl": ("cache_ttl_s", _cache_ttl),
    b"cf-skip-cache": ("skip_cache", _boolean),
}
_OLD_NAMES: Final = frozenset({b"cf-cache-ttl", b"cf-skip-cache"})

NO_OPTIONS: Final = RequestOptions()
